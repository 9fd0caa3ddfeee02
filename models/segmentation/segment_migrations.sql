with segments as (
    select
        customer_segments.as_of_date,
        customer_segments.customer_unique_id,
        customer_segments.cluster,
        customer_segments.segment_name,
        customer_segments.segment_name_french,
        model_segments.segment_code,
    from {{ ref('customer_segments') }} as customer_segments
    left join {{ ref('model_segments') }} as model_segments
        on customer_segments.model_id = model_segments.model_id
        and customer_segments.cluster = model_segments.cluster
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

movements as (
    select
        coalesce(later.as_of_date, earlier.as_of_date) as as_of_date,
        coalesce(later.previous_as_of_date, earlier.previous_as_of_date) as previous_as_of_date,
        earlier.cluster as from_cluster,
        earlier.segment_name as from_segment_name,
        earlier.segment_name_french as from_segment_name_french,
        later.cluster as to_cluster,
        later.segment_name as to_segment_name,
        later.segment_name_french as to_segment_name_french,
        case
            when earlier.cluster is null then 'new'
            when later.cluster is null then 'gone'
            when later.segment_code = earlier.segment_code then 'stayed'
            when later.segment_code = 'lapsed' then 'lapsed'
            else 'moved'
        end as movement,
        count(*) as customers,
    from later
    full outer join earlier
        on later.as_of_date = earlier.as_of_date
        and later.customer_unique_id = earlier.customer_unique_id
    group by all
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
