-- What the rules of the model in force get right at each date, also long after its fit.
with customers as (
    select
        as_of_date,
        customer_unique_id,
        model_id,
        cluster,
    from {{ ref('kmeans_assignments') }}
),

rows_in_own_units as (
    select *
    from {{ ref('segment_rule_rows') }}
),

rules as (
    {{ wide_rule_limits(ref('segment_rule_limits')) }}
),

agreed as (
    select
        customers.as_of_date,
        customers.model_id,
        customers.cluster,
        rules.cluster as rule_cluster,
    from customers
    inner join rows_in_own_units
        on customers.as_of_date = rows_in_own_units.as_of_date
        and customers.customer_unique_id = rows_in_own_units.customer_unique_id
    inner join rules
        on customers.model_id = rules.model_id
        {%- for feature in setting('segmentation_features') %}
        and rows_in_own_units.{{ feature }}_own >= rules.minimum_{{ feature }}
        and rows_in_own_units.{{ feature }}_own < rules.below_{{ feature }}
        {%- endfor %}
),

counted as (
    select
        as_of_date,
        model_id,
        cluster,
        rule_cluster,
        count(*) as customers,
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
        case when cluster = rule_cluster then customers else 0 end as agreed_customers,
    from counted
    union all
    select
        as_of_date,
        model_id,
        rule_cluster as cluster,
        0 as segment_customers,
        customers as rule_customers,
        0 as agreed_customers,
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
        / cast(sum(sum(segment_customers)) over (partition by as_of_date) as double) as fidelity,
    from by_cluster
    group by as_of_date, model_id, cluster
)

select * from final
