{{ config(materialized='view') }}

with traits as (
    select
        as_of_date,
        cluster,
        segment_name,
        trait,
        value,
        customers,
        share_in_segment,
        share_overall,
        lift,
        share_low,
        share_high,
        cramers_v,
        eta_squared,
    from {{ ref('study_traits') }}
),

segments as (
    select
        as_of_date,
        cluster,
        segment_code,
    from {{ ref('segment_profiles') }}
),

final as (
    select
        traits.as_of_date,
        traits.cluster,
        segments.segment_code,
        traits.segment_name,
        traits.trait,
        traits.value,
        traits.customers,
        traits.share_in_segment,
        traits.share_overall,
        traits.lift,
        traits.share_low,
        traits.share_high,
        traits.cramers_v,
        traits.eta_squared,
    from traits
    left join segments
        on traits.as_of_date = segments.as_of_date
        and traits.cluster = segments.cluster
)

select * from final
