{{ config(materialized='view') }}

with verdicts as (
    select *
    from {{ ref('feature_verdicts') }}
),

final as (
    select
        as_of_date,
        feature,
        baseline_as_of_date,
        elapsed_days,
        baseline_customers,
        customers,
        new_customer_share,
        baseline_missing_share,
        missing_share,
        baseline_mean,
        mean,
        mean_change,
        mean_change_time,
        mean_change_behaviour,
        mean_change_new_customers,
        ks_statistic,
        ks_time,
        ks_behaviour,
        ks_same_customers,
        psi as population_stability_index,
        psi_behaviour as population_stability_index_behaviour,
        psi_same_customers as population_stability_index_same_customers,
        psi_bins as population_stability_bins,
        wasserstein as wasserstein_distance,
        wasserstein_time,
        wasserstein_behaviour,
        verdict,
        cause,
        is_sparse,
        reason,
    from verdicts
    where baseline_as_of_date = cast('{{ setting("baseline_as_of_date") }}' as date)
)

select * from final
