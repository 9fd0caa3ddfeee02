{{ config(enabled=var('adapter') == 'olist') }}
{% set readings = [
    {'reading': 'published', 'why': 'the table bi.engaged_new_sellers', 'condition': 'bool_or(is_published)'},
    {'reading': 'the same rule, written here', 'why': 'nothing may differ'},
    {
        'reading': 'at least the number instead of more',
        'why': 'differs only for a seller with exactly that many lines',
        'comparison': '>=',
    },
    {
        'reading': 'new within 90 days',
        'why': 'three months are 89 to 92 days: begins up to two days later, or a day earlier',
        'condition': 'min(purchased_at) > max(as_of_date) - interval 90 day',
    },
    {
        'reading': 'lines delivered before the date',
        'why': 'leaves out what is cancelled or still on its way',
        'measure': 'count(case when delivered_at < as_of_date then 1 end)',
    },
    {
        'reading': 'different products',
        'why': 'a product sold twice counts once',
        'measure': 'count(distinct product_id)',
    },
    {
        'reading': 'orders',
        'why': 'several lines of an order count once',
        'measure': 'count(distinct order_id)',
    },
    {
        'reading': 'active since the first delivery',
        'why': 'the first sale is days or weeks before the first delivery: older sellers look new',
        'condition': 'min(delivered_at) > max(new_sellers_after_date)',
    },
    {
        'reading': 'wrong: sum of the line numbers',
        'why': 'order_item_number is the number of the line in its order, not a quantity',
        'measure': 'sum(order_item_number)',
    },
    {
        'reading': 'wrong: recent lines of any seller',
        'why': 'the window is put on the sales, not on the seller',
        'condition': 'true',
        'measure': 'count(case when purchased_at > new_sellers_after_date then 1 end)',
    },
    {
        'reading': 'wrong: today instead of the date of the data',
        'why': 'the data end in 2018: nobody began in the three months before any later day',
        'condition': "min(purchased_at) > date '2026-11-22' - interval 3 month",
    },
] %}
{% set new = 'min(purchased_at) > max(new_sellers_after_date)' %}

-- Which new sellers are engaged, by our definition and by the common other and wrong ones?
-- Each reading beside the published table: sellers that it adds, and sellers that it misses.
--
-- Found 2026-11-22 on the real data, as of 2018-10-18:
-- 2 sellers, with 69 and 52 lines, whether lines, delivered lines or orders are counted, and in 90 days as in 3
-- months. The third seller of the wild has 25 lines whose numbers within their orders add up to 31. Taking the
-- first delivery for the beginning gives 4: two sellers who began in the weeks before look new. No new seller has
-- 30 different products.

with question_period as (
    select
        as_of_date,
        new_sellers_after_date
    from {{ ref('question_period') }}
),

published as (
    select seller_id
    from {{ ref('engaged_new_sellers') }}
),

order_items as (
    select
        order_id,
        order_item_number,
        product_id,
        seller_id,
        purchased_at,
        delivered_at
    from {{ ref('order_items') }}
),

lines as (
    select
        order_items.*,
        question_period.as_of_date,
        question_period.new_sellers_after_date,
        published.seller_id is not null as is_published
    from order_items
    cross join question_period
    left join published on order_items.seller_id = published.seller_id
    where order_items.purchased_at < question_period.as_of_date
),

answers as (
    {% for reading in readings -%}
    select
        {{ loop.index }} as reading_number,
        seller_id,
        bool_or(is_published) as is_published,
        {{ reading.measure or 'count(*)' }} as products_sold
    from lines
    group by seller_id
    having
        {{ reading.condition or new }}
        and {{ reading.measure or 'count(*)' }} {{ reading.comparison or '>' }}
        {{ question_limit('engaged_new_sellers_products_above') }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
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
        count(answers.seller_id) as sellers,
        count(case when not answers.is_published then 1 end) as added,
        (select count(*) from published) - count(case when answers.is_published then 1 end) as missed,
        max(answers.products_sold) as largest_products_sold,
        readings.why
    from readings
    left join answers on readings.reading_number = answers.reading_number
    group by readings.reading_number, readings.reading, readings.why
)

select *
from final
order by reading_number
