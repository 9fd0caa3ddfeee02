with measures as (
    select
        as_of_date,
        design,
        baseline_model_id,
        cluster,
        cluster_customers,
        jaccard,
        matched_cluster,
    from {{ ref('stability_measures') }}
    where cluster is not null
),

segments as (
    select
        model_id,
        cluster,
        segment_name,
        segment_name_french,
    from {{ ref('model_segments') }}
),

final as (
    select distinct
        measures.as_of_date,
        measures.design,
        measures.cluster,
        segments.segment_name,
        segments.segment_name_french,
        measures.cluster_customers as customers,
        measures.jaccard,
        measures.matched_cluster,
    from measures
    left join segments
        on measures.baseline_model_id = segments.model_id
        and measures.cluster = segments.cluster
)

select * from final
