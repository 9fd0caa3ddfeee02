with measures as (
    select *
    from {{ ref('stability_measures') }}
),

final as (
    -- The measures repeat for each cluster and feature.
    select distinct
        as_of_date,
        design,
        baseline_as_of_date,
        baseline_model_id,
        refit_model_id,
        is_refit_accepted,
        elapsed_days,
        customers,
        adjusted_rand_index,
        adjusted_rand_index_low,
        adjusted_rand_index_high,
        adjusted_mutual_information,
        homogeneity,
        completeness,
        mean_jaccard,
        lowest_jaccard,
        changed_share,
        null_low,
        null_median,
        null_high,
        null_refits,
        adjusted_rand_index >= null_low as is_within_null_band,
        silhouette_first,
        silhouette_second,
        silhouette_standard_error,
        inertia_first,
        inertia_second,
        largest_centroid_movement,
        refit_inertia_excess,
        is_refit_replaced,
        note
    from measures
)

select * from final
