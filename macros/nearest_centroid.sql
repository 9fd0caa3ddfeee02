{% macro nearest_centroid(rows, centroids, features=none, n_clusters=none) -%}
    {#-
        Scores any rows with any models, in the database.

        rows: a relation or CTE with model_id and the features, transformed as in segmentation.segmentation_features.
        centroids: a relation or CTE shaped like segmentation.model_centroids.
        Gives every column of rows, cluster and distance_to_centroid (Euclidean, in standard deviations of the
        model's scaler). A tie goes to the lowest number. The arithmetic is that of nearest_centroid in
        python/olist_segmentation/kmeans.py, in the same order, so that both give the same bits.
    -#}
    {%- set features = features or var('segmentation_features') -%}
    {%- set n_clusters = n_clusters or var('n_clusters') -%}
    select
        scored.* exclude ({% for cluster in range(n_clusters) %}squared_{{ cluster }}, {% endfor %}nearest),
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
                {% for feature in features -%}
                {%- set difference -%}
                    (((score_rows.{{ feature }} - models.mean_{{ feature }}) / models.scale_{{ feature }}) - models.centroid_{{ cluster }}_{{ feature }})
                {%- endset -%}
                {{ difference }} * {{ difference }}{{ ' + ' if not loop.last }}
                {%- endfor %} as squared_{{ cluster }},
                {%- endfor %}
            from {{ rows }} as score_rows
            inner join (
                select
                    model_id,
                    {%- for feature in features %}
                    max(case when feature = '{{ feature }}' then scaler_mean end) as mean_{{ feature }},
                    max(case when feature = '{{ feature }}' then scaler_scale end) as scale_{{ feature }},
                    {%- for cluster in range(n_clusters) %}
                    max(case when feature = '{{ feature }}' and cluster = {{ cluster }} then centroid_scaled end)
                        as centroid_{{ cluster }}_{{ feature }},
                    {%- endfor %}
                    {%- endfor %}
                from {{ centroids }}
                group by model_id
            ) as models on score_rows.model_id = models.model_id
        )
    ) as scored
{%- endmacro %}
