{{ config(enabled=var('adapter') == 'olist', post_hook="{{ keep_csv_rejects('olist_orders_dataset') }}") }}

with raw as (
    select
        order_id,
        customer_id,
        order_status,
        order_purchase_timestamp,
        order_approved_at,
        order_delivered_carrier_date,
        order_delivered_customer_date,
        order_estimated_delivery_date
    from {{ raw_table('olist_orders_dataset') }}
),

customers as (
    select order_customer_id
    from {{ ref('stg_customers') }}
    where reject_reason is null
),

typed as (
    select
        *,
        {{ to_key('order_id') }} as order_key,
        {{ to_key('customer_id') }} as order_customer_id,
        {{ to_key('order_status') }} as status,
        {{ to_timestamp('order_purchase_timestamp') }} as purchased_at,
        {{ to_timestamp('order_approved_at') }} as approved_at,
        {{ to_timestamp('order_delivered_carrier_date') }} as handed_to_carrier_at,
        {{ to_timestamp('order_delivered_customer_date') }} as delivered_at,
        {{ to_timestamp('order_estimated_delivery_date') }} as estimated_delivery_at
    from raw
),

checked as (
    select
        *,
        case
            when order_key is null then 'order_id is empty'
            when order_customer_id is null then 'customer_id is empty'
            when status is null then 'order_status is empty'
            when purchased_at is null then 'order_purchase_timestamp is not a time'
            {{ time_problem('order_purchase_timestamp', 'purchased_at') }}
            {{ time_problem('order_approved_at', 'approved_at') }}
            {{ time_problem('order_delivered_carrier_date', 'handed_to_carrier_at') }}
            {{ time_problem('order_delivered_customer_date', 'delivered_at') }}
            {{ time_problem('order_estimated_delivery_date', 'estimated_delivery_at', has_happened=false) }}
            {{ order_of_times_problem(
                'order_purchase_timestamp', 'purchased_at', 'approved_at', 'estimated_delivery_at', 'delivered_at'
            ) }}
        end as value_problem
    from typed
),

sound_times as (
    select purchased_at
    from checked
    where value_problem is null
),

plausible as (
    {{ main_stretch('sound_times', 'purchased_at') }}
),

numbered as (
    {{ numbered_by_key(
        'checked', ['order_key'],
        [
            'customer_id', 'order_status', 'order_purchase_timestamp', 'order_approved_at',
            'order_delivered_carrier_date', 'order_delivered_customer_date', 'order_estimated_delivery_date', 'order_id'
        ],
        problem='value_problem is not null or cast(purchased_at as date) not between first_day and last_day',
        beside='plausible'
    ) }}
),

judged as (
    select
        numbered.*,
        case
            when value_problem is not null then value_problem
            when cast(purchased_at as date) not between first_day and last_day
                then 'order_purchase_timestamp is more than {{ setting("largest_gap_days") }} days away from the other '
                    || 'purchases: correct the year, or raise var largest_gap_days'
            when key_occurrence > 1 then 'duplicate key: order_id'
            when order_customer_id not in (select order_customer_id from customers)
                then 'orphan: customer_id is not an accepted row of olist_customers_dataset'
        end as reject_reason
    from numbered
    cross join plausible
),

final as (
    select
        order_key as order_id,
        order_customer_id,
        status as order_status,
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
        end as raw_text
    from judged
)

select * from final
