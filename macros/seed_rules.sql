{#- What a business decides: limits, prices and thresholds in seeds, which segment a cluster is, and how many there are. -#}

{% macro question_limit(code) -%}
    {#- A limit in a question of the Customer Experience team, by seed question_limits. -#}
    (select limit_value from {{ ref('question_limits') }} where limit_code = '{{ code }}')
{%- endmacro %}

{% macro policy_cost(code) -%}
    {#- A price or time, by seed policy_costs. -#}
    (select cost_value from {{ ref('policy_costs') }} where cost_code = '{{ code }}')
{%- endmacro %}

{% macro thresholds_in_one_row(codes) -%}
    {#- The rows of seed maintenance_thresholds named in codes as columns <code>_watch and <code>_act. -#}
    select
        {%- for code in codes %}
        max(case when threshold_code = '{{ code }}' then watch_value end) as {{ code }}_watch,
        max(case when threshold_code = '{{ code }}' then act_value end) as {{ code }}_act{% if not loop.last %},{% endif %}
        {%- endfor %}
    from {{ ref('maintenance_thresholds') }}
{%- endmacro %}

{% macro drift_sentences(verdicts) -%}
    {#-
        What a CTE with rows of feature_verdicts says, in the words of seed maintenance_words: baseline_as_of_date, as_of_date,
        feature, language and sentence.
    -#}
    {%- set measures = [
        ('feature_psi', 'psi_behaviour'), ('feature_ks', 'ks_behaviour'), ('missing_share_rise', 'missing_share_rise'),
    ] -%}
    {%- set key = ['baseline_as_of_date', 'as_of_date', 'feature'] -%}
    select
        {{ key | join(', ') }},
        language,
        {{ filled('template', ['since', 'feature', 'crossed']) }} as sentence
    from (
        select
            verdicts.*,
            sentences.language,
            sentences.words as template,
            {{ date_text('verdicts.baseline_as_of_date', 'sentences.language') }} as since_text,
            coalesce(names.name, verdicts.feature) as feature_text,
            coalesce(crossed.crossed_text, '') as crossed_text
        from {{ verdicts }} as verdicts
        inner join {{ ref('maintenance_words') }} as sentences
            on sentences.word_code = coalesce(
                replace(verdicts.cause, ' ', '_'),
                case when verdicts.verdict = 'passing of time' then 'passing_of_time' else 'no_change' end
            )
        left join {{ ref('feature_words') }} as names
            on verdicts.feature = names.feature
            and sentences.language = names.language
        left join (
            select
                {{ key | join(', ') }},
                language,
                -- French has a space before a semicolon.
                replace(
                    {{ ordered_list(filled('template', ['measure', 'value', 'limit']), '; ', 'position') }},
                    '; ',
                    case when language = 'fr' then ' ; ' else '; ' end
                ) as crossed_text
            from (
                select
                    found.*,
                    templates.language,
                    templates.words as template,
                    measures.words as measure_text,
                    {{ measure_text('found.value', 'found.unit', 'found.crossed_limit', 'templates.language') }} as value_text,
                    {{ limit_text('found.crossed_limit', 'found.unit', 'templates.language') }} as limit_text
                from (
                    {%- for code, column in measures %}
                    select
                        {{ key | join(', ') }},
                        {{ loop.index }} as position,
                        threshold_code,
                        unit,
                        {{ column }} as value,
                        case when {{ column }} >= act_value then act_value else watch_value end as crossed_limit
                    from {{ verdicts }}
                    inner join {{ ref('maintenance_thresholds') }}
                        on threshold_code = '{{ code }}'
                        and {{ column }} >= watch_value
                    {{- ' union all' if not loop.last }}
                    {%- endfor %}
                ) as found
                inner join {{ ref('maintenance_words') }} as measures on found.threshold_code = measures.word_code
                inner join {{ ref('maintenance_words') }} as templates
                    on templates.word_code = 'crossed'
                    and measures.language = templates.language
            ) as measured
            group by {{ key | join(', ') }}, language
        ) as crossed
            on verdicts.baseline_as_of_date = crossed.baseline_as_of_date
            and verdicts.as_of_date = crossed.as_of_date
            and verdicts.feature = crossed.feature
            and sentences.language = crossed.language
    ) as said
{%- endmacro %}

{% macro why_chosen() -%}
    {#- Why a candidate of model_comparison is chosen, in words, and what a reader should know of the other numbers of clusters. -#}
    'Chosen: every cluster is found again (lowest mean Jaccard '
                    || {{ decimals('lowest_cluster_jaccard', 3) }}
                    || coalesce('; ' || {{ decimals('lowest_null_jaccard', 3) }} || ' in data without structure', '')
                    || '), the smallest has ' || {{ percent('smallest_cluster_share', 1) }}
                    || ' of the customers, and no eligible candidate tells more segments apart: ' || names
                    || '. The number is a business choice: there are ' || possible_names
                    || ' names for these features, so no more clusters can be chosen'
                    || coalesce('; the rule of the gap statistic says ' || gap_choice, '')
                    || case
                        when next_silhouette > silhouette
                            then '; ' || (n_clusters + 1) || ' clusters have the better silhouette, '
                                || {{ decimals('next_silhouette', 3) }}
                        else ''
                    end || '.'
{%- endmacro %}

{% macro why_no_spectral_null() -%}
    'No null: only K-means is fitted on permuted columns. 50 resamples of spectral clustering and as many of its null would take '
                || 'several minutes of processor time.'
{%- endmacro %}

{% macro has_action(actions, language, segment_code, recency_days) -%}
    {#- Whether a row of seed segment_actions is what to do with a customer, in a language, to join by. -#}
    {{ segment_code }} = {{ actions }}.segment_code
        and {{ actions }}.language = '{{ language }}'
        and {{ recency_days }} >= coalesce({{ actions }}.minimum_recency_days, 0)
        and {{ recency_days }} < coalesce({{ actions }}.maximum_recency_days, {{ recency_days }} + 1)
{%- endmacro %}
