with segments as (
    select
        as_of_date,
        customer_unique_id,
        model_id,
        cluster,
    from {{ ref('customer_segments') }}
),

names as (
    select
        model_id,
        cluster,
        segment_code,
        segment_name,
        segment_name_french,
    from {{ ref('model_segments') }}
),

dates as (
    select
        as_of_date,
        lag(as_of_date) over (order by as_of_date) as previous_as_of_date,
    from (select distinct as_of_date from segments) as segmented
),

later as (
    select
        segments.*,
        dates.previous_as_of_date,
    from segments
    inner join dates on segments.as_of_date = dates.as_of_date
    where dates.previous_as_of_date is not null
),

earlier as (
    select
        segments.* exclude (as_of_date),
        dates.as_of_date,
        dates.previous_as_of_date,
    from segments
    inner join dates on segments.as_of_date = dates.previous_as_of_date
),

counted as (
    select
        coalesce(later.as_of_date, earlier.as_of_date) as as_of_date,
        coalesce(later.previous_as_of_date, earlier.previous_as_of_date) as previous_as_of_date,
        earlier.model_id as from_model_id,
        earlier.cluster as from_cluster,
        later.model_id as to_model_id,
        later.cluster as to_cluster,
        count(*) as customers,
    from later
    full outer join earlier
        on later.as_of_date = earlier.as_of_date
        and later.customer_unique_id = earlier.customer_unique_id
    group by all
),

movements as (
    -- Names come after counting, so that no customer carries them through the join.
    select
        counted.as_of_date,
        counted.previous_as_of_date,
        counted.from_cluster,
        from_names.segment_name as from_segment_name,
        from_names.segment_name_french as from_segment_name_french,
        counted.to_cluster,
        to_names.segment_name as to_segment_name,
        to_names.segment_name_french as to_segment_name_french,
        case
            when counted.from_cluster is null then 'new'
            when counted.to_cluster is null then 'gone'
            when to_names.segment_code = from_names.segment_code then 'stayed'
            when to_names.segment_code = 'lapsed' then 'lapsed'
            else 'moved'
        end as movement,
        counted.customers,
    from counted
    left join names as from_names
        on counted.from_model_id = from_names.model_id
        and counted.from_cluster = from_names.cluster
    left join names as to_names
        on counted.to_model_id = to_names.model_id
        and counted.to_cluster = to_names.cluster
),

final as (
    select
        as_of_date,
        previous_as_of_date,
        coalesce(cast(from_cluster as string), 'new') || ' > ' || coalesce(cast(to_cluster as string), 'gone') as path,
        from_cluster,
        from_segment_name,
        from_segment_name_french,
        to_cluster,
        to_segment_name,
        to_segment_name_french,
        movement,
        customers,
        case
            when from_cluster is not null
                then cast(customers as double) / sum(customers) over (partition by as_of_date, from_cluster)
        end as share_of_from,
        case
            when to_cluster is not null
                then cast(customers as double) / sum(customers) over (partition by as_of_date, to_cluster)
        end as share_of_to,
    from movements
)

select * from final
