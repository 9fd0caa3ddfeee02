{{ config(enabled=var('adapter') == 'olist') }}

with located as (
    select
        zip_code_prefix,
        state,
        latitude,
        longitude,
        spread_km,
        point_count,
        points_outside_brazil
    from {{ ref('int_zip_code_centres') }}
),

addresses as (
    select
        customer_zip_code_prefix as zip_code_prefix,
        customer_city as city,
        customer_state as state
    from {{ ref('stg_customers') }}
    where reject_reason is null and customer_zip_code_prefix is not null
    union all
    select
        seller_zip_code_prefix as zip_code_prefix,
        seller_city as city,
        seller_state as state
    from {{ ref('stg_sellers') }}
    where reject_reason is null and seller_zip_code_prefix is not null
),

places as (
    select
        zip_code_prefix,
        city,
        state,
        row_number() over (
            partition by zip_code_prefix order by count(*) desc, {{ nulls_last(['state', 'city']) }}
        ) as place_rank
    from addresses
    group by zip_code_prefix, city, state
),

main_places as (
    select
        zip_code_prefix,
        city,
        state
    from places
    where place_rank = 1
),

states as (
    select
        state_code,
        state_name,
        region,
        region_portuguese,
        region_french
    from {{ ref('states') }}
),

final as (
    select
        coalesce(located.zip_code_prefix, main_places.zip_code_prefix) as zip_code_prefix,
        main_places.city,
        coalesce(located.state, main_places.state) as state_code,
        states.state_name,
        states.region,
        states.region_portuguese,
        states.region_french,
        located.latitude,
        located.longitude,
        located.spread_km,
        coalesce(located.point_count, 0) as point_count,
        coalesce(located.points_outside_brazil, 0) as points_outside_brazil
    from located
    full outer join main_places on located.zip_code_prefix = main_places.zip_code_prefix
    left join states on coalesce(located.state, main_places.state) = states.state_code
)

select * from final
