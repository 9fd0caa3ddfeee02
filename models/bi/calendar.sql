with origin as (
    select
        first_order_at,
        latest_as_of_date
    from {{ ref('data_origin') }}
),

final as (
    select {{ days_between('first_order_at', 'latest_as_of_date') }} as day
    from origin
)

select * from final
