-- Raw files that have fewer rows than in the last build, and synthetic data in the place of real ones. Real data after
-- the synthetic sample are other data, and are not compared.
{{ config(enabled=var('adapter') == 'olist') }}
{% set accepted %}'--vars ''{allow_fewer_rows: true}'' (make build OPTIONS="--vars ''{allow_fewer_rows: true}''")'{% endset %}

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
    raw_loads.file_name || ': ' || {{ with_thousands('raw_loads.raw_rows') }} || ' rows'
    || case when raw_loads.is_synthetic > published.is_synthetic then ' of synthetic data' else '' end
    || ', ' || {{ with_thousands('published.raw_rows') }} || ' in the last build'
    || case when raw_loads.is_synthetic > published.is_synthetic then ', which was of real data' else '' end
    || '. If the file was cut off, fetch it anew; if it is right, accept it for one build with '
    || {{ accepted }} || '.' as sentence
from raw_loads
inner join published on raw_loads.file_name = published.file_name
where
    not {{ setting('allow_fewer_rows') }}
    and raw_loads.is_synthetic >= published.is_synthetic
    and (raw_loads.raw_rows < published.raw_rows or raw_loads.is_synthetic > published.is_synthetic)
