{% if var('adapter') == 'olist' -%}
with loads as (
    select
        sum(raw_rows) as raw_rows,
        sum(rejected_rows) as rejected_rows,
        max(case when is_synthetic then 1 else 0 end) = 1 as is_synthetic
    from {{ ref('raw_loads') }}
    -- Waits for what the files say of each other. depends_on: {{ ref('file_completeness') }}
),
{%- else -%}
with loads as (
    select
        count(*) as raw_rows,
        count(case when ordered_at is null or amount is null then 1 end) as rejected_rows,
        false as is_synthetic
    from {{ ref('shop_lines') }}
),
{%- endif %}

orders as (
    select purchased_at
    from {{ ref('input_orders') }}
),

periods as (
    select as_of_date
    from {{ ref('periods') }}
    where is_latest
),

bounds as (
    select
        min(purchased_at) as first_order_at,
        max(purchased_at) as last_order_at
    from orders
),

final as (
    select
        loads.is_synthetic,
        case
            when loads.is_synthetic then 'SYNTHETIC DATA, made by a program: no real customer, seller or order'
            else {{ sql_text(notice()) }}
        end as notice,
        cast(loads.raw_rows as bigint) as raw_rows,
        cast(loads.rejected_rows as bigint) as rejected_rows,
        bounds.first_order_at,
        bounds.last_order_at,
        periods.as_of_date as latest_as_of_date,
        {{ sql_text(currency()) }} as currency,
        {{ sql_text(shop_name()) }} as data_name
    from loads
    cross join bounds
    cross join periods
)

select * from final
