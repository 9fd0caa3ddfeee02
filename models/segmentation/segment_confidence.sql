{% set features = var('segmentation_features') %}
{% set clusters = range(var('n_clusters')) %}

with segments as (
    select
        as_of_date,
        customer_unique_id,
        model_id,
        cluster,
        distance_to_centroid,
    from {{ ref('customer_segments') }}
),

features as (
    select
        as_of_date,
        customer_unique_id,
        {%- for feature in features %}
        {{ feature }},
        {%- endfor %}
    from {{ ref('segmentation_features') }}
),

centroids as (
    select *
    from {{ ref('model_centroids') }}
),

models as (
    {{ wide_centroids('centroids', features, var('n_clusters')) }}
),

joined as (
    select
        segments.*,
        {%- for feature in features %}
        features.{{ feature }},
        {%- endfor %}
        models.* exclude (model_id),
    from segments
    inner join features
        on segments.as_of_date = features.as_of_date
        and segments.customer_unique_id = features.customer_unique_id
    inner join models on segments.model_id = models.model_id
),

others as (
    {{ squared_distances_to_others('joined', features, var('n_clusters')) }}
),

nearest as (
    select
        *,
        least(
            {%- for cluster in clusters %}
            squared_{{ cluster }}{{ ',' if not loop.last }}
            {%- endfor %}
        ) as squared_nearest,
    from others
),

measured as (
    select
        *,
        -- A tie goes to the lowest number.
        case
            {%- for cluster in clusters %}
            when squared_{{ cluster }} = squared_nearest then {{ cluster }}
            {%- endfor %}
        end as nearest_other_cluster,
        sqrt(squared_nearest) as distance_to_other_centroid,
    from nearest
),

final as (
    select
        as_of_date,
        customer_unique_id,
        cluster,
        nearest_other_cluster,
        distance_to_centroid,
        distance_to_other_centroid,
        case
            when distance_to_other_centroid > 0
                then greatest(1 - distance_to_centroid / distance_to_other_centroid, 0)
            else 0
        end as confidence,
    from measured
)

select * from final
