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
    from {{ ref('model_segments') }}
),

french as (
    select
        segment_code,
        name,
    from {{ ref('segment_labels') }}
    where language = 'fr'
),

period_models as (
    select
        as_of_date,
        model_id,
        comparison_as_of_date,
    from {{ ref('period_models') }}
),

dates as (
    select
        later.as_of_date,
        earlier.as_of_date as previous_as_of_date,
        later.model_id = earlier.model_id as is_same_model,
    from period_models as later
    inner join period_models as earlier on later.comparison_as_of_date = earlier.as_of_date
),

later as (
    select
        segments.*,
        dates.previous_as_of_date,
    from segments
    inner join dates on segments.as_of_date = dates.as_of_date
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
        from_names.segment_code as from_segment_code,
        from_names.segment_name as from_segment_name,
        counted.to_cluster,
        to_names.segment_code as to_segment_code,
        to_names.segment_name as to_segment_name,
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
        movements.as_of_date,
        movements.previous_as_of_date,
        coalesce(cast(movements.from_cluster as string), 'new') || ' > '
        || coalesce(cast(movements.to_cluster as string), 'gone') as path,
        dates.is_same_model,
        movements.from_cluster,
        movements.from_segment_code,
        movements.from_segment_name,
        from_french.name as from_segment_name_french,
        movements.to_cluster,
        movements.to_segment_code,
        movements.to_segment_name,
        to_french.name as to_segment_name_french,
        movements.movement,
        movements.customers,
        case
            when movements.from_cluster is not null
                then cast(movements.customers as double)
                    / sum(movements.customers) over (partition by movements.as_of_date, movements.from_cluster)
        end as share_of_from,
        case
            when movements.to_cluster is not null
                then cast(movements.customers as double)
                    / sum(movements.customers) over (partition by movements.as_of_date, movements.to_cluster)
        end as share_of_to,
    from movements
    inner join dates on movements.as_of_date = dates.as_of_date
    left join french as from_french on movements.from_segment_code = from_french.segment_code
    left join french as to_french on movements.to_segment_code = to_french.segment_code
)

select * from final
