{{ config(materialized='view') }}

with history as (
    select *
    from {{ run_history_table() }}
),

final as (
    select
        run_id,
        started_at,
        command,
        node_id,
        node_type,
        node_name,
        status,
        seconds,
        row_count,
        byte_count,
        run_seconds,
        peak_memory_bytes,
        lag(seconds) over (partition by node_id order by started_at, run_id) as seconds_before,
        seconds / nullif(avg(seconds) over (
            partition by node_id order by started_at, run_id rows between 5 preceding and 1 preceding
        ), 0) as seconds_trend
    from history
)

select * from final
