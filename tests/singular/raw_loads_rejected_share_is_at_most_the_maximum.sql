-- Files of which more rows than max_rejected_share were refused, with the most frequent reason and a row to look for.
{{ config(enabled=var('adapter') == 'olist') }}
with raw_loads as (
    select
        file_name,
        raw_rows,
        rejected_rows,
        rejected_share
    from {{ ref('raw_loads') }}
    where rejected_share > {{ setting('max_rejected_share') }}
),

reasons as (
    select
        file_name,
        reason,
        count(*) as row_count,
        min(raw_text) as sample_row
    from {{ ref('rejected_rows') }}
    group by file_name, reason
),

ranked as (
    select
        *,
        row_number() over (partition by file_name order by row_count desc, reason) as reason_rank,
        count(*) over (partition by file_name) as reason_count
    from reasons
)

select
    raw_loads.file_name || ': ' || {{ with_thousands('raw_loads.rejected_rows') }} || ' of '
    || {{ with_thousands('raw_loads.raw_rows') }} || ' rows are refused ('
    || {{ percent('raw_loads.rejected_share', 1) }}
    || ', at most ' || {{ limit_text(setting('max_rejected_share'), "'share'", "'en'") }} || ' may be). '
    || case when ranked.reason_count > 1 then 'The most frequent reason' else 'The reason' end
    || ': ' || ranked.reason || ' (' || {{ with_thousands('ranked.row_count') }} || ' rows), such as '
    || coalesce(left(ranked.sample_row, 300), 'an empty one')
    || '. Correct the file and build again; staging.rejected_rows has every refused row, var max_rejected_share is '
    || 'what may be refused.' as sentence
from raw_loads
inner join ranked
    on raw_loads.file_name = ranked.file_name
    and ranked.reason_rank = 1
