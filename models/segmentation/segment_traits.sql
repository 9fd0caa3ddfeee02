with final as (
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
)

select * from final
