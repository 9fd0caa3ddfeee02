with {% if var('refresh_mode') == 'as_decided' -%}
models_in_use as (
    select
        as_of_date,
        model_id,
        fitted_as_of_date,
    from {{ ref('period_models') }}
),

features as (
    select *
    from {{ ref('segmentation_features') }}
),

-- Between retrainings the frozen model scores in the database.
rows_to_score as (
    select
        features.*,
        models_in_use.model_id,
    from features
    inner join models_in_use on features.as_of_date = models_in_use.as_of_date
    where models_in_use.fitted_as_of_date < features.as_of_date
),

centroids as (
    select *
    from {{ ref('model_centroids') }}
),

scored as (
    {{ nearest_centroid('rows_to_score', 'centroids') }}
),

assignments as (
    select
        as_of_date,
        customer_unique_id,
        model_id,
        cluster,
        distance_to_centroid,
    from scored
    union all
    select
        assigned.as_of_date,
        assigned.customer_unique_id,
        assigned.model_id,
        assigned.cluster,
        assigned.distance_to_centroid,
    from {{ ref('kmeans_assignments') }} as assigned
    inner join models_in_use on assigned.as_of_date = models_in_use.as_of_date
    where models_in_use.fitted_as_of_date = assigned.as_of_date
),
{%- else -%}
assignments as (
    select
        as_of_date,
        customer_unique_id,
        model_id,
        cluster,
        distance_to_centroid,
    from {{ ref('kmeans_assignments') }}
),
{%- endif %}

period_models as (
    select
        as_of_date,
        is_fallback,
    from {{ ref('period_models') }}
),

segments as (
    select
        model_id,
        cluster,
        segment_code,
        segment_name,
    from {{ ref('model_segments') }}
),

final as (
    select
        assignments.as_of_date,
        assignments.customer_unique_id,
        cast(assignments.cluster as int) as cluster,
        segments.segment_code,
        segments.segment_name,
        assignments.distance_to_centroid,
        assignments.model_id,
        period_models.is_fallback,
    from assignments
    inner join period_models on assignments.as_of_date = period_models.as_of_date
    left join segments
        on assignments.model_id = segments.model_id
        and assignments.cluster = segments.cluster
)

select * from final
