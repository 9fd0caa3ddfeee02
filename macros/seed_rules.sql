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

{% macro name_by_playbook(clusters, keys) -%}
    {#-
        Names each row of a CTE with the measures of the playbook (frequency, monetary, recency_days, monetary_ratio and recency_ratio
        to the mean customer, review_score; null for what is no feature) by the first rule of seed segment_playbook that it satisfies: columns
        segment_code and segment_name (English, seed segment_labels), null when there is none.
        keys: the columns that identify a row.
    -#}
    select * {{ all_but(['rule_rank']) }}
    from (
        select
            clusters.*,
            playbook.segment_code,
            labels.name as segment_name,
            row_number() over (
                partition by {% for key in keys %}clusters.{{ key }}{{ ', ' if not loop.last }}{% endfor %}
                order by playbook.rule_order nulls last, playbook.segment_code nulls last
            ) as rule_rank
        from {{ clusters }} as clusters
        left join {{ ref('segment_playbook') }} as playbook
            on true
            {%- for _, measure in playbook_measures() %}
            and coalesce(clusters.{{ measure }} >= playbook.minimum_{{ measure }}, playbook.minimum_{{ measure }} is null)
            and coalesce(clusters.{{ measure }} < playbook.maximum_{{ measure }}, playbook.maximum_{{ measure }} is null)
            {%- endfor %}
        left join {{ ref('segment_labels') }} as labels
            on playbook.segment_code = labels.segment_code
            and labels.language = 'en'
    ) as ranked
    where rule_rank = 1
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
                            then '; ' || n_clusters + 1 || ' clusters have the better silhouette, '
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

{% macro named(clusters, keys) -%}
    {#- Names each row of a CTE of clusters, as the adapter does; see the two macros that it calls. -#}
    {{ name_by_playbook(clusters, keys) if var('adapter') == 'olist' else name_by_rank(clusters, keys) }}
{%- endmacro %}

{% macro name_by_rank(clusters, keys) -%}
    {#-
        Names each row of a CTE with columns frequency, monetary_ratio and recency_ratio by its rank among the clusters of its
        model (seed segment_ranks): each has a name of its own, whatever a shop's amounts are. Two clusters make a tier, those
        with the smallest sums of their ranks of money and of orders first; of the two, that with fewer days since the last
        purchase. What differs by rounding only is a tie: the number of a cluster decides where all measures are the same, and
        nowhere else, so that a cluster has its name whatever its number. steps/naming.py of the package does the same.
        keys: the columns that identify a row, the last one its number in the model.
    -#}
    {%- set model = keys[:-1] | join(', ') -%}
    {%- set cluster = keys[-1] -%}
    select
        tiered.* {{ all_but([
            'rounded_money', 'rounded_orders', 'rounded_days', 'n_clusters', 'money_rank', 'order_rank', 'value_rank', 'tier', 'place',
        ]) }},
        ranks.segment_code,
        labels.name as segment_name
    from (
        select
            *,
            row_number() over (
                partition by {{ model }}, tier order by rounded_days, money_rank, order_rank, {{ cluster }}
            ) as place
        from (
            select
                *,
                cast(floor((value_rank + 1) / 2) as int) as tier
            from (
                select
                    *,
                    row_number() over (
                        partition by {{ model }} order by money_rank + order_rank, money_rank, rounded_days, {{ cluster }}
                    ) as value_rank
                from (
                    select
                        *,
                        count(*) over (partition by {{ model }}) as n_clusters,
                        rank() over (partition by {{ model }} order by rounded_money desc) as money_rank,
                        rank() over (partition by {{ model }} order by rounded_orders desc) as order_rank
                    from (
                        select
                            *,
                            coalesce(round(monetary_ratio, 9), 0) as rounded_money,
                            coalesce(round(frequency, 9), 0) as rounded_orders,
                            coalesce(round(recency_ratio, 9), 0) as rounded_days
                        from {{ clusters }}
                    ) as rounded
                ) as ranked
            ) as valued
        ) as paired
    ) as tiered
    left join {{ ref('segment_ranks') }} as ranks
        on tiered.n_clusters = ranks.n_clusters
        and tiered.tier = ranks.tier
        and tiered.place = ranks.place
    left join {{ ref('segment_labels') }} as labels
        on ranks.segment_code = labels.segment_code
        and labels.language = 'en'
{%- endmacro %}
