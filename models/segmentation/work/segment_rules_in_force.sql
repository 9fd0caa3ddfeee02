{% set features = setting('segmentation_features') %}
-- What the rules of the model in force get right at each date, also long after its fit.
with customers as (
    select
        as_of_date,
        customer_unique_id,
        cluster
    from {{ ref('kmeans_assignments') }}
),

period_models as (
    select
        as_of_date,
        model_id
    from {{ ref('period_models') }}
),

rows_in_own_units as (
    select
        as_of_date,
        customer_unique_id,
        {%- for feature in features %}
        own_{{ feature }}{% if not loop.last %},{% endif %}
        {%- endfor %}
    from {{ ref('measured_customers') }}
),

rules as (
    {{ wide_rule_limits(ref('segment_rule_limits')) }}
),

rules_of_dates as (
    -- By date, so that a customer meets the rules of one model only.
    select
        period_models.as_of_date,
        rules.*
    from rules
    inner join period_models on rules.model_id = period_models.model_id
),

agreed as (
    select
        customers.as_of_date,
        rules_of_dates.model_id,
        customers.cluster,
        rules_of_dates.cluster as rule_cluster
    from customers
    inner join rows_in_own_units
        on customers.as_of_date = rows_in_own_units.as_of_date
        and customers.customer_unique_id = rows_in_own_units.customer_unique_id
    inner join rules_of_dates
        on rows_in_own_units.as_of_date = rules_of_dates.as_of_date
        {%- for feature in features %}
        and rows_in_own_units.own_{{ feature }} >= rules_of_dates.minimum_{{ feature }}
        and rows_in_own_units.own_{{ feature }} < rules_of_dates.below_{{ feature }}
        {%- endfor %}
),

counted as (
    select
        as_of_date,
        model_id,
        cluster,
        rule_cluster,
        count(*) as customers
    from agreed
    group by as_of_date, model_id, cluster, rule_cluster
),

by_cluster as (
    -- A cluster that no customer is in, or no rule reaches, is there all the same.
    select
        as_of_date,
        model_id,
        cluster,
        customers as segment_customers,
        0 as rule_customers,
        case when cluster = rule_cluster then customers else 0 end as agreed_customers
    from counted
    union all
    select
        as_of_date,
        model_id,
        rule_cluster as cluster,
        0 as segment_customers,
        customers as rule_customers,
        0 as agreed_customers
    from counted
),

final as (
    select
        as_of_date,
        model_id,
        cluster,
        sum(segment_customers) as segment_customers,
        sum(rule_customers) as rule_customers,
        sum(agreed_customers) as agreed_customers,
        sum(sum(agreed_customers)) over (partition by as_of_date)
        / cast(sum(sum(segment_customers)) over (partition by as_of_date) as double) as fidelity
    from by_cluster
    group by as_of_date, model_id, cluster
)

select * from final
