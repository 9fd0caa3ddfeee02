{% macro nearest_centroid(rows, centroids, features=none, n_clusters=none, keep_distances=false) -%}
    {#-
        Scores any rows with any models, in the database.

        rows: a relation or CTE with model_id and the features, transformed as in segmentation_work.segmentation_features.
        centroids: a relation or CTE shaped like segmentation.model_centroids.
        Gives every column of rows, cluster and distance_to_centroid (Euclidean, in standard deviations of the
        model's scaler). A tie goes to the lowest number. With keep_distances also squared_<cluster>, the squared distance
        to every centroid.
    -#}
    {%- set features = features or var('segmentation_features') -%}
    {%- set n_clusters = n_clusters or var('n_clusters') -%}
    select
        scored.* exclude (
            {%- if not keep_distances %}{% for cluster in range(n_clusters) %}squared_{{ cluster }}, {% endfor %}{% endif %}nearest
        ),
        case
            {%- for cluster in range(n_clusters) %}
            when squared_{{ cluster }} = nearest then {{ cluster }}
            {%- endfor %}
        end as cluster,
        sqrt(nearest) as distance_to_centroid,
    from (
        select
            *,
            least({% for cluster in range(n_clusters) %}squared_{{ cluster }}{{ ', ' if not loop.last }}{% endfor %}) as nearest,
        from (
            select
                score_rows.*,
                {%- for cluster in range(n_clusters) %}
                {{ squared_distance('score_rows', 'models', cluster, features) }} as squared_{{ cluster }},
                {%- endfor %}
            from {{ rows }} as score_rows
            inner join (
                {{ wide_centroids(centroids, features, n_clusters) }}
            ) as models on score_rows.model_id = models.model_id
        )
    ) as scored
{%- endmacro %}
