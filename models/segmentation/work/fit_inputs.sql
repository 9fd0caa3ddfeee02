with features as (
    select *
    from {{ ref('segmentation_features') }}
    where is_in_fit
),

final as (
    select
        as_of_date,
        count(*) as training_rows,
        {{ rows_fingerprint(['customer_unique_id'] + feature_columns()) }} as input_fingerprint,
    from features
    group by as_of_date
)

select * from final
