{{ config(enabled=var('adapter') == 'olist') }}
{% set readings = [
    {
        'reading': 'published',
        'why': 'the table bi.top_sellers',
        'query': 'select seller_id, revenue from published',
    },
    {
        'reading': 'delivered by the final status',
        'why': 'a few delivered orders have no delivery time; they belong to no date',
        'query': "select seller_id, sum(price) as revenue from lines where order_status = 'delivered' "
            ~ 'group by seller_id',
    },
    {
        'reading': 'price and freight',
        'why': 'freight passes through the seller to the carrier',
        'query': 'select seller_id, sum(price + freight_value) as revenue from delivered_lines group by seller_id',
    },
    {
        'reading': 'all orders placed, whatever became of them',
        'why': 'lines that were cancelled or are still on their way are counted as sold',
        'query': 'select seller_id, sum(price) as revenue from lines group by seller_id',
    },
    {
        'reading': 'at least the threshold instead of more',
        'why': 'differs only for a seller with exactly that revenue',
        'query': 'select seller_id, sum(price) as revenue from delivered_lines group by seller_id',
        'comparison': '>=',
    },
    {
        'reading': 'the last 12 months only',
        'why': 'the question has no window: it counts all the time before the date',
        'query': "select seller_id, sum(price) as revenue from delivered_lines "
            ~ "where delivered_at >= as_of_date - interval 12 month group by seller_id",
    },
    {
        'reading': 'wrong: payments joined to lines',
        'why': 'every payment of an order is counted once per line of the order',
        'query': 'select seller_id, sum(payment_value) as revenue from delivered_lines '
            ~ 'inner join payments on delivered_lines.order_id = payments.order_id group by seller_id',
    },
    {
        'reading': 'wrong: prices joined to payments',
        'why': 'every line is counted once per payment of its order',
        'query': 'select seller_id, sum(price) as revenue from delivered_lines '
            ~ 'inner join payments on delivered_lines.order_id = payments.order_id group by seller_id',
    },
    {
        'reading': 'wrong: the payment of the whole order for each seller',
        'why': 'nothing is counted twice for a seller, but freight and the lines of other sellers are counted',
        'query': 'select seller_id, sum(payment_value) as revenue from order_sellers '
            ~ 'inner join order_values on order_sellers.order_id = order_values.order_id group by seller_id',
    },
    {
        'reading': 'wrong: price times line number',
        'why': 'order_item_number is the number of the line in its order, not a quantity',
        'query': 'select seller_id, sum(price * order_item_number) as revenue from delivered_lines group by seller_id',
    },
] %}

-- Which sellers have more than the threshold, by our definition and by the common other and wrong ones?
-- Each reading beside the published table: sellers that it adds, and sellers that it misses.
--
-- Found 2026-11-22 on the real data, as of 2018-10-18:
-- 17 sellers, the first with 226,987.93 BRL. The status of the order does not matter (17 by delivery time or by
-- status), but undelivered lines do (18), and so does freight (19). The 22 sellers of the wild come from payments
-- joined to lines: an order of eleven lines with one payment counts it eleven times, and another seller is first
-- with 505,437 BRL. The same mistake the other way round (18) hides better: the count is off by one.

with question_period as (
    select as_of_date
    from {{ ref('question_period') }}
),

published as (
    select
        seller_id,
        revenue
    from {{ ref('top_sellers') }}
),

order_items as (
    select
        order_id,
        order_item_number,
        seller_id,
        order_status,
        purchased_at,
        delivered_at,
        price,
        freight_value
    from {{ ref('order_items') }}
),

payments as (
    select
        order_id,
        payment_value
    from {{ ref('order_payments') }}
),

lines as (
    select
        order_items.*,
        question_period.as_of_date
    from order_items
    cross join question_period
    where order_items.purchased_at < question_period.as_of_date
),

delivered_lines as (
    select *
    from lines
    where delivered_at < as_of_date
),

order_sellers as (
    select distinct
        order_id,
        seller_id
    from delivered_lines
),

order_values as (
    select
        order_id,
        sum(payment_value) as payment_value
    from payments
    group by order_id
),

revenues as (
    {% for reading in readings -%}
    select
        {{ loop.index }} as reading_number,
        seller_id,
        revenue
    from ({{ reading.query }}) as reading_{{ loop.index }}
    where revenue {{ reading.comparison or '>' }} {{ question_limit('top_sellers_revenue_above') }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

published_count as (
    select count(*) as sellers
    from published
),

readings as (
    {% for reading in readings -%}
    select
        {{ loop.index }} as reading_number,
        '{{ reading.reading }}' as reading,
        '{{ reading.why }}' as why
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

final as (
    select
        readings.reading_number,
        readings.reading,
        count(revenues.seller_id) as sellers,
        count(revenues.seller_id) - count(published.seller_id) as added,
        max(published_count.sellers) - count(published.seller_id) as missed,
        max_by(revenues.seller_id, revenues.revenue) as first_seller_id,
        cast(max(revenues.revenue) as decimal(14, 2)) as first_revenue,
        readings.why
    from readings
    left join revenues on readings.reading_number = revenues.reading_number
    left join published on revenues.seller_id = published.seller_id
    cross join published_count
    group by readings.reading_number, readings.reading, readings.why
)

select *
from final
order by reading_number
