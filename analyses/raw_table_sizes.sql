-- How large is each raw table, what is its key, and does anything repeat?
--
-- Found 2026-11-22 on the real data:
-- Nine tables; 99,441 orders and as many rows of "customers", which are customers of one order. No key repeats and
-- no order is an orphan. 261,831 of the 1,000,163 geolocation rows repeat another one; the file has no key. 278
-- customers and 7 sellers live in a zip code without point, 13 products have a category without translation. The
-- newest times are later than the last purchase (2018-10-17): a shipping limit in 2020 is a mistake, promises
-- until 2018-11-12 are not.

with data_quality as (
    select
        raw_table,
        column_name,
        check_name,
        checked_rows,
        found_rows,
        highest_value
    from {{ ref('data_quality') }}
),

final as (
    select
        raw_table,
        max(case when check_name = 'rows' then checked_rows end) as raw_rows,
        max(case when check_name = 'rejected' then found_rows end) as rejected_rows,
        count(case when check_name = 'nulls' then 1 end) as columns,
        max(case when check_name = 'key' then column_name end) as key,
        max(case when check_name = 'key' then found_rows end) as repeated_keys,
        max(case when check_name = 'duplicates' and column_name = '(all columns)' then found_rows end) as repeated_rows,
        sum(case when check_name = 'orphans' then found_rows end) as orphan_values,
        max(case when check_name = 'freshness' then highest_value end) as newest_time
    from data_quality
    group by raw_table
)

select *
from final
order by raw_rows desc
