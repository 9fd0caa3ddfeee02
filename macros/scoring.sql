{#- Scoring in the database: the nearest centroid of any rows with any models, or the plain rules of its segments. -#}

{% macro nearest_centroid(rows, centroids, features=none, n_clusters=none) -%}
    {#-
        Scores any rows with any models, in the database, to the bit as python/customer_segmentation/steps/assignments.py does:
        customers who come later, or who are only imagined.

        rows: a relation or CTE with model_id and the features, transformed as in segmentation_work.segmentation_features.
        centroids: a relation or CTE shaped like segmentation.model_centroids.
        Gives every column of rows, and cluster, nearest_other_cluster, distance_to_centroid, distance_to_other_centroid
        (Euclidean, in standard deviations of the model's scaler) and confidence, as in segmentation.customer_segments.
        A tie goes to the lowest number.
    -#}
    {%- set features = features or setting('segmentation_features') -%}
    {%- set n_clusters = n_clusters or setting('n_clusters') -%}
    {%- set squares = [] -%}
    {%- for cluster in range(n_clusters) %}{% do squares.append('squared_' ~ cluster) %}{% endfor -%}
    select
        * {{ all_but(squares + ['squared_own', 'squared_other']) }},
        {{ first_cluster_with('squared_other', n_clusters, 'cluster') }} as nearest_other_cluster,
        sqrt(squared_own) as distance_to_centroid,
        sqrt(squared_other) as distance_to_other_centroid,
        case when squared_other > 0 then 1 - sqrt(squared_own) / sqrt(squared_other) else 0 end as confidence
    from (
        select
            *,
            {{ first_cluster_with('squared_own', n_clusters) }} as cluster,
            least(
                {%- for other in range(n_clusters) %}
                case when cluster != {{ other }} then squared_{{ other }} end{% if not loop.last %},{% endif %}
                {%- endfor %}
            ) as squared_other
        from (
            select
                *,
                least({% for cluster in range(n_clusters) %}squared_{{ cluster }}{{ ', ' if not loop.last }}{% endfor %})
                    as squared_own
            from (
                select
                    score_rows.*,
                    {%- for cluster in range(n_clusters) %}
                    {{ squared_distance('score_rows', 'models', cluster, features) }} as squared_{{ cluster }}{% if not loop.last %},{% endif %}
                    {%- endfor %}
                from {{ rows }} as score_rows
                inner join (
                    {{ wide_centroids(centroids, features, n_clusters) }}
                ) as models on score_rows.model_id = models.model_id
            ) as measured
        ) as nearest
    ) as owned
{%- endmacro %}

{% macro first_cluster_with(squared, n_clusters, other_than=none) -%}
    {#- The lowest number of a cluster whose squared distance is this one. -#}
    case
        {%- for cluster in range(n_clusters) %}
        when {{ other_than ~ ' != ' ~ cluster ~ ' and ' if other_than }}squared_{{ cluster }} = {{ squared }} then {{ cluster }}
        {%- endfor %}
    end
{%- endmacro %}

{% macro wide_centroids(centroids, features, n_clusters) -%}
    {#-
        One row per model: scaler (mean_<feature>, scale_<feature>) and centroids (centroid_<cluster>_<feature>) side by
        side, so that rows are scored by one join with few rows. Null for a cluster that a model does not have.

        centroids: a relation or CTE shaped like segmentation.model_centroids.
    -#}
    select
        {%- for feature in features %}
        max(case when feature = '{{ feature }}' then scaler_mean end) as mean_{{ feature }},
        max(case when feature = '{{ feature }}' then scaler_scale end) as scale_{{ feature }},
        {%- for cluster in range(n_clusters) %}
        max(case when feature = '{{ feature }}' and cluster = {{ cluster }} then centroid_scaled end)
            as centroid_{{ cluster }}_{{ feature }},
        {%- endfor %}
        {%- endfor %}
        model_id
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

{% macro wide_rule_limits(limits) -%}
    {#- One row per model and rule with minimum_<feature> and below_<feature>; without a limit, infinity. -#}
    select
        model_id,
        rule,
        cluster,
        {%- for feature in setting('segmentation_features') %}
        coalesce(max(case when feature = '{{ feature }}' then minimum end), cast('-infinity' as double))
            as minimum_{{ feature }},
        coalesce(max(case when feature = '{{ feature }}' then below end), cast('infinity' as double))
            as below_{{ feature }}{% if not loop.last %},{% endif %}
        {%- endfor %}
    from {{ limits }}
    group by model_id, rule, cluster
{%- endmacro %}

{% macro rules_in_words(limits) -%}
    {#-
        One row per model and rule of a relation shaped like segment_rule_limits: the rule in English and French, by seed
        feature_words, and as a condition on the columns of marts.rfm.
    -#}
    {%- set marks = ['minimum', 'below', 'maximum', 'above'] -%}
    with texts as (
        select
            *,
            {{ number_text('minimum', 'is_whole') }} as minimum_text,
            {{ number_text('below', 'is_whole') }} as below_text,
            {{ number_text('below - case when is_whole then 1 else 0 end', 'is_whole') }} as maximum_text,
            {{ number_text('minimum - case when is_whole then 1 else 0 end', 'is_whole') }} as above_text
        from {{ limits }}
    ),

    words as (
        select
            feature,
            language,
            position,
            {%- for words in ['at_least', 'at_most', 'between', 'exactly', 'only_one'] %}
            replace(
                {{ words }},
                '{currency}',
                case when language = 'fr' then {{ sql_text(money_unit('fr')) }} else {{ sql_text(money_unit('en')) }} end
            ) as {{ words }}{% if not loop.last %},{% endif %}
            {%- endfor %}
        from {{ ref('feature_words') }}
    ),

    conditions as (
        select
            *,
            concat_ws(
                ' and ',
                {%- for limit, operator in [('minimum', '>='), ('below', '<')] %}
                case
                    when stand_in is null then feature
                    else 'coalesce(' || feature || ', ' || cast(stand_in as string) || ')'
                end || ' {{ operator }} ' || {{ limit }}_text{% if not loop.last %},{% endif %}
                {%- endfor %}
            ) as condition
        from texts
    ),

    templates as (
        select
            conditions.* {{ all_but(['minimum_text', 'below_text', 'maximum_text', 'above_text']) }},
            languages.language,
            words.position,
            case
                when words.feature is null then conditions.condition
                when conditions.below is null then words.at_least
                when conditions.minimum is not null and conditions.minimum_text = conditions.maximum_text
                    then coalesce(words.exactly, words.between)
                when conditions.minimum is not null then words.between
                when conditions.maximum_text = '1' then coalesce(words.only_one, words.at_most)
                else words.at_most
            end as template,
            {%- for mark in marks %}
            {{ with_decimal_mark('conditions.' ~ mark ~ '_text', 'languages.language') }} as {{ mark }}_text{% if not loop.last %},{% endif %}
            {%- endfor %}
        from conditions
        cross join (values ('en'), ('fr')) as languages (language)
        left join words
            on conditions.feature = words.feature
            and languages.language = words.language
    ),

    said as (
        select
            *,
            {{ filled('template', marks) }} as limit_in_words
        from templates
    )

    select
        model_id,
        rule,
        {%- for name, text, language in [
            ('rule_english', 'limit_in_words', 'en'), ('rule_french', 'limit_in_words', 'fr'), ('rule_sql', 'condition', 'en')
        ] %}
        {{ ordered_list(text, ' and ' if text == 'condition' else ', ', 'position nulls last, feature') }}
            filter (where language = '{{ language }}') as {{ name }}{% if not loop.last %},{% endif %}
        {%- endfor %}
    from said
    group by model_id, rule
{%- endmacro %}

{% macro in_own_unit(feature, rows) -%}
    {#- The way back from what macro transformed gives, in a relation that has the columns of macro feature_columns. -#}
    {%- set transform = setting('feature_transforms').get(feature) -%}
    {%- if transform == 'log1p' -%}
    {{ exponential(rows ~ '.' ~ feature) }} - 1
    {%- elif transform == 'quantile' -%}
    {{ rows }}.{{ feature }}_in_own_unit
    {%- else -%}
    {{ rows }}.{{ feature }}
    {%- endif -%}
{%- endmacro %}
