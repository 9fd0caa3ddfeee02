{{ config(materialized='view') }}
{% set marks = ['measure', 'value', 'limit', 'since', 'detail'] %}

with reasons as (
    select
        reasons.*,
        thresholds.direction,
        coalesce(thresholds.unit, 'orders') as unit,
        coalesce(reasons.threshold, {{ setting('engine', 'sparse_month_orders') }}) as crossed_limit
    from {{ ref('refresh_decisions') }} as reasons
    left join {{ ref('maintenance_thresholds') }} as thresholds on reasons.threshold_code = thresholds.threshold_code
),

words as (
    select
        word_code,
        language,
        words
    from {{ ref('maintenance_words') }}
),

verdicts as (
    select verdicts.*
    from {{ ref('feature_verdicts') }} as verdicts
    inner join reasons
        on verdicts.baseline_as_of_date = reasons.judged_fitted_as_of_date
        and verdicts.as_of_date = reasons.as_of_date
        and verdicts.feature = reasons.feature
),

drift as (
    {{ drift_sentences('verdicts') }}
),

texts as (
    select
        reasons.as_of_date,
        reasons.reason_number,
        reasons.feature,
        reasons.judged_fitted_as_of_date,
        sentences.language,
        sentences.words as template,
        measures.words as measure_template,
        {{ measure_text('value', 'unit', 'crossed_limit', 'sentences.language') }} as value_text,
        {{ limit_text('crossed_limit', 'unit', 'sentences.language') }} as limit_text,
        coalesce({{ date_text('reasons.judged_fitted_as_of_date', 'sentences.language') }}, '') as since_text,
        coalesce(reasons.detail, '') as detail_text
    from reasons
    inner join words as sentences
        on sentences.word_code
        = coalesce(reasons.level || '_' || reasons.direction, reasons.reason_code, 'within_limits')
    left join words as measures
        on reasons.threshold_code = measures.word_code
        and sentences.language = measures.language
),

measured as (
    select
        *,
        coalesce({{ filled('measure_template', ['since']) }}, '') as measure_text
    from texts
),

said as (
    select
        as_of_date,
        reason_number,
        language,
        trim({{ filled('template', marks) }}) as sentence
    from measured
    union all
    select
        reasons.as_of_date,
        reasons.reason_number,
        drift.language,
        drift.sentence
    from reasons
    inner join drift
        on reasons.judged_fitted_as_of_date = drift.baseline_as_of_date
        and reasons.as_of_date = drift.as_of_date
        and reasons.feature = drift.feature
),

final as (
    select
        reasons.as_of_date,
        reasons.reason_number,
        reasons.decision,
        reasons.reason_code,
        reasons.threshold_code,
        reasons.feature,
        reasons.level,
        reasons.value,
        reasons.threshold,
        english.sentence as reason,
        french.sentence as reason_french
    from reasons
    left join said as english
        on reasons.as_of_date = english.as_of_date
        and reasons.reason_number = english.reason_number
        and english.language = 'en'
    left join said as french
        on reasons.as_of_date = french.as_of_date
        and reasons.reason_number = french.reason_number
        and french.language = 'fr'
)

select * from final
