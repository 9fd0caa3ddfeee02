{{ config(materialized='view') }}

with costs as (
    select
        run_id,
        started_at,
        command,
        run_seconds,
        peak_memory_bytes,
        node_type,
        seconds,
        row_count,
        byte_count
    from {{ ref('run_costs') }}
),

runs as (
    select
        run_id,
        started_at,
        command,
        run_seconds,
        peak_memory_bytes,
        count(*) as nodes,
        sum(seconds) as node_seconds,
        sum(case when node_type = 'model' then seconds else 0 end) as model_seconds,
        sum(case when node_type = 'test' then seconds else 0 end) as test_seconds,
        sum(row_count) as row_count,
        sum(byte_count) as byte_count
    from costs
    group by run_id, started_at, command, run_seconds, peak_memory_bytes
),

prices as (
    select
        {{ policy_cost('machine_price_per_hour') }} as price_per_hour,
        {{ policy_cost('builds_per_year') }} as builds_per_year
),

final as (
    select
        run_id,
        started_at,
        command,
        nodes,
        run_seconds,
        node_seconds,
        model_seconds,
        test_seconds,
        cast(row_count as bigint) as row_count,
        cast(byte_count as bigint) as byte_count,
        peak_memory_bytes,
        run_seconds / nullif(avg(run_seconds) over (
            partition by command order by started_at, run_id rows between 5 preceding and 1 preceding
        ), 0) as run_seconds_trend,
        run_seconds / 3600 * price_per_hour as run_cost,
        run_seconds / 3600 * price_per_hour * builds_per_year as yearly_cost
    from runs
    cross join prices
)

select * from final
