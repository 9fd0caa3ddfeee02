with candidates as (
    select *
    from {{ ref('study_candidates') }}
    where is_finalist
),

clusters as (
    select
        candidate_id,
        cluster,
        segment_code,
        possible_names,
        resamples,
        mean_jaccard,
        null_jaccard
    from {{ ref('study_clusters') }}
),

labels as (
    select
        segment_code,
        name
    from {{ ref('segment_labels') }}
    where language = 'en'
),

stability as (
    select
        clusters.candidate_id,
        count(distinct labels.name) as different_names,
        {{ ordered_list("coalesce(labels.name, 'unnamed')", ', ', 'clusters.cluster') }} as names,
        max(clusters.possible_names) as possible_names,
        max(clusters.resamples) as resamples,
        {{ exact_average('clusters.mean_jaccard') }} as mean_jaccard,
        min(clusters.mean_jaccard) as lowest_cluster_jaccard,
        min(clusters.null_jaccard) as lowest_null_jaccard
    from clusters
    left join labels on clusters.segment_code = labels.segment_code
    group by clusters.candidate_id
),

judged as (
    select
        candidates.*,
        stability.different_names,
        stability.names,
        stability.resamples,
        stability.mean_jaccard,
        stability.lowest_cluster_jaccard,
        stability.lowest_null_jaccard,
        stability.possible_names,
        -- What a reader should know of other numbers of clusters.
        max(case when candidates.is_gap_choice then candidates.n_clusters end) over (
            partition by candidates.feature_set
        ) as gap_choice,
        lead(candidates.silhouette) over (
            partition by candidates.feature_set, candidates.algorithm
            order by candidates.n_clusters, candidates.candidate_id
        ) as next_silhouette,
        case
            when candidates.n_clusters = 1 then 'One cluster tells nobody apart.'
            when candidates.is_degenerate then candidates.note
            when candidates.smallest_cluster_share < {{ setting('engine', 'smallest_cluster_share') }}
                then 'Too small a cluster: ' || {{ percent('candidates.smallest_cluster_share', 2) }}
                    || ' of the customers.'
            when stability.different_names < candidates.n_clusters
                then 'Not nameable: its clusters are ' || stability.names || '.'
            when stability.lowest_cluster_jaccard is null then 'Stability not measured for this number of clusters.'
            when stability.lowest_cluster_jaccard < {{ setting('study', 'minimum_cluster_jaccard') }}
                then 'Not stable: a cluster has a mean Jaccard of '
                    || {{ decimals('stability.lowest_cluster_jaccard', 3) }} || '.'
        end as objection
    from candidates
    left join stability on candidates.candidate_id = stability.candidate_id
),

ranked as (
    -- Scalings of different feature sets are different spaces, so each set has its own choice.
    select
        *,
        row_number() over (
            partition by feature_set
            order by
                objection is not null,
                {{ nulls_last(['different_names desc', 'silhouette desc', 'candidate_id']) }}
        ) as choice
    from judged
),

final as (
    select
        candidate_id,
        as_of_date,
        feature_set,
        algorithm,
        parameters,
        cast(n_clusters as int) as n_clusters,
        customers,
        seeds,
        silhouette,
        silhouette_spread,
        silhouette_standard_error,
        silhouette_standard_error = 0 as is_silhouette_exact,
        null_silhouette,
        silhouette - null_silhouette as excess_silhouette,
        sqrt(
            null_silhouette_standard_error * null_silhouette_standard_error
            + silhouette_standard_error * silhouette_standard_error
        ) as excess_silhouette_standard_error,
        case
            when null_silhouette is not null then null
            when n_clusters = 1 then 'No null: one cluster has no silhouette.'
            when algorithm != 'kmeans' then {{ why_no_spectral_null() }}
            else 'No null: no permutation was asked for, or none had rows enough.'
        end as null_note,
        davies_bouldin,
        calinski_harabasz,
        inertia,
        inertia_spread,
        gap,
        gap_standard_error,
        coalesce(is_gap_choice, false) as is_gap_choice,
        seed_agreement,
        graph_components,
        resamples,
        mean_jaccard,
        lowest_cluster_jaccard,
        smallest_cluster_share,
        choice = 1 and objection is null as is_chosen,
        case
            when objection is not null then objection
            when choice = 1
                then {{ why_chosen() }}
            else 'Eligible, but tells fewer segments apart, or the same with a lower silhouette: ' || names || '.'
        end as reason,
        note
    from ranked
)

select * from final
