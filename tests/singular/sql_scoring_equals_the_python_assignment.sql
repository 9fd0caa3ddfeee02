-- Scoring in the database gives every customer the clusters, and to 1e-9 the distances and the confidence, that the
-- Python model gave.
{% set measures = ['distance_to_centroid', 'distance_to_other_centroid', 'confidence'] %}

with models_in_use as (
    select
        as_of_date,
        model_id
    from {{ ref('period_models') }}
    where model_id is not null
),

customers as (
    select
        features.*,
        models_in_use.model_id
    from {{ ref('segmentation_features') }} as features
    inner join models_in_use on features.as_of_date = models_in_use.as_of_date
),

centroids as (
    select *
    from {{ ref('model_centroids') }}
),

scored as (
    {{ nearest_centroid('customers', 'centroids') }}
),

assigned as (
    select *
    from {{ ref('kmeans_assignments') }}
)

select
    coalesce(scored.as_of_date, assigned.as_of_date) as as_of_date,
    coalesce(scored.customer_unique_id, assigned.customer_unique_id) as customer_unique_id,
    scored.cluster as sql_cluster,
    assigned.cluster as python_cluster,
    scored.distance_to_centroid as sql_distance,
    assigned.distance_to_centroid as python_distance
from scored
full outer join assigned
    on scored.as_of_date = assigned.as_of_date
    and scored.customer_unique_id = assigned.customer_unique_id
where
    scored.model_id is distinct from assigned.model_id
    or scored.cluster is distinct from assigned.cluster
    or scored.nearest_other_cluster is distinct from assigned.nearest_other_cluster
    {%- for measure in measures %}
    or not coalesce(abs(scored.{{ measure }} - assigned.{{ measure }}) <= 1e-9, false)
    {%- endfor %}
