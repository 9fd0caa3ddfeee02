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

most as (
    select coalesce(max(customers), 0) as customers
    from customers_by_date
),

halved as (
    -- Halves: it stays the same, and what was measured before can be re-used, until the customers double.
    select
        customers,
        cast(
            ceil(log2(greatest(customers / cast({{ var('measured_customers') }} as double), 1))) as int
        ) as halvings,
    from most
),

final as (
    select
        customers,
        pow(2, -halvings) as measured_share,
        -- Digests begin with eight hexadecimal digits; g is above them all.
        case
            when halvings = 0 then 'g'
            else lpad(lower(hex(cast(pow(2, 32 - halvings) as bigint))), 8, '0')
        end as digest_below,
    from halved
)

select * from final
