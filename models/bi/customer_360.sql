{% set features = features_with('is_described') %}

with periods as (
    select
        as_of_date,
        is_latest
    from {{ ref('periods') }}
),

period_models as (
    select
        as_of_date,
        comparison_as_of_date
    from {{ ref('period_models') }}
),

dates as (
    select
        periods.as_of_date,
        period_models.comparison_as_of_date as previous_as_of_date
    from periods
    left join period_models on periods.as_of_date = period_models.as_of_date
    where periods.is_latest
),

customers as (
    select
        customer_unique_id,
        customer_zip_code_prefix,
        customer_city,
        customer_state,
        first_order_at,
        last_order_at
    from {{ ref('customers') }}
),

{% if var('adapter') == 'olist' -%}
states as (
    select
        state_code,
        region
    from {{ ref('states') }}
),
{%- endif %}

rfm as (
    select
        customer_unique_id,
        {%- for feature in features %}
        {{ feature }}{% if not loop.last %},{% endif %}
        {%- endfor %}
    from {{ ref('rfm') }}
    where as_of_date = (select as_of_date from dates)
),

scores as (
    select
        customer_unique_id,
        recency_score,
        frequency_score,
        monetary_score,
        rfm_segment
    from {{ ref('rfm_scores') }}
    where as_of_date = (select as_of_date from dates)
),

segments as (
    select
        customer_unique_id,
        segment_code,
        segment_name,
        confidence,
        is_fallback
    from {{ ref('customer_segments') }}
    where as_of_date = (select as_of_date from dates)
),

previous_segments as (
    select
        customer_unique_id,
        segment_code,
        segment_name
    from {{ ref('customer_segments') }}
    where as_of_date = (select previous_as_of_date from dates)
),

facts as (
    select
        customer_unique_id,
        main_category,
        main_payment_type,
        most_installments,
        late_orders,
        most_days_late,
        {%- if var('adapter') == 'orders' %}
        region,
        {%- endif %}
        freight_share
    from {{ ref('customer_facts') }}
    where as_of_date = (select as_of_date from dates)
),

french as (
    select
        segment_code,
        name
    from {{ ref('segment_labels') }}
    where language = 'fr'
),

actions as (
    select
        segment_code,
        language,
        minimum_recency_days,
        maximum_recency_days,
        action,
        channel
    from {{ ref('segment_actions') }}
),

final as (
    select
        dates.as_of_date,
        customers.customer_unique_id,
        customers.customer_zip_code_prefix,
        customers.customer_city,
        customers.customer_state,
        {{ 'states' if var('adapter') == 'olist' else 'facts' }}.region,
        customers.first_order_at,
        customers.last_order_at,
        {%- for feature in features %}
        rfm.{{ feature }},
        {%- endfor %}
        scores.recency_score,
        scores.frequency_score,
        scores.monetary_score,
        scores.rfm_segment,
        segments.segment_code,
        segments.segment_name,
        french.name as segment_name_french,
        segments.confidence,
        segments.is_fallback,
        dates.previous_as_of_date,
        previous_segments.segment_code as previous_segment_code,
        previous_segments.segment_name as previous_segment_name,
        case
            when segments.segment_code is null then 'not segmented'
            when dates.previous_as_of_date is null then 'not compared'
            when previous_segments.segment_code is null then 'new'
            when previous_segments.segment_code = segments.segment_code then 'stayed'
            else 'moved'
        end as segment_change,
        facts.main_category,
        facts.main_payment_type,
        facts.most_installments,
        facts.late_orders,
        facts.most_days_late,
        facts.freight_share,
        english_actions.action as recommended_action,
        french_actions.action as recommended_action_french,
        english_actions.channel
    from rfm
    cross join dates
    inner join customers on rfm.customer_unique_id = customers.customer_unique_id
    left join scores on rfm.customer_unique_id = scores.customer_unique_id
    left join segments on rfm.customer_unique_id = segments.customer_unique_id
    left join previous_segments on rfm.customer_unique_id = previous_segments.customer_unique_id
    left join facts on rfm.customer_unique_id = facts.customer_unique_id
    {%- if var('adapter') == 'olist' %}
    left join states on customers.customer_state = states.state_code
    {%- endif %}
    left join french on segments.segment_code = french.segment_code
    {%- for name, language in [('english', 'en'), ('french', 'fr')] %}
    left join actions as {{ name }}_actions
        on {{ has_action(name ~ '_actions', language, 'segments.segment_code', 'rfm.recency_days') }}
    {%- endfor %}
)

select * from final
