{% set features = var('segmentation_features') %}
{% set clusters = range(var('n_clusters')) %}

with customers as (
    select
        as_of_date,
        customer_unique_id,
        {%- for feature in features %}
        {{ feature }},
        {%- endfor %}
    from {{ ref('segmentation_features') }}
),

models_in_use as (
    select
        as_of_date,
        model_id,
    from {{ ref('period_models') }}
    where model_id is not null
),

centroids as (
    select *
    from {{ ref('model_centroids') }}
),

placed as (
    select
        customers.*,
        models_in_use.model_id,
    from customers
    inner join models_in_use on customers.as_of_date = models_in_use.as_of_date
),

own as (
    -- Scored anew: joining a hundred million customers with their segments would take longer, and much of a disk.
    {{ nearest_centroid('placed', 'centroids', keep_distances=true) }}
),

others as (
    select
        *,
        least(
            {%- for cluster in clusters %}
            case when cluster != {{ cluster }} then squared_{{ cluster }} end{{ ',' if not loop.last }}
            {%- endfor %}
        ) as squared_other,
        case
            {%- for cluster in clusters %}
            when cluster != {{ cluster }} and squared_{{ cluster }} = squared_other then {{ cluster }}
            {%- endfor %}
        end as nearest_other_cluster,
    from own
),

final as (
    select
        as_of_date,
        customer_unique_id,
        cast(cluster as int) as cluster,
        cast(nearest_other_cluster as int) as nearest_other_cluster,
        distance_to_centroid,
        sqrt(squared_other) as distance_to_other_centroid,
        case
            when squared_other > 0
                then greatest(1 - distance_to_centroid / sqrt(squared_other), 0)
            else 0
        end as confidence,
    from others
)

select * from final
