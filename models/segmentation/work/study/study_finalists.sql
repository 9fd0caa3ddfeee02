with inputs as (
    select
        feature_set,
        feature_set_position,
    from {{ ref('study_inputs') }}
),

candidates as (
    select
        candidate_id,
        as_of_date,
        feature_set,
        algorithm,
        n_clusters,
        init,
        n_init,
        max_iter,
        n_neighbors,
        assign_labels,
        inertia,
        silhouette,
        is_degenerate,
        fingerprint,
    from {{ ref('study_candidates') }}
),

best as (
    select
        *,
        min(inertia) over (partition by feature_set, algorithm, n_clusters) as lowest_inertia,
    from candidates
),

ranked as (
    -- K-means: of the budgets that reach the lowest inertia the largest, because a small one that was lucky here need
    -- not be so in a bootstrap resample. Spectral: the best silhouette that is usable.
    select
        *,
        row_number() over (
            partition by feature_set, algorithm, n_clusters
            order by
                coalesce(is_degenerate, false),
                case when algorithm = 'kmeans' then inertia > lowest_inertia * (1 + 1e-6) end,
                n_init desc,
                max_iter desc,
                init,
                case when algorithm = 'spectral' then silhouette end desc,
                candidate_id
        ) as budget_rank,
    from best
),

final as (
    select
        ranked.candidate_id,
        ranked.as_of_date,
        ranked.feature_set,
        inputs.feature_set_position,
        ranked.algorithm,
        ranked.n_clusters,
        ranked.init,
        ranked.n_init,
        ranked.max_iter,
        ranked.n_neighbors,
        ranked.assign_labels,
        ranked.lowest_inertia,
        ranked.fingerprint,
    from ranked
    inner join inputs on ranked.feature_set = inputs.feature_set
    where ranked.budget_rank = 1
)

select * from final
