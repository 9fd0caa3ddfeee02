{#- With refresh_mode as_decided the decisions say which model is in force; otherwise each date has its own. -#}
{% set first_date = setting('first_as_of_date') %}
{% set why_not_accepted %}
    case
        when fits.as_of_date is null
            then 'None of its customers is fitted on: each lacks a feature, or seed outlier_rules leaves it out.'
        else coalesce(fits.gate_failures, '')
    end
{% endset %}

with periods as (
    select
        as_of_date,
        is_segmentable,
        note
    from {{ ref('periods') }}
),

fits as (
    select
        model_id,
        as_of_date,
        is_accepted,
        gate_failures
    from {{ ref('model_registry') }}
),

{% if setting('refresh_mode') == 'as_decided' -%}
chosen as (
    select distinct
        as_of_date,
        decision,
        model_id,
        fitted_as_of_date,
        is_fallback
    from {{ ref('refresh_decisions') }}
),
{%- else -%}
accepted as (
    select
        model_id,
        as_of_date as fitted_as_of_date
    from fits
    where is_accepted
),

candidates as (
    -- Only models of the date itself or earlier: a later one would know the future.
    select
        periods.as_of_date,
        accepted.model_id,
        accepted.fitted_as_of_date,
        row_number() over (
            partition by periods.as_of_date
            order by accepted.fitted_as_of_date desc, accepted.model_id
        ) as choice
    from periods
    left join accepted
        on periods.is_segmentable
        and accepted.fitted_as_of_date <= periods.as_of_date
),

chosen as (
    select
        as_of_date,
        model_id,
        fitted_as_of_date
    from candidates
    where choice = 1
),
{%- endif %}

comparisons as (
    select
        later.as_of_date,
        max(earlier.as_of_date) as comparison_as_of_date
    from chosen as later
    inner join chosen as earlier
        on earlier.as_of_date <= later.as_of_date - interval {{ setting('comparison_months') }} month
    where later.model_id is not null and earlier.model_id is not null
    group by later.as_of_date
),

final as (
    select
        periods.as_of_date,
        '{{ setting('refresh_mode') }}' as refresh_mode,
        chosen.model_id,
        chosen.fitted_as_of_date,
        {% if setting('refresh_mode') == 'as_decided' -%}
        chosen.is_fallback,
        {%- else -%}
        coalesce(chosen.fitted_as_of_date < periods.as_of_date, false) as is_fallback,
        {%- endif %}
        case
            when not periods.is_segmentable then periods.note
            when chosen.model_id is null
                then 'Not segmented: no fit up to this date was accepted. ' || {{ why_not_accepted }}
                    || case
                        when {{ 'null' if first_date is none else "date '" ~ first_date ~ "'" }} > periods.as_of_date
                            then ' There are no dates before, because var first_as_of_date is after the last purchase.'
                        else ''
                    end
            {% if setting('refresh_mode') == 'as_decided' -%}
            when chosen.fitted_as_of_date < periods.as_of_date
                then 'Scored by the model of ' || chosen.fitted_as_of_date || ' (decision: ' || chosen.decision || ').'
            {%- endif %}
            when chosen.fitted_as_of_date < periods.as_of_date
                then 'The fit of this date was not accepted, the one of ' || chosen.fitted_as_of_date || ' is used. '
                    || {{ why_not_accepted }}
            else periods.note
        end as note,
        comparisons.comparison_as_of_date
    from periods
    inner join chosen on periods.as_of_date = chosen.as_of_date
    left join comparisons on periods.as_of_date = comparisons.as_of_date
    left join fits on periods.as_of_date = fits.as_of_date
)

select * from final
