{% set features = var('segmentation_features') %}

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
    select
        model_id,
        cluster,
        {%- for feature in features %}
        max(case when feature = '{{ feature }}' then scaler_mean end) as mean_{{ feature }},
        max(case when feature = '{{ feature }}' then scaler_scale end) as scale_{{ feature }},
        max(case when feature = '{{ feature }}' then centroid_scaled end) as centroid_{{ feature }},
        {%- endfor %}
    from {{ ref('model_centroids') }}
    group by model_id, cluster
),

others as (
    select
        segments.*,
        centroids.cluster as other_cluster,
        sqrt(
            {%- for feature in features %}
            {{ '+ ' if not loop.first }}pow(
                (features.{{ feature }} - centroids.mean_{{ feature }}) / centroids.scale_{{ feature }}
                - centroids.centroid_{{ feature }},
                2
            )
            {%- endfor %}
        ) as distance_to_other_centroid,
    from segments
    inner join features
        on segments.as_of_date = features.as_of_date
        and segments.customer_unique_id = features.customer_unique_id
    inner join centroids
        on segments.model_id = centroids.model_id
        and segments.cluster != centroids.cluster
),

ranked as (
    select
        *,
        row_number() over (
            partition by as_of_date, customer_unique_id
            order by distance_to_other_centroid, other_cluster
        ) as nearness,
    from others
),

final as (
    select
        as_of_date,
        customer_unique_id,
        cluster,
        cast(other_cluster as int) as nearest_other_cluster,
        distance_to_centroid,
        distance_to_other_centroid,
        case
            when distance_to_other_centroid > 0
                then greatest(1 - distance_to_centroid / distance_to_other_centroid, 0)
            else 0
        end as confidence,
    from ranked
    where nearness = 1
)

select * from final
