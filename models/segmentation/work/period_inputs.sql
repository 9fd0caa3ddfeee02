{% set watched = watched_features() %}

with features as (
    select *
    from {{ ref('segmentation_features') }}
),

rfm as (
    select
        as_of_date,
        customer_unique_id,
        {%- for feature in watched %}
        {{ feature }}{% if not loop.last %},{% endif %}
        {%- endfor %}
    from {{ ref('rfm') }}
),

by_date as (
    select
        as_of_date,
        count(*) as customers,
        {{ rows_fingerprint(['customer_unique_id'] + feature_columns() + ['is_in_fit']) }} as fingerprint
    from features
    group by as_of_date
),

fitted as (
    select
        as_of_date,
        count(*) as training_rows,
        {{ rows_fingerprint(['customer_unique_id'] + feature_columns()) }} as fingerprint
    from features
    where is_in_fit
    group by as_of_date
),

rfm_by_date as (
    select
        rfm.as_of_date,
        {{ rows_fingerprint(['rfm.customer_unique_id'] + watched) }} as fingerprint
    from rfm
    inner join by_date on rfm.as_of_date = by_date.as_of_date
    group by rfm.as_of_date
),

halved as (
    -- Halves, and no more at a later date than before: whoever is drawn was drawn at every earlier date. Nothing of a
    -- date depends on later ones.
    select
        *,
        cast(
            ceil(
                log2(
                    greatest(
                        max(customers) over (order by as_of_date rows unbounded preceding)
                        / cast({{ setting('engine', 'measured_customers') }} as double),
                        1
                    )
                )
            ) as int
        ) as halvings
    from by_date
),

drawn as (
    -- Digests begin with eight hexadecimal digits; g is above them all.
    select
        *,
        case
            when halvings = 0 then 'g'
            else lpad(lower(hex(cast(pow(2, 32 - halvings) as bigint))), 8, '0')
        end as digest_below
    from halved
),

final as (
    select
        drawn.as_of_date,
        drawn.customers,
        fitted.training_rows,
        drawn.halvings,
        pow(2, -drawn.halvings) as measured_share,
        drawn.digest_below,
        fitted.fingerprint as fit_fingerprint,
        drawn.fingerprint || '/' || drawn.digest_below as features_fingerprint,
        rfm_by_date.fingerprint || '/' || drawn.digest_below as rfm_fingerprint
    from drawn
    left join fitted on drawn.as_of_date = fitted.as_of_date
    left join rfm_by_date on drawn.as_of_date = rfm_by_date.as_of_date
)

select * from final
