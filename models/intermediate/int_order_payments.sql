with payments as (
    select
        order_id,
        payment_sequential,
        payment_type,
        payment_installments,
        payment_value,
    from {{ ref('stg_order_payments') }}
),

by_type as (
    select
        order_id,
        payment_type,
        count(*) as payment_count,
        max(payment_installments) as payment_installments,
        sum(payment_value) as payment_value,
    from payments
    group by order_id, payment_type
),

ranked as (
    select
        *,
        row_number() over (
            partition by order_id
            order by payment_value desc, payment_type
        ) as type_rank,
    from by_type
),

final as (
    select
        order_id,
        cast(sum(payment_count) as int) as payment_count,
        cast(sum(payment_value) as decimal(14, 2)) as payment_value,
        max(payment_installments) as payment_installments,
        max(case when type_rank = 1 then payment_type end) as main_payment_type,
    from ranked
    group by order_id
)

select * from final
