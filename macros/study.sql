{% macro study_as_of_date() -%}
    {#-
        Date of the comparison of models, in a query on rows with as_of_date and is_segmentable: the last segmentable first of
        a month that is a whole number of intervals after the first date; before there is one, the first segmentable date.
    -#}
    {%- set first = var('first_as_of_date') | string -%}
    {% if var('study_as_of_date') is not none or var('study_interval_months') is none -%}
        {{ described_as_of_date() }}
    {%- else -%}
        coalesce(
            max(
                case
                    when is_segmentable
                        and extract(day from as_of_date) = 1
                        and (
                            12 * extract(year from as_of_date) + extract(month from as_of_date)
                            - {{ 12 * first[:4] | int + first[5:7] | int }}
                        ) % {{ var('study_interval_months') }} = 0
                        then as_of_date
                end
            ) over (),
            min(case when is_segmentable then as_of_date end) over ()
        )
    {%- endif %}
{%- endmacro %}

{% macro described_as_of_date() -%}
    {#- Date as of which the segments are described, in the same query. -#}
    {%- set day = var('study_as_of_date') -%}
    {% if day is none -%}
        max(case when is_segmentable then as_of_date end) over ()
    {%- else -%}
        case
            when count(case when is_segmentable then 1 end) over () > 0
                and count(case when is_segmentable and as_of_date = date '{{ day }}' then 1 end) over () = 0
                then error(
                    'Var study_as_of_date is {{ day }}, which is no segmentable date of marts.periods: name one, from '
                    || min(case when is_segmentable then as_of_date end) over () || ' to '
                    || max(case when is_segmentable then as_of_date end) over () || ', or null.'
                )
            else date '{{ day }}'
        end
    {%- endif %}
{%- endmacro %}

{% macro why_chosen() -%}
    {#- Why a candidate of model_comparison is chosen, in words, and what a reader should know of the other numbers of clusters. -#}
    'Chosen: every cluster is found again (lowest mean Jaccard '
                    || {{ decimals('lowest_cluster_jaccard', 3) }}
                    || coalesce('; ' || {{ decimals('lowest_null_jaccard', 3) }} || ' in data without structure', '')
                    || '), the smallest has ' || {{ percent('smallest_cluster_share', 1) }}
                    || ' of the customers, and no eligible candidate tells more segments apart: ' || names
                    || '. The number is a business choice: the playbook has ' || possible_names
                    || ' names for these features, so no more clusters can be chosen'
                    || coalesce('; the rule of the gap statistic says ' || gap_choice, '')
                    || case
                        when next_silhouette > silhouette
                            then '; ' || n_clusters + 1 || ' clusters have the better silhouette, '
                                || {{ decimals('next_silhouette', 3) }}
                        else ''
                    end || '.'
{%- endmacro %}
