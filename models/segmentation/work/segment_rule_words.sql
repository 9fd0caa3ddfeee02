{{ config(materialized='view') }}
{% set marks = ['minimum', 'below', 'maximum', 'above'] %}

with limits as (
    select
        model_id,
        rule,
        feature,
        minimum,
        below,
        stand_in,
        {{ number_text('minimum', 'is_whole') }} as minimum_text,
        {{ number_text('below', 'is_whole') }} as below_text,
        {{ number_text('below - case when is_whole then 1 else 0 end', 'is_whole') }} as maximum_text,
        {{ number_text('minimum - case when is_whole then 1 else 0 end', 'is_whole') }} as above_text,
    from {{ ref('segment_rule_limits') }}
),

languages as (
    select 'en' as language
    union all
    select 'fr' as language
),

words as (
    select
        feature,
        language,
        position,
        {%- for words in ['at_least', 'at_most', 'between', 'only_one'] %}
        replace({{ words }}, '{currency}', {{ sql_text(currency()) }}) as {{ words }},
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
            end || ' {{ operator }} ' || {{ limit }}_text{{ ',' if not loop.last }}
            {%- endfor %}
        ) as condition,
    from limits
),

templates as (
    select
        conditions.model_id,
        conditions.rule,
        languages.language,
        conditions.feature,
        words.position,
        conditions.condition,
        case
            when words.feature is null then conditions.condition
            when conditions.below is null then words.at_least
            when conditions.minimum is not null then words.between
            when conditions.maximum_text = '1' then coalesce(words.only_one, words.at_most)
            else words.at_most
        end as template,
        {%- for mark in marks %}
        {{ with_decimal_mark('conditions.' ~ mark ~ '_text', 'languages.language') }} as {{ mark }}_text,
        {%- endfor %}
    from conditions
    cross join languages
    left join words
        on conditions.feature = words.feature
        and languages.language = words.language
),

said as (
    select
        *,
        {{ filled('template', marks) }} as limit_in_words,
    from templates
),

final as (
    select
        model_id,
        rule,
        string_agg(limit_in_words, ', ' order by position nulls last, feature) filter (where language = 'en')
            as rule_english,
        string_agg(limit_in_words, ', ' order by position nulls last, feature) filter (where language = 'fr')
            as rule_french,
        string_agg(condition, ' and ' order by position nulls last, feature) filter (where language = 'en')
            as rule_sql,
    from said
    group by model_id, rule
)

select * from final
