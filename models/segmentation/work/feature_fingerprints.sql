with features as (
    select *
    from {{ ref('segmentation_features') }}
),

measured_share as (
    select
        as_of_date,
        digest_below,
    from {{ ref('measured_share') }}
),

fingerprints as (
    select
        as_of_date,
        count(*) as customers,
        {{ rows_fingerprint(['customer_unique_id'] + feature_columns() + ['is_in_fit']) }}
            as rows_fingerprint,
    from features
    group by as_of_date
),

final as (
    select
        fingerprints.as_of_date,
        fingerprints.customers,
        fingerprints.rows_fingerprint || '/' || measured_share.digest_below as rows_fingerprint,
    from fingerprints
    inner join measured_share on fingerprints.as_of_date = measured_share.as_of_date
)

select * from final
