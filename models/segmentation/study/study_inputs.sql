with features as (
    select *
    from {{ ref('study_features') }}
    where is_in_fit
),

final as (
    {%- for feature_set, columns in var('feature_sets').items() %}
    select
        as_of_date,
        '{{ feature_set }}' as feature_set,
        {{ loop.index }} as feature_set_position,
        {{ rows_fingerprint(['customer_unique_id'] + columns) }} as input_fingerprint,
    from features
    where
    {%- for column in columns %}
        {{ 'and ' if not loop.first }}{{ column }} is not null
    {%- endfor %}
    group by as_of_date
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select * from final
