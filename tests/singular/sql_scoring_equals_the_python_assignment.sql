-- The in-database scoring gives every customer the cluster, and to 1e-9 the distance, that the Python model gave.
with scored as (
    select
        as_of_date,
        customer_unique_id,
        cluster,
        distance_to_centroid,
    from {{ ref('segment_confidence') }}
),

assigned as (
    select
        as_of_date,
        customer_unique_id,
        cluster,
        distance_to_centroid,
    from {{ ref('kmeans_assignments') }}
)

select
    coalesce(scored.as_of_date, assigned.as_of_date) as as_of_date,
    coalesce(scored.customer_unique_id, assigned.customer_unique_id) as customer_unique_id,
    scored.cluster as sql_cluster,
    assigned.cluster as python_cluster,
    scored.distance_to_centroid as sql_distance,
    assigned.distance_to_centroid as python_distance,
from scored
full outer join assigned
    on scored.as_of_date = assigned.as_of_date
    and scored.customer_unique_id = assigned.customer_unique_id
where
    scored.cluster is distinct from assigned.cluster
    or not coalesce(abs(scored.distance_to_centroid - assigned.distance_to_centroid) <= 1e-9, false)
