with reasons as (
    select *
    from {{ ref('refresh_decisions') }}
),

final as (
    select
        as_of_date,
        decision,
        {{ ordered_list('reason', ' ', 'reason_number') }} as reasons,
        {{ ordered_list("threshold_code || ' (' || level || ')'", ', ', 'reason_number') }} as thresholds_crossed,
        model_id,
        fitted_as_of_date,
        judged_model_id,
        judged_fitted_as_of_date,
        model_age_days,
        model_age_months,
        prediction_agreement,
        structure_agreement,
        outdated_share,
        order_value_ratio,
        drifted_features,
        is_forced,
        is_fallback,
    from reasons
    group by
        as_of_date, decision, model_id, fitted_as_of_date, judged_model_id, judged_fitted_as_of_date,
        model_age_days, model_age_months, prediction_agreement, structure_agreement, outdated_share, order_value_ratio,
        drifted_features, is_forced, is_fallback
)

select * from final
