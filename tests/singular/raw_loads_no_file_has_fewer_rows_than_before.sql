-- Raw files that have fewer rows than in the last build, and synthetic data in the place of real ones. Real data after
-- the synthetic sample are other data, and are not compared.
{{ config(enabled=var('adapter') == 'olist') }}
with raw_loads as (
    select
        file_name,
        raw_rows,
        is_synthetic
    from {{ ref('raw_loads') }}
),

published as (
    select
        file_name,
        raw_rows,
        is_synthetic
    from {{ published_raw_loads() }}
)

select
    format(
        '{}: {:,} rows{}, {:,} in the last build{}. If the file was cut off, fetch it anew; if it is right, accept it '
        || 'for one build with {}.',
        raw_loads.file_name,
        raw_loads.raw_rows,
        case when raw_loads.is_synthetic > published.is_synthetic then ' of synthetic data' else '' end,
        published.raw_rows,
        case when raw_loads.is_synthetic > published.is_synthetic then ', which was of real data' else '' end,
        '--vars ''{allow_fewer_rows: true}'' (make build OPTIONS="--vars ''{allow_fewer_rows: true}''")'
    ) as sentence
from raw_loads
inner join published on raw_loads.file_name = published.file_name
where
    not {{ setting('allow_fewer_rows') }}
    and raw_loads.is_synthetic >= published.is_synthetic
    and (raw_loads.raw_rows < published.raw_rows or raw_loads.is_synthetic > published.is_synthetic)
