{% macro wide_centroids(centroids, features, n_clusters) -%}
    {#-
        One row per model: scaler (mean_<feature>, scale_<feature>) and centroids (centroid_<cluster>_<feature>) side by
        side, so that rows are scored by one join with few rows. Null for a cluster that a model does not have.

        centroids: a relation or CTE shaped like segmentation.model_centroids.
    -#}
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
{%- endmacro %}

{% macro squared_distance(rows, models, cluster, features) -%}
    {#-
        Squared Euclidean distance of a row to the centroid of a cluster, in standard deviations of the model's scaler.
        The arithmetic is that of nearest_centroid in python/customer_segmentation/cluster/kmeans.py, in the same order, so that
        both give the same bits.

        rows: the relation with the features; models: one made by wide_centroids.
    -#}
    {%- for feature in features -%}
    {%- set difference -%}
        ((({{ rows }}.{{ feature }} - {{ models }}.mean_{{ feature }}) / {{ models }}.scale_{{ feature }}) - {{ models }}.centroid_{{ cluster }}_{{ feature }})
    {%- endset -%}
    {{ difference }} * {{ difference }}{{ ' + ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}
