{{ config(materialized='view') }}

with clusters as (
    select
        candidate_id,
        cluster,
        customers,
        resamples,
        mean_jaccard,
        recovered_share,
        dissolved_share,
        subset_jaccard,
        noise_jaccard,
        null_jaccard,
        excess_jaccard,
        excess_jaccard_standard_error,
        silhouette,
        null_silhouette,
        excess_silhouette,
        excess_silhouette_standard_error,
        null_resamples,
        neighbour,
        border_depth,
        border,
        verdict
    from {{ ref('study_clusters') }}
),

comparison as (
    select
        candidate_id,
        as_of_date,
        feature_set,
        algorithm,
        n_clusters,
        is_chosen,
        null_silhouette
    from {{ ref('model_comparison') }}
),

final as (
    select
        clusters.candidate_id,
        comparison.as_of_date,
        comparison.feature_set,
        comparison.algorithm,
        comparison.n_clusters,
        comparison.is_chosen,
        clusters.cluster,
        clusters.customers,
        clusters.mean_jaccard,
        clusters.recovered_share,
        clusters.dissolved_share,
        clusters.subset_jaccard,
        clusters.noise_jaccard,
        clusters.null_jaccard,
        clusters.excess_jaccard,
        clusters.excess_jaccard_standard_error,
        clusters.silhouette,
        clusters.null_silhouette,
        clusters.excess_silhouette,
        clusters.excess_silhouette_standard_error,
        clusters.null_resamples,
        case
            when clusters.null_jaccard is not null then null
            when comparison.algorithm != 'kmeans' then {{ why_no_spectral_null() }}
            when comparison.null_silhouette is not null
                then 'No null: another number of clusters is judged; model_comparison has the silhouette of this one'
                    || ' on permuted columns. Setting study.judges_all judges every number, for some minutes of'
                    || ' processor time.'
            else 'No null: no permutation was asked for, or none had rows enough.'
        end as null_note,
        clusters.neighbour,
        clusters.border_depth,
        clusters.border,
        clusters.verdict,
        clusters.resamples
    from clusters
    inner join comparison on clusters.candidate_id = comparison.candidate_id
)

select * from final
