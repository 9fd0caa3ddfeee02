{{ config(materialized='view') }}

with baseline as (
    select baseline_as_of_date
    from {{ ref('stability_baseline') }}
),

verdicts as (
    select feature_verdicts.*
    from {{ ref('feature_verdicts') }} as feature_verdicts
    inner join baseline on feature_verdicts.baseline_as_of_date = baseline.baseline_as_of_date
),

sentences as (
    {{ drift_sentences('verdicts') }}
),

final as (
    select
        verdicts.as_of_date,
        verdicts.feature,
        verdicts.baseline_as_of_date,
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
        english.sentence as reason,
        french.sentence as reason_french
    from verdicts
    left join sentences as english
        on verdicts.baseline_as_of_date = english.baseline_as_of_date
        and verdicts.as_of_date = english.as_of_date
        and verdicts.feature = english.feature
        and english.language = 'en'
    left join sentences as french
        on verdicts.baseline_as_of_date = french.baseline_as_of_date
        and verdicts.as_of_date = french.as_of_date
        and verdicts.feature = french.feature
        and french.language = 'fr'
)

select * from final
