-- A segment keeps its number, and a number its segment, over all the models that are in use.
with named as (
    select distinct
        model_segments.cluster,
        model_segments.segment_name,
    from {{ ref('model_segments') }} as model_segments
    inner join {{ ref('period_models') }} as period_models
        on model_segments.model_id = period_models.model_id
)

select
    cluster,
    segment_name,
from named
qualify
    count(*) over (partition by cluster) > 1
    or count(*) over (partition by segment_name) > 1
