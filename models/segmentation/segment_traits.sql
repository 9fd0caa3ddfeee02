{{ config(materialized='view') }}

with traits as (
    select {{ rows_of_list('traits') }}
    from {{ ref('study_description') }}
),

segments as (
    select
        as_of_date,
        cluster,
        segment_code
    from {{ ref('segment_profiles') }}
),

final as (
    select
        traits.as_of_date,
        traits.cluster,
        segments.segment_code,
        traits.segment_name,
        traits.trait,
        traits.unit,
        traits.value,
        traits.customers,
        traits.cases,
        traits.cases_in_segment,
        traits.share_in_segment,
        traits.share_overall,
        traits.share_difference,
        cast(
            row_number() over (
                partition by traits.as_of_date, traits.cluster
                order by traits.share_difference desc, traits.trait, traits.value
            ) as int
        ) as difference_rank,
        traits.lift,
        traits.share_low,
        traits.share_high,
        traits.cramers_v,
        traits.eta_squared,
        traits.origin,
        traits.origin_reason,
        traits.dependence,
        traits.dependence_feature
    from traits
    left join segments
        on traits.as_of_date = segments.as_of_date
        and traits.cluster = segments.cluster
)

select * from final
