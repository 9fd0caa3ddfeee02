{{ config(materialized='view') }}

with agreement as (
    select *
    from {{ ref('model_agreement') }}
    where age_months is not null
),

periods as (
    select
        as_of_date,
        history_days,
        is_sparse
    from {{ ref('periods') }}
),

final as (
    select
        agreement.baseline_as_of_date,
        agreement.as_of_date,
        agreement.age_months,
        agreement.baseline_model_id,
        agreement.refit_model_id,
        agreement.baseline_customers,
        agreement.customers,
        agreement.prediction_agreement,
        agreement.prediction_changed_share,
        agreement.prediction_agreement_without_clock,
        agreement.prediction_changed_share_without_clock,
        agreement.labels_agreement,
        agreement.labels_changed_share,
        agreement.structure_agreement,
        agreement.migration_agreement,
        agreement.migration_changed_share,
        agreement.migration_agreement_without_clock,
        agreement.migration_changed_share_without_clock,
        baselines.history_days as baseline_history_days,
        baselines.history_days >= {{ setting('engine', 'policy_history_days') }}
        and not baselines.is_sparse
        and not periods.is_sparse as is_counted
    from agreement
    inner join periods on agreement.as_of_date = periods.as_of_date
    inner join periods as baselines on agreement.baseline_as_of_date = baselines.as_of_date
)

select * from final
