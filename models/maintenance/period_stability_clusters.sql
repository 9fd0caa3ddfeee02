with measures as (
    select
        as_of_date,
        design,
        baseline_model_id,
        cluster,
        cluster_customers,
        jaccard,
        matched_cluster
    from {{ ref('stability_measures') }}
    where cluster is not null
),

segments as (
    select
        model_id,
        cluster,
        segment_code,
        segment_name
    from {{ ref('model_segments') }}
),

french as (
    select
        segment_code,
        name
    from {{ ref('segment_labels') }}
    where language = 'fr'
),

final as (
    select distinct
        measures.as_of_date,
        measures.design,
        measures.cluster,
        segments.segment_code,
        segments.segment_name,
        french.name as segment_name_french,
        measures.cluster_customers as customers,
        measures.jaccard,
        measures.matched_cluster
    from measures
    left join segments
        on measures.baseline_model_id = segments.model_id
        and measures.cluster = segments.cluster
    left join french on segments.segment_code = french.segment_code
)

select * from final
