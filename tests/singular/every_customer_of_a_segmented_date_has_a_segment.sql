-- Customers and money of the RFM table and of the segments, where they differ at a segmented date.
with rfm as (
    select
        rfm.as_of_date,
        count(*) as customers,
        sum(rfm.monetary) as monetary
    from {{ ref('rfm') }} as rfm
    inner join {{ ref('period_models') }} as period_models on rfm.as_of_date = period_models.as_of_date
    where period_models.model_id is not null
    group by rfm.as_of_date
),

profiles as (
    select
        as_of_date,
        sum(customers) as customers,
        sum(revenue) as monetary,
        sum(customer_share) as customer_share,
        sum(revenue_share) as revenue_share
    from {{ ref('segment_profiles') }}
    group by as_of_date
)

select
    coalesce(rfm.as_of_date, profiles.as_of_date) as as_of_date,
    rfm.customers as rfm_customers,
    profiles.customers as segment_customers,
    rfm.monetary as rfm_monetary,
    profiles.monetary as segment_monetary
from rfm
full outer join profiles on rfm.as_of_date = profiles.as_of_date
where
    rfm.customers is distinct from profiles.customers
    or rfm.monetary is distinct from profiles.monetary
    or not coalesce(abs(profiles.customer_share - 1) < 1e-9, false)
    or not coalesce(abs(profiles.revenue_share - 1) < 1e-9, rfm.monetary = 0)
