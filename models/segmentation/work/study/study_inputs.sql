with features as (
    select *
    from {{ ref('study_features') }}
    where is_in_fit
),

final as (
    {%- for feature_set, columns in feature_sets().items() %}
    {%- set prefix = 'in_use_' if feature_set == 'in_use' else 'other_' %}
    {%- set described = ['customer_unique_id', 'recency_days', 'frequency', 'monetary', 'average_review_score'] %}
    select
        as_of_date,
        '{{ feature_set }}' as feature_set,
        {{ loop.index }} as feature_set_position,
        '{{ columns | join(', ') }}' as features,
        {{ rows_fingerprint(described + columns | map('replace', '', prefix, 1) | list) }} as input_fingerprint,
    from features
    where true
        {%- for column in columns %}
        and {{ prefix }}{{ column }} is not null
        {%- endfor %}
    group by as_of_date
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select * from final
