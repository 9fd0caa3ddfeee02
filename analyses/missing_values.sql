-- In which columns are values missing, and how many?
--
-- Found 2026-11-22 on the real data:
-- What is missing is mostly what did not happen: no comment (58.7 %; title 88.3 %), no delivery (2,965 orders, 3.0
-- %), not handed to a carrier (1,783), not approved (160). 610 products (1.9 %) have no category, name, text or
-- photos, always together; 2 have no measures. In this copy of the files 60 reviews have no time of the answer and
-- 17 of them none of the survey either; Kaggle's own file has them all.

with data_quality as (
    select
        raw_table,
        column_name,
        checked_rows,
        found_rows,
        found_share,
        maximum_share,
        is_as_expected
    from {{ ref('data_quality') }}
    where check_name = 'nulls'
),

final as (
    select
        raw_table,
        column_name,
        checked_rows as raw_rows,
        found_rows as missing_values,
        round(100 * found_share, 3) as missing_percent,
        round(100 * maximum_share, 3) as normal_percent_at_most,
        is_as_expected
    from data_quality
    where found_rows > 0
)

select *
from final
order by missing_percent desc, raw_table, column_name
