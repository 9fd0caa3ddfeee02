with fits as (
    select
        model_id,
        as_of_date,
        model_fingerprint as fingerprint,
        reference_model_id,
        parameters,
        library_versions,
        training_rows,
        inertia,
        iterations,
        has_converged,
        silhouette,
        silhouette_standard_error,
        smallest_cluster_share,
        is_accepted,
        gate_failures,
        cluster
    from {{ ref('kmeans_fits') }}
),

final as (
    select
        model_id,
        as_of_date,
        'kmeans' as algorithm,
        parameters,
        cast(count(distinct cluster) as int) as n_clusters,
        training_rows,
        inertia,
        iterations,
        has_converged,
        silhouette,
        silhouette_standard_error,
        smallest_cluster_share,
        is_accepted,
        gate_failures,
        reference_model_id,
        library_versions,
        fingerprint
    from fits
    group by
        model_id, as_of_date, parameters, training_rows, inertia, iterations, has_converged, silhouette,
        silhouette_standard_error, smallest_cluster_share, is_accepted, gate_failures, reference_model_id,
        library_versions, fingerprint
)

select * from final
