with segments as (
    select
        as_of_date,
        customer_unique_id,
        model_id,
        cluster
    from {{ ref('customer_segments') }}
),

french as (
    select
        segment_code,
        name
    from {{ ref('segment_labels') }}
    where language = 'fr'
),

names as (
    select
        segments.model_id,
        segments.cluster,
        segments.segment_code,
        segments.segment_name,
        french.name as segment_name_french
    from {{ ref('model_segments') }} as segments
    left join french on segments.segment_code = french.segment_code
),

period_models as (
    select
        as_of_date,
        model_id,
        comparison_as_of_date
    from {{ ref('period_models') }}
),

dates as (
    select
        later.as_of_date,
        earlier.as_of_date as previous_as_of_date,
        later.model_id = earlier.model_id as is_same_model
    from period_models as later
    inner join period_models as earlier on later.comparison_as_of_date = earlier.as_of_date
),

later as (
    select
        segments.*,
        dates.previous_as_of_date
    from segments
    inner join dates on segments.as_of_date = dates.as_of_date
),

earlier as (
    select
        segments.* {{ all_but(['as_of_date']) }},
        dates.as_of_date,
        dates.previous_as_of_date
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
        count(*) as customers
    from later
    full outer join earlier
        on later.as_of_date = earlier.as_of_date
        and later.customer_unique_id = earlier.customer_unique_id
    group by all
),

final as (
    -- Names come after counting, so that no customer carries them through the join.
    select
        counted.as_of_date,
        counted.previous_as_of_date,
        coalesce(cast(counted.from_cluster as string), 'new') || ' > '
        || coalesce(cast(counted.to_cluster as string), 'gone') as path,
        dates.is_same_model,
        {%- for end in ['from', 'to'] %}
        counted.{{ end }}_cluster,
        {{ end }}_names.segment_code as {{ end }}_segment_code,
        {{ end }}_names.segment_name as {{ end }}_segment_name,
        {{ end }}_names.segment_name_french as {{ end }}_segment_name_french,
        {%- endfor %}
        case
            when counted.from_cluster is null then 'new'
            when counted.to_cluster is null then 'gone'
            when to_names.segment_code = from_names.segment_code then 'stayed'
            when to_names.segment_code = 'lapsed' then 'lapsed'
            else 'moved'
        end as movement,
        counted.customers,
        {%- for end in ['from', 'to'] %}
        case
            when counted.{{ end }}_cluster is not null
                then cast(counted.customers as double)
                    / sum(counted.customers) over (partition by counted.as_of_date, counted.{{ end }}_cluster)
        end as share_of_{{ end }}{% if not loop.last %},{% endif %}
        {%- endfor %}
    from counted
    inner join dates on counted.as_of_date = dates.as_of_date
    {%- for end in ['from', 'to'] %}
    left join names as {{ end }}_names
        on counted.{{ end }}_model_id = {{ end }}_names.model_id
        and counted.{{ end }}_cluster = {{ end }}_names.cluster
    {%- endfor %}
)

select * from final
