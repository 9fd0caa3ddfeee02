-- Dates at which decisions, the models in use and the segments of the customers do not name the same model, or at which
-- the model, and with it a border of a segment, changes without a decision to retrain.
{{ config(enabled=setting('refresh_mode') == 'as_decided') }}

with decisions as (
    select
        as_of_date,
        decision,
        model_id,
        fitted_as_of_date
    from {{ ref('decisions') }}
),

period_models as (
    select
        as_of_date,
        model_id,
        fitted_as_of_date
    from {{ ref('period_models') }}
),

published as (
    select
        as_of_date,
        min(model_id) as first_model_id,
        max(model_id) as last_model_id
    from {{ ref('customer_segments') }}
    group by as_of_date
),

walked as (
    select
        as_of_date,
        lag(model_id) over (order by as_of_date) as model_id_before
    from decisions
    where model_id is not null
)

select
    coalesce(decisions.as_of_date, period_models.as_of_date, published.as_of_date) as as_of_date,
    decisions.decision,
    decisions.model_id as decided_model_id,
    period_models.model_id as model_in_use,
    published.first_model_id as published_model_id,
    walked.model_id_before
from decisions
full outer join period_models on decisions.as_of_date = period_models.as_of_date
full outer join published on coalesce(decisions.as_of_date, period_models.as_of_date) = published.as_of_date
left join walked on decisions.as_of_date = walked.as_of_date
where
    decisions.model_id is distinct from period_models.model_id
    or decisions.fitted_as_of_date is distinct from period_models.fitted_as_of_date
    or decisions.model_id is distinct from published.first_model_id
    or decisions.model_id is distinct from published.last_model_id
    or (decisions.model_id != walked.model_id_before and decisions.decision != 'retrain')
    or (decisions.decision = 'retrain' and decisions.fitted_as_of_date != decisions.as_of_date)
