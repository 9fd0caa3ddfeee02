{% macro name_by_playbook(clusters, keys) -%}
    {#-
        Names each row of a CTE with columns frequency (orders), monetary, recency_days, monetary_ratio and recency_ratio (to
        the mean customer) and review_score (null when it is no feature) by the first rule of seed segment_playbook that it satisfies: columns
        segment_code and segment_name (English, seed segment_labels), null when there is none.
        keys: the columns that identify a row.
    -#}
    {%- set limits = [
        ('frequency', 'minimum', '>='), ('frequency', 'maximum', '<'),
        ('monetary_ratio', 'minimum', '>='), ('monetary_ratio', 'maximum', '<'),
        ('recency_ratio', 'minimum', '>='), ('recency_ratio', 'maximum', '<'),
        ('review_score', 'minimum', '>='), ('review_score', 'maximum', '<'),
        ('monetary', 'minimum', '>='), ('monetary', 'maximum', '<'),
        ('recency_days', 'minimum', '>='), ('recency_days', 'maximum', '<'),
    ] -%}
    select
        clusters.*,
        playbook.segment_code,
        labels.name as segment_name,
    from {{ clusters }} as clusters
    left join {{ ref('segment_playbook') }} as playbook
        on true
        {%- for measure, end, operator in limits %}
        and coalesce(
            clusters.{{ measure }} {{ operator }} playbook.{{ end }}_{{ measure }}, playbook.{{ end }}_{{ measure }} is null
        )
        {%- endfor %}
    left join {{ ref('segment_labels') }} as labels
        on playbook.segment_code = labels.segment_code
        and labels.language = 'en'
    qualify row_number() over (
        partition by {% for key in keys %}clusters.{{ key }}{{ ', ' if not loop.last }}{% endfor %}
        order by playbook.rule_order, playbook.segment_code
    ) = 1
{%- endmacro %}
