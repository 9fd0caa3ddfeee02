with segments as (
    select
        as_of_date,
        customer_unique_id,
        cluster,
        segment_name,
    from {{ ref('customer_segments') }}
),

traits as (
    select
        as_of_date,
        customer_unique_id,
        trait,
        value,
    from {{ ref('study_trait_values') }}
),

final as (
    select
        segments.as_of_date,
        segments.cluster,
        segments.segment_name,
        traits.trait,
        traits.value,
        count(*) as customers,
    from traits
    inner join segments
        on traits.as_of_date = segments.as_of_date
        and traits.customer_unique_id = segments.customer_unique_id
    group by segments.as_of_date, segments.cluster, segments.segment_name, traits.trait, traits.value
)

select * from final
