-- The segments of one person over time: the most frequent buyer here, put another id in its place.
with person as (
    select customer_unique_id
    from {{ ref('customer_360') }}
    order by frequency desc, customer_unique_id
    limit 1
)

select
    segments.as_of_date,
    segments.segment_name,
    rfm.recency_days,
    rfm.frequency,
    rfm.monetary,
    round(segments.confidence, 2) as confidence
from person
inner join {{ ref('customer_segments') }} as segments on person.customer_unique_id = segments.customer_unique_id
inner join {{ ref('rfm') }} as rfm
    on segments.as_of_date = rfm.as_of_date
    and segments.customer_unique_id = rfm.customer_unique_id
order by segments.as_of_date
