{#- A budget is enough when its mean inertia is above the lowest by no more than this share of it. -#}
{% set enough = 0.001 %}

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
        100 * (inertia / nullif(min(inertia) over (partition by n_clusters), 0) - 1) as excess_percent
    from budgets
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
        coalesce(excess_percent, 0) <= {{ 100 * enough }} as is_enough,
        is_finalist as is_in_comparison,
        starts,
        good_start_share,
        power(1 - good_start_share, n_init) as missed_share
    from compared
)

select * from final
