with decided as (
    select *
    from {{ ref('refresh_decisions') }}
),

reasons as (
    select
        as_of_date,
        reason_number,
        reason,
        reason_french
    from {{ ref('decision_reasons') }}
),

final as (
    select
        decided.as_of_date,
        decided.decision,
        {{ ordered_list('reasons.reason', ' ', 'decided.reason_number') }} as reasons,
        {{ ordered_list('reasons.reason_french', ' ', 'decided.reason_number') }} as reasons_french,
        {{ ordered_list("decided.threshold_code || ' (' || decided.level || ')'", ', ', 'decided.reason_number') }}
            as thresholds_crossed,
        decided.model_id,
        decided.fitted_as_of_date,
        decided.judged_model_id,
        decided.judged_fitted_as_of_date,
        decided.model_age_days,
        decided.model_age_months,
        decided.prediction_agreement,
        decided.structure_agreement,
        decided.outdated_share,
        decided.order_value_ratio,
        decided.drifted_features,
        decided.is_forced,
        decided.is_fallback
    from decided
    inner join reasons
        on decided.as_of_date = reasons.as_of_date
        and decided.reason_number = reasons.reason_number
    group by all
)

select * from final
