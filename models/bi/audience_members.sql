{{ config(materialized='view') }}
{% set languages = {'english': 'en', 'french': 'fr'} %}

with members as (
    select
        as_of_date,
        customer_unique_id,
        model_id,
        segment_code,
        segment_name,
        nearest_other_cluster,
        confidence,
        is_fallback
    from {{ ref('customer_segments') }}
),

rfm as (
    select
        as_of_date,
        customer_unique_id,
        recency_days,
        frequency,
        monetary
    from {{ ref('rfm') }}
),

others as (
    select
        model_id,
        cluster,
        segment_code,
        segment_name
    from {{ ref('model_segments') }}
),

{#- Once for each use: DuckDB keeps what is used twice, and then computes all columns of the view, whoever reads it. #}
{%- for name in ['french', 'other_french'] %}
{{ name }} as (
    select
        segment_code,
        name
    from {{ ref('segment_labels') }}
    where language = 'fr'
),

{% endfor -%}

customers as (
    select
        customer_unique_id,
        customer_state
    from {{ ref('customers') }}
),

{% for name, language in languages.items() -%}
{{ name }}_actions as (
    select
        *,
        cast(
            row_number() over (partition by segment_code, language order by coalesce(minimum_recency_days, 0)) as int
        ) as action_number
    from {{ ref('segment_actions') }}
    where language = '{{ language }}'
),

{% endfor -%}

profiles as (
    select
        as_of_date,
        segment_code,
        rule,
        rule_french
    from {{ ref('segment_profiles') }}
),

final as (
    select
        members.as_of_date,
        members.customer_unique_id,
        members.segment_code,
        members.segment_name,
        french.name as segment_name_french,
        english_actions.action_number,
        english_actions.action as action_english,
        french_actions.action as action_french,
        english_actions.channel,
        french_actions.channel as channel_french,
        english_actions.message as message_english,
        french_actions.message as message_french,
        profiles.rule,
        profiles.rule_french,
        'Last order ' || rfm.recency_days || case when rfm.recency_days = 1 then ' day' else ' days' end || ' ago, '
        || rfm.frequency || case when rfm.frequency = 1 then ' order, ' else ' orders, ' end
        || rfm.monetary || ' {{ money_unit('en') }}: '
        || case
            when members.confidence >= 0.5 then 'well inside the segment.'
            when members.confidence >= 0.2 then 'inside the segment; the next one is ' || others.segment_name || '.'
            else 'at the border of ' || others.segment_name || '.'
        end as reason_english,
        'Dernière commande il y a ' || rfm.recency_days
        || case when rfm.recency_days < 2 then ' jour, ' else ' jours, ' end
        || rfm.frequency || case when rfm.frequency < 2 then ' commande, ' else ' commandes, ' end
        || replace(cast(rfm.monetary as string), '.', ',') || ' {{ money_unit('fr') }} : '
        || case
            when members.confidence >= 0.5 then 'au cœur du segment.'
            when members.confidence >= 0.2
                then 'dans le segment ; segment voisin : ' || other_french.name || '.'
            else 'à la frontière du segment ' || other_french.name || '.'
        end as reason_french,
        rfm.recency_days,
        rfm.frequency,
        rfm.monetary,
        customers.customer_state,
        members.confidence,
        members.is_fallback,
        {{ is_control('members.customer_unique_id') }} as is_control
    from members
    inner join rfm
        on members.as_of_date = rfm.as_of_date
        and members.customer_unique_id = rfm.customer_unique_id
    inner join customers on members.customer_unique_id = customers.customer_unique_id
    inner join others
        on members.model_id = others.model_id
        and members.nearest_other_cluster = others.cluster
    {%- for name, language in languages.items() %}
    left join {{ name }}_actions
        on {{ has_action(name ~ '_actions', language, 'members.segment_code', 'rfm.recency_days') }}
    {%- endfor %}
    left join profiles
        on members.as_of_date = profiles.as_of_date
        and members.segment_code = profiles.segment_code
    left join french on members.segment_code = french.segment_code
    left join other_french on others.segment_code = other_french.segment_code
)

select * from final
