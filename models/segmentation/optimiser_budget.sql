{#- A budget is enough when it is sure (95 %) to miss the optimum in no more than this share of the cases. -#}
{% set largest_missed_share = 0.05 %}

with budgets as (
    select
        candidate_id,
        as_of_date,
        n_clusters,
        init,
        n_init,
        max_iter,
        seeds,
        inertia,
        inertia_spread,
        starts,
        good_start_share,
        is_finalist
    from {{ ref('study_candidates') }}
    where algorithm = 'kmeans' and feature_set = 'in_use' and n_clusters > 1
),

compared as (
    select
        *,
        100 * (inertia / nullif(min(inertia) over (partition by n_clusters), 0) - 1) as excess_percent,
        round(good_start_share * starts) as good_starts
    from budgets
),

judged as (
    select
        *,
        -- The last bits of a power are not the same on every engine.
        round(power(1 - good_start_share, n_init), 12) as missed_share,
        round(power(1 - {{ wilson('good_starts', 'starts', 'low') }}, n_init), 12) as missed_share_high
    from compared
),

final as (
    select
        candidate_id,
        as_of_date,
        cast(n_clusters as int) as n_clusters,
        init,
        n_init,
        max_iter,
        seeds,
        inertia,
        inertia_spread,
        excess_percent,
        missed_share_high <= {{ largest_missed_share }} as is_enough,
        is_finalist as is_in_comparison,
        starts,
        good_start_share,
        missed_share,
        missed_share_high
    from judged
)

select * from final
