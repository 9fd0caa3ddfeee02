with features as (
    select as_of_date
    from {{ ref('segmentation_features') }}
),

customers_by_date as (
    select
        as_of_date,
        count(*) as customers,
    from features
    group by as_of_date
),

halved as (
    -- Halves, and no more at a later date than before: whoever is drawn was drawn at every earlier date. Nothing of a
    -- date depends on later ones.
    select
        as_of_date,
        customers,
        cast(
            ceil(
                log2(
                    greatest(
                        max(customers) over (order by as_of_date rows unbounded preceding)
                        / cast({{ var('measured_customers') }} as double),
                        1
                    )
                )
            ) as int
        ) as halvings,
    from customers_by_date
),

final as (
    select
        as_of_date,
        customers,
        halvings,
        pow(2, -halvings) as measured_share,
        -- Digests begin with eight hexadecimal digits; g is above them all.
        case
            when halvings = 0 then 'g'
            else lpad(lower(hex(cast(pow(2, 32 - halvings) as bigint))), 8, '0')
        end as digest_below,
    from halved
)

select * from final
