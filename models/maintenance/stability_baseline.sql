{%- set baseline = setting('baseline_as_of_date') %}

with periods as (
    select
        as_of_date,
        note,
    from {{ ref('period_models') }}
),

models_in_use as (
    select
        as_of_date,
        model_id,
    from {{ ref('refresh_inputs') }}
    where is_segmentable and model_id is not null
),

segmented as (
    select
        max(case when as_of_date = date '{{ baseline }}' then model_id end) as model_id,
        min(as_of_date) as first_date,
        max(case when extract(day from as_of_date) = 1 then as_of_date end) as last_date,
    from models_in_use
),

notes as (
    select max(note) as note
    from periods
    where as_of_date = date '{{ baseline }}'
),

final as (
    select
        date '{{ baseline }}' as baseline_as_of_date,
        segmented.model_id is not null as is_measured,
        segmented.model_id,
        case
            when segmented.model_id is not null then 'Stability is measured from {{ baseline }} on.'
            when segmented.last_date is null then 'Stability is not measured: no first of a month is segmented.'
            else 'Stability is not measured: var baseline_as_of_date is {{ baseline }}, no segmented date. '
                || coalesce(notes.note || ' ', '')
                || 'It may be the first of a month from ' || first_date || ' to ' || last_date || '.'
        end as note,
    from segmented
    cross join notes
)

select * from final
