with features as (
    select *
    from {{ ref('segmentation_features') }}
),

final as (
    select
        as_of_date,
        count(*) as customers,
        {{ rows_fingerprint(['customer_unique_id'] + feature_columns() + ['is_in_fit']) }}
            as rows_fingerprint,
    from features
    group by as_of_date
)

select * from final
