-- Dates at which a decision is not what the maintenance contract promises, with the promise.
{% set codes = [
    'prediction_agreement', 'structure_agreement', 'model_age_months', 'outdated_share', 'order_value_ratio'
] %}

with thresholds as (
    {{ thresholds_in_one_row(codes) }}
),

accepted as (
    select model_id
    from {{ ref('model_registry') }}
    where is_accepted
),

periods as (
    select
        as_of_date,
        is_segmentable,
        is_sparse
    from {{ ref('periods') }}
),

decisions as (
    select
        decisions.*,
        periods.is_sparse,
        accepted.model_id is not null as is_accepted,
        decisions.judged_model_id is not null and periods.is_segmentable as is_judged,
        coalesce(decisions.thresholds_crossed like '%feature_drift (act)%', false) as has_drift
    from {{ ref('decisions') }} as decisions
    inner join periods on decisions.as_of_date = periods.as_of_date
    left join accepted on decisions.model_id = accepted.model_id
),

judged as (
    select
        decisions.*,
        case
            when model_id is not null and not is_accepted
                then 'A model that failed its gates is never in force.'
            when is_judged and is_sparse and decision != 'investigate' and not is_forced
                then 'A sparse month is investigated, and nothing is learnt from it.'
            when is_judged and order_value_ratio >= thresholds.order_value_ratio_act
                and decision != 'investigate' and not is_forced
                then 'Order values out of proportion are investigated, and nothing is learnt from them.'
            when is_judged and prediction_agreement < thresholds.prediction_agreement_act
                and decision not in ('retrain', 'investigate')
                then 'Agreement below its limit retrains.'
            when is_judged and structure_agreement < thresholds.structure_agreement_act
                and decision not in ('retrain', 'investigate')
                then 'Structure below its limit retrains.'
            when is_judged and model_age_months >= thresholds.model_age_months_act
                and decision not in ('retrain', 'investigate')
                then 'A model as old as its limit is retrained.'
            when is_judged and has_drift and decision not in ('retrain', 'investigate')
                then 'Drift is investigated.'
            when is_judged and outdated_share >= thresholds.outdated_share_watch and decision = 'keep'
                then 'Labels out of date are given anew.'
        end as broken_promise
    from decisions
    cross join thresholds
)

select
    as_of_date,
    decision,
    broken_promise
from judged
where broken_promise is not null
