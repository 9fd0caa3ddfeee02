-- Brazil's own extent, with its islands; a point outside it is a geocoding mistake.
{% set brazil = {'south': -33.75, 'north': 5.28, 'west': -73.99, 'east': -28.84} %}

with points as (
    select
        zip_code_prefix,
        latitude,
        longitude,
        latitude between {{ brazil.south }} and {{ brazil.north }}
        and longitude between {{ brazil.west }} and {{ brazil.east }} as is_in_brazil,
    from {{ ref('base_geolocation') }}
    where reject_reason is null
),

final as (
    select
        zip_code_prefix,
        -- The median, because a zip prefix has points that are hundreds of kilometres off.
        median(latitude) filter (where is_in_brazil) as latitude,
        median(longitude) filter (where is_in_brazil) as longitude,
        cast(count(*) as int) as point_count,
        cast(count(*) filter (where not is_in_brazil) as int) as points_outside_brazil,
    from points
    group by zip_code_prefix
)

select * from final
