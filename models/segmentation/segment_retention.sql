with migrations as (
    select *
    from {{ ref('segment_migrations') }}
    where from_cluster is not null
),

final as (
    select
        as_of_date,
        previous_as_of_date,
        from_cluster as cluster,
        from_segment_code as segment_code,
        from_segment_name as segment_name,
        from_segment_name_french as segment_name_french,
        cast(sum(customers) as bigint) as customers_before,
        cast(sum(case when movement = 'stayed' then customers else 0 end) as bigint) as customers_kept,
        cast(sum(case when movement = 'lapsed' then customers else 0 end) as bigint) as customers_lapsed,
        cast(sum(case when movement = 'stayed' then customers else 0 end) as double) / sum(customers)
            as retention
    from migrations
    group by
        as_of_date, previous_as_of_date, from_cluster, from_segment_code, from_segment_name,
        from_segment_name_french
)

select * from final
