{{ config(enabled=var('adapter') == 'orders') }}
{#- Traits with a column of their own; what the others are is in other_traits. -#}
{% set has_country = 'country' in shop_traits() %}
{% set own = ['state', 'city', 'product_category', 'payment_type'] + ([] if has_country else ['region']) %}
{% set others = shop_traits() | reject('in', own) | list %}
{% set has_reviews = has_input('average_review_score') %}

with periods as (
    select as_of_date
    from {{ ref('periods') }}
    where is_latest or is_described
),

orders as (
    select
        order_id,
        customer_unique_id,
        purchased_at
    from {{ ref('input_orders') }}
),

reviews as (
    select
        order_id,
        review_score,
        review_answered_at
    from {{ ref('input_reviews') }}
),

order_traits as (
    select
        customer_unique_id,
        ordered_on,
        trait,
        value,
        amount
    from {{ ref('shop_order_traits') }}
),

counted as (
    select
        periods.as_of_date,
        orders.*,
        row_number() over (
            partition by periods.as_of_date, orders.customer_unique_id
            order by orders.purchased_at desc, orders.order_id desc
        ) = 1 as is_last_of_customer
    from orders
    inner join periods on orders.purchased_at < periods.as_of_date
),

answered as (
    {{ reviews_so_far('counted', 'reviews') }}
),

values_so_far as (
    select
        periods.as_of_date,
        order_traits.customer_unique_id,
        order_traits.trait,
        order_traits.value,
        case
            when order_traits.trait not in ('product_category', 'payment_type') then max(order_traits.ordered_on)
        end as last_ordered_on,
        sum(order_traits.amount) as amount
    from order_traits
    inner join periods on order_traits.ordered_on < periods.as_of_date
    group by periods.as_of_date, order_traits.customer_unique_id, order_traits.trait, order_traits.value
),

ranked as (
    -- A category or means of payment is the one with most money; anything else is as in the latest order that has it.
    select
        *,
        row_number() over (
            partition by as_of_date, customer_unique_id, trait
            order by last_ordered_on desc nulls last, amount desc nulls last, value nulls last
        ) as value_rank
    from values_so_far
),

traits as (
    select
        as_of_date,
        customer_unique_id,
        {%- for trait in (own + others + ['region']) | unique %}
        max(case when trait = '{{ trait }}' then value end) as trait_{{ trait }},
        {%- endfor %}
        count(*) as known_traits
    from ranked
    where value_rank = 1
    group by as_of_date, customer_unique_id
),

customers as (
    select
        as_of_date,
        customer_unique_id,
        min(purchased_at) as first_purchased_at,
        max(purchased_at) as last_purchased_at
    from counted
    group by as_of_date, customer_unique_id
),

final as (
    select
        customers.as_of_date,
        customers.customer_unique_id,
        traits.trait_state as customer_state,
        {{ 'coalesce(traits.trait_region, traits.trait_country)' if has_country else 'traits.trait_region' }} as region,
        traits.trait_city as customer_city,
        case when traits.trait_city is not null then cast(count(*) over city as int) end as customers_in_city,
        customers.first_purchased_at,
        customers.last_purchased_at,
        traits.trait_product_category as main_category,
        traits.trait_payment_type as main_payment_type,
        cast(null as int) as most_installments,
        cast(null as int) as delivered_orders,
        cast(null as int) as late_orders,
        cast(null as int) as most_days_late,
        cast(null as double) as average_days_late,
        cast(null as int) as last_order_days_late,
        cast(null as double) as freight_share,
        {{ 'cast(coalesce(answered.reviews, 0) as int)' if has_reviews else 'cast(null as int)' }} as reviews,
        {{ 'cast(coalesce(answered.bad_reviews, 0) as int)' if has_reviews else 'cast(null as int)' }} as bad_reviews,
        answered.last_order_review_score,
        {{ json_object(others, prefix='traits.trait_') if others else 'cast(null as string)' }} as other_traits
    from customers
    left join answered
        on customers.as_of_date = answered.as_of_date
        and customers.customer_unique_id = answered.customer_unique_id
    left join traits
        on customers.as_of_date = traits.as_of_date
        and customers.customer_unique_id = traits.customer_unique_id
    window city as (
        partition by customers.as_of_date, traits.trait_state, traits.trait_city
    )
)

select * from final
