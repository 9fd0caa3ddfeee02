-- With what do people pay, in how many instalments, and how much?
--
-- Found 2026-11-22 on the real data:
-- Cards bring 78.3 % of the money, boleto 17.9 %, vouchers 2.4 %, debit cards 1.4 %. The more instalments, the
-- larger the payment: median 68 BRL at once, 206 BRL in 7 to 10. 5,775 vouchers pay 3,866 orders: a voucher is a
-- part of a payment. 9 payments are of 0 BRL, 3 of them not_defined (cancelled orders). Two card payments have 0
-- instalments; they are in 01.
{{ config(enabled=var('adapter') == 'olist') }}

with payments as (
    select
        order_id,
        payment_type,
        case
            when payment_installments <= 1 then '01'
            when payment_installments <= 3 then '02 to 03'
            when payment_installments <= 6 then '04 to 06'
            when payment_installments <= 10 then '07 to 10'
            else '11 and more'
        end as instalments,
        payment_value
    from {{ ref('order_payments') }}
),

final as (
    select
        payment_type,
        instalments,
        count(*) as payments,
        count(distinct order_id) as orders,
        sum(payment_value) as payment_value,
        round(100.0 * sum(payment_value) / sum(sum(payment_value)) over (), 2) as value_percent,
        round(avg(payment_value), 2) as mean_payment,
        median(payment_value) as median_payment,
        count(case when payment_value = 0 then 1 end) as payments_of_zero
    from payments
    group by payment_type, instalments
)

select *
from final
order by payment_type, instalments
