{% set baseline = setting('baseline_as_of_date') %}
{% set given = 'null' if baseline is none else "'" ~ baseline ~ "'" %}

with baseline as (
    select
        coalesce(
            cast({{ given }} as date), max(case when is_baseline then as_of_date end), max(as_of_date)
        ) as baseline_as_of_date
    from {{ ref('periods') }}
),

periods as (
    select
        as_of_date,
        note
    from {{ ref('period_models') }}
),

models_in_use as (
    select
        as_of_date,
        model_id
    from {{ ref('refresh_inputs') }}
    where is_segmentable and model_id is not null
),

segmented as (
    select
        max(
            case when models_in_use.as_of_date = baseline.baseline_as_of_date then models_in_use.model_id end
        ) as model_id,
        min(models_in_use.as_of_date) as first_date,
        max(
            case when extract(day from models_in_use.as_of_date) = 1 then models_in_use.as_of_date end
        ) as last_date
    from models_in_use
    cross join baseline
),

notes as (
    select max(periods.note) as note
    from periods
    inner join baseline on periods.as_of_date = baseline.baseline_as_of_date
),

final as (
    select
        baseline.baseline_as_of_date,
        segmented.model_id is not null as is_measured,
        segmented.model_id,
        case
            when segmented.model_id is not null
                then 'Stability is measured from '
                    || coalesce(cast(baseline.baseline_as_of_date as string), 'no date') || ' on.'
            when segmented.last_date is null then 'Stability is not measured: no first of a month is segmented.'
            else 'Stability is not measured: var baseline_as_of_date is '
                || coalesce(cast(baseline.baseline_as_of_date as string), 'no date') || ', no segmented date. '
                || coalesce(notes.note || ' ', '')
                || 'It may be the first of a month from ' || first_date || ' to ' || last_date || '.'
        end as note
    from segmented
    cross join notes
    cross join baseline
)

select * from final
