-- A segment keeps its number, and a number its segment, over all the models that are in use.
with named as (
    select distinct
        model_segments.cluster,
        model_segments.segment_name
    from {{ ref('model_segments') }} as model_segments
    inner join {{ ref('period_models') }} as period_models
        on model_segments.model_id = period_models.model_id
),

counted as (
    select
        cluster,
        segment_name,
        count(*) over (partition by cluster) as names,
        count(*) over (partition by segment_name) as clusters
    from named
)

select
    cluster,
    segment_name
from counted
where names > 1 or clusters > 1
