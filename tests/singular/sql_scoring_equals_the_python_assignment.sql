-- The in-database scoring gives every customer the cluster, and to 1e-9 the distance, that the Python model gave.
with scored_rows as (
    select
        features.*,
        period_models.model_id,
    from {{ ref('segmentation_features') }} as features
    inner join {{ ref('period_models') }} as period_models
        on features.as_of_date = period_models.as_of_date
    where period_models.model_id is not null
),

centroids as (
    select *
    from {{ ref('model_centroids') }}
),

scored as (
    {{ nearest_centroid('scored_rows', 'centroids') }}
)

select
    coalesce(scored.as_of_date, assignments.as_of_date) as as_of_date,
    coalesce(scored.customer_unique_id, assignments.customer_unique_id) as customer_unique_id,
    scored.cluster as sql_cluster,
    assignments.cluster as python_cluster,
    scored.distance_to_centroid as sql_distance,
    assignments.distance_to_centroid as python_distance,
from scored
full outer join {{ ref('kmeans_assignments') }} as assignments
    on scored.as_of_date = assignments.as_of_date
    and scored.customer_unique_id = assignments.customer_unique_id
where
    scored.cluster is distinct from assignments.cluster
    or not coalesce(abs(scored.distance_to_centroid - assignments.distance_to_centroid) <= 1e-9, false)
