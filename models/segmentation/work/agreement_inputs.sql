with fingerprints as (
    select
        as_of_date,
        rows_fingerprint,
    from {{ ref('feature_fingerprints') }}
),

fits as (
    select
        as_of_date,
        model_id,
        fingerprint,
        is_accepted,
    from {{ ref('model_registry') }}
    where n_clusters > 0
),

final as (
    select
        fingerprints.as_of_date,
        fingerprints.rows_fingerprint,
        fits.model_id as fitted_model_id,
        fits.fingerprint as fitted_fingerprint,
        fits.is_accepted as is_fit_accepted,
    from fingerprints
    left join fits on fingerprints.as_of_date = fits.as_of_date
)

select * from final
