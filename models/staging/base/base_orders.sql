{{ config(post_hook="{{ keep_csv_rejects('olist_orders_dataset') }}") }}

with raw as (
    select
        order_id,
        customer_id,
        order_status,
        order_purchase_timestamp,
        order_approved_at,
        order_delivered_carrier_date,
        order_delivered_customer_date,
        order_estimated_delivery_date,
    from {{ raw_table('olist_orders_dataset') }}
),

customers as (
    select order_customer_id
    from {{ ref('base_customers') }}
    where reject_reason is null
),

typed as (
    select
        *,
        {{ to_timestamp('order_purchase_timestamp') }} as purchased_at,
        {{ to_timestamp('order_approved_at') }} as approved_at,
        {{ to_timestamp('order_delivered_carrier_date') }} as handed_to_carrier_at,
        {{ to_timestamp('order_delivered_customer_date') }} as delivered_at,
        {{ to_timestamp('order_estimated_delivery_date') }} as estimated_delivery_at,
    from raw
),

checked as (
    select
        *,
        case
            when order_id is null then 'order_id is empty'
            when order_status is null then 'order_status is empty'
            when purchased_at is null then 'order_purchase_timestamp is not a time'
            when {{ refused('order_approved_at', 'approved_at') }} then 'order_approved_at is not a time'
            when {{ refused('order_delivered_carrier_date', 'handed_to_carrier_at') }}
                then 'order_delivered_carrier_date is not a time'
            when {{ refused('order_delivered_customer_date', 'delivered_at') }}
                then 'order_delivered_customer_date is not a time'
            when {{ refused('order_estimated_delivery_date', 'estimated_delivery_at') }}
                then 'order_estimated_delivery_date is not a time'
        end as row_problem,
    from typed
),

numbered as (
    -- Of several rows with one key a sound one is kept, and which one does not depend on the file's order.
    select
        *,
        row_number() over (
            partition by order_id
            order by
                row_problem is not null,
                customer_id, order_status, order_purchase_timestamp, order_approved_at,
                order_delivered_carrier_date, order_delivered_customer_date, order_estimated_delivery_date
        ) as key_occurrence,
    from checked
),

judged as (
    select
        numbered.*,
        case
            when row_problem is not null then row_problem
            when key_occurrence > 1 then 'duplicate key: order_id'
            when customers.order_customer_id is null
                then 'orphan: customer_id is not an accepted row of olist_customers_dataset'
        end as reject_reason,
    from numbered
    left join customers on numbered.customer_id = customers.order_customer_id
),

final as (
    select
        order_id,
        customer_id as order_customer_id,
        order_status,
        purchased_at,
        approved_at,
        handed_to_carrier_at,
        delivered_at,
        estimated_delivery_at,
        reject_reason,
        case
            when reject_reason is not null
                then {{ json_object([
                    'order_id', 'customer_id', 'order_status', 'order_purchase_timestamp', 'order_approved_at',
                    'order_delivered_carrier_date', 'order_delivered_customer_date', 'order_estimated_delivery_date'
                ]) }}
        end as raw_text,
    from judged
)

select * from final
