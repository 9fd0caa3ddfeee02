{{ config(enabled=var('adapter') == 'olist') }}
{% set readings = [
    {'reading': 'published', 'why': 'the table bi.worst_rated_zip_codes', 'is_published': true},
    {
        'reading': 'answered in this time',
        'why': 'the same rule, written here',
    },
    {
        'reading': 'survey sent in this time',
        'why': 'a survey is answered days later: some answers come after the date, others belong to another window',
        'window': 'review_created_at >= reviews_from_date and review_created_at < as_of_date',
    },
    {
        'reading': 'order placed in this time',
        'why': 'the window is put on the orders: their reviews come weeks later',
        'window': 'purchased_at >= reviews_from_date and purchased_at < as_of_date',
    },
    {
        'reading': 'at least as many reviews instead of more',
        'why': 'lets in zip codes with exactly that many',
        'comparison': '>=',
    },
    {
        'reading': 'rows instead of answers',
        'why': 'an answer that serves several orders counts once for each',
        'answer': 'review_id, order_id',
    },
    {
        'reading': 'all the time before the date',
        'why': 'no window',
        'window': 'review_answered_at < as_of_date',
    },
    {
        'reading': 'zip code of the latest order',
        'why': 'people who moved take their old reviews with them',
        'zip_code': 'latest_zip_code_prefix',
    },
    {
        'reading': 'wrong: no minimum of reviews',
        'why': 'a single unhappy customer is enough',
        'above': 0,
    },
    {
        'reading': 'wrong: joined to the geolocation file',
        'why': 'a review counts once per point of its prefix, and nearly every prefix has enough',
        'is_per_point': true,
    },
    {
        'reading': 'wrong: zip code of the seller',
        'why': 'rates where parcels come from, not the places asked for',
        'zip_code': 'seller_zip_code_prefix',
    },
    {
        'reading': 'wrong: today instead of the date of the data',
        'why': 'the data end in 2018: no review is of the year before any later day',
        'window': "review_answered_at >= date '2026-11-22' - interval 12 month",
    },
] %}
{% set window = 'review_answered_at >= reviews_from_date and review_answered_at < as_of_date' %}

-- Which zip codes are rated worst, by our definition and by the common other and wrong ones?
-- Each reading beside the published list: how many zip codes have enough reviews, its worst ones in order,
-- and how many of these are in the published list.
--
-- Found 2026-11-22 on the real data, as of 2018-10-18:
-- 22753, 22770, 22793 (Rio de Janeiro), 13056 (Campinas) and 13295 (Itupeva), of 142 zip codes with more than 30
-- answers. By the day the survey was sent they are the same in the same order; by the day of the order 21321 takes
-- the place of 13056, which then has 29. Of so few answers one more matters: letting in those with exactly 30
-- brings 35790 to the third place. Without a window four of the five are others. Joined to the geolocation file,
-- which has dozens of points a prefix, 10,664 zip codes pass the minimum, and a handful of unhappy answers is
-- enough to lead the list.

with question_period as (
    select
        as_of_date,
        reviews_from_date
    from {{ ref('question_period') }}
),

published as (
    select
        zip_code_prefix,
        review_count,
        average_review_score
    from {{ ref('worst_rated_zip_codes') }}
),

order_reviews as (
    select
        review_id,
        order_id,
        customer_unique_id,
        customer_zip_code_prefix,
        review_score,
        review_created_at,
        review_answered_at,
        purchased_at
    from {{ ref('order_reviews') }}
),

customers as (
    select
        customer_unique_id,
        customer_zip_code_prefix as latest_zip_code_prefix
    from {{ ref('customers') }}
),

zip_codes as (
    select
        zip_code_prefix,
        point_count
    from {{ ref('zip_codes') }}
),

first_lines as (
    select
        order_items.order_id,
        sellers.seller_zip_code_prefix
    from {{ ref('order_items') }} as order_items
    inner join {{ ref('sellers') }} as sellers on order_items.seller_id = sellers.seller_id
    where order_items.order_item_number = 1
),

reviews as (
    select
        order_reviews.*,
        customers.latest_zip_code_prefix,
        first_lines.seller_zip_code_prefix,
        zip_codes.point_count,
        question_period.as_of_date,
        question_period.reviews_from_date
    from order_reviews
    cross join question_period
    inner join customers on order_reviews.customer_unique_id = customers.customer_unique_id
    left join zip_codes on order_reviews.customer_zip_code_prefix = zip_codes.zip_code_prefix
    left join first_lines on order_reviews.order_id = first_lines.order_id
),

answers as (
    {% for reading in readings if not reading.is_published -%}
    {% set zip_code = reading.zip_code or 'customer_zip_code_prefix' %}
    select
        '{{ reading.reading }}' as reading,
        {{ zip_code }} as zip_code_prefix,
        {{ reading.above if 'above' in reading else question_limit('worst_rated_zip_codes_reviews_above') }}
        {{- ' - 1' if reading.comparison == '>=' }} as reviews_above,
        min(review_score) as review_score,
        {{ 'max(point_count)' if reading.is_per_point else '1' }} as times_counted
    from reviews
    where
        {{ reading.window or window }}
        and {{ zip_code }} is not null
    group by {{ zip_code }}, {{ reading.answer or 'review_id' }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

scores as (
    select
        reading,
        zip_code_prefix,
        sum(times_counted) as review_count,
        cast(sum(review_score * times_counted) as double) / nullif(sum(times_counted), 0) as average_review_score
    from answers
    group by reading, zip_code_prefix, reviews_above
    having sum(times_counted) > reviews_above
    union all
    select
        'published',
        zip_code_prefix,
        review_count,
        average_review_score
    from published
),

ranked as (
    select
        *,
        count(*) over (partition by reading) as zip_codes_with_enough,
        row_number() over (
            partition by reading
            order by average_review_score, review_count desc, zip_code_prefix
        ) as badness_rank
    from scores
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
        coalesce(max(ranked.zip_codes_with_enough), 0) as zip_codes_with_enough,
        string_agg(ranked.zip_code_prefix, ' ' order by ranked.badness_rank) as worst,
        count(published.zip_code_prefix) as in_published,
        round(min(ranked.average_review_score), 2) as lowest_average_score,
        readings.why
    from readings
    left join ranked
        on readings.reading = ranked.reading
        and ranked.badness_rank <= {{ question_limit('worst_rated_zip_codes_count') }}
    left join published on ranked.zip_code_prefix = published.zip_code_prefix
    group by readings.reading_number, readings.reading, readings.why
)

select *
from final
order by reading_number
