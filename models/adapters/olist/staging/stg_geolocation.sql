{{ config(enabled=var('adapter') == 'olist', post_hook="{{ keep_csv_rejects('olist_geolocation_dataset') }}") }}

with raw as (
    select
        geolocation_zip_code_prefix,
        geolocation_lat,
        geolocation_lng,
        geolocation_city,
        geolocation_state
    from {{ raw_table('olist_geolocation_dataset') }}
),

typed as (
    select
        *,
        {{ to_zip_prefix('geolocation_zip_code_prefix') }} as zip_code_prefix,
        {{ to_coordinate('geolocation_lat') }} as latitude,
        {{ to_coordinate('geolocation_lng') }} as longitude
    from raw
),

checked as (
    select
        *,
        case
            when zip_code_prefix is null then 'geolocation_zip_code_prefix is not five digits'
            when latitude is null or abs(latitude) > 90 then 'geolocation_lat is not a latitude'
            when longitude is null or abs(longitude) > 180 then 'geolocation_lng is not a longitude'
            when contains(geolocation_city, chr(10)) then 'geolocation_city has a line break'
        end as reject_reason
    from typed
),

final as (
    select
        zip_code_prefix,
        latitude,
        longitude,
        geolocation_city as city,
        geolocation_state as state,
        reject_reason,
        case
            when reject_reason is not null
                then {{ json_object([
                    'geolocation_zip_code_prefix', 'geolocation_lat', 'geolocation_lng', 'geolocation_city',
                    'geolocation_state'
                ]) }}
        end as raw_text
    from checked
)

select * from final
