with description as (
    select unnest(traits) as trait
    from {{ ref('study_description') }}
),

final as (
    select
        trait.as_of_date,
        trait.cluster,
        trait.segment_name,
        trait.trait,
        trait.value,
        trait.customers,
        trait.share_in_segment,
        trait.share_overall,
        trait.lift,
        trait.share_low,
        trait.share_high,
        trait.cramers_v,
        trait.eta_squared,
    from description
)

select * from final
