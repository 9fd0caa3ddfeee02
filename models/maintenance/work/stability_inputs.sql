with fingerprints as (
    select
        as_of_date,
        rows_fingerprint,
    from {{ ref('feature_fingerprints') }}
),

fits as (
    select
        model_id,
        as_of_date,
        fingerprint,
        is_accepted,
        n_clusters,
    from {{ ref('model_registry') }}
),

models_in_use as (
    -- The last accepted fit up to the date, whatever var refresh_mode is.
    select
        fingerprints.as_of_date,
        last_value(case when fits.is_accepted then fits.model_id end ignore nulls) over (
            order by fingerprints.as_of_date rows between unbounded preceding and current row
        ) as model_id,
    from fingerprints
    left join fits on fingerprints.as_of_date = fits.as_of_date
),

final as (
    select
        fingerprints.as_of_date,
        fingerprints.rows_fingerprint,
        models_in_use.model_id,
        used_fits.fingerprint as model_fingerprint,
        own_fits.model_id as fitted_model_id,
        own_fits.fingerprint as fitted_fingerprint,
        own_fits.is_accepted as is_fit_accepted,
    from fingerprints
    left join models_in_use on fingerprints.as_of_date = models_in_use.as_of_date
    left join fits as used_fits on models_in_use.model_id = used_fits.model_id
    left join fits as own_fits
        on fingerprints.as_of_date = own_fits.as_of_date
        and own_fits.n_clusters > 0
)

select * from final
