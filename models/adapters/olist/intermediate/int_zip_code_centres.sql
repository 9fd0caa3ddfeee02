{{ config(enabled=var('adapter') == 'olist', materialized='table') }}

-- Brazil's own extent, with its islands; a point outside it is a geocoding mistake.
{% set brazil = {'south': -33.75, 'north': 5.28, 'west': -73.99, 'east': -28.84} %}

with points as (
    select
        zip_code_prefix,
        latitude,
        longitude,
        state,
        latitude between {{ brazil.south }} and {{ brazil.north }}
        and longitude between {{ brazil.west }} and {{ brazil.east }} as is_in_brazil
    from {{ ref('stg_geolocation') }}
    where reject_reason is null
),

centres as (
    select
        zip_code_prefix,
        -- The median, because a zip prefix has points that are hundreds of kilometres off. Points that
        -- occur twice count twice: of two distant places the one with more addresses is the centre.
        median(latitude) filter (where is_in_brazil) as latitude,
        median(longitude) filter (where is_in_brazil) as longitude,
        count(*) as point_count,
        count(*) filter (where not is_in_brazil) as points_outside_brazil
    from points
    group by zip_code_prefix
),

spreads as (
    select
        centres.zip_code_prefix,
        median({{ distance_km('points.latitude', 'points.longitude', 'centres.latitude', 'centres.longitude') }})
            as spread_km
    from centres
    inner join points on centres.zip_code_prefix = points.zip_code_prefix
    where points.is_in_brazil
    group by centres.zip_code_prefix
),

states as (
    -- A few prefixes are filed under two states; most of their points are in the right one.
    select
        zip_code_prefix,
        state,
        row_number() over (partition by zip_code_prefix order by count(*) desc, state nulls last) as state_rank
    from points
    group by zip_code_prefix, state
),

final as (
    select
        centres.zip_code_prefix,
        states.state,
        centres.latitude,
        centres.longitude,
        -- To a millimetre: the last bits of a sine are not the same on every engine.
        round(spreads.spread_km, 6) as spread_km,
        cast(centres.point_count as int) as point_count,
        cast(centres.points_outside_brazil as int) as points_outside_brazil
    from centres
    inner join states
        on centres.zip_code_prefix = states.zip_code_prefix
        and states.state_rank = 1
    left join spreads on centres.zip_code_prefix = spreads.zip_code_prefix
)

select * from final
