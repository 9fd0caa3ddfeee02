{{ config(materialized='view') }}

with members as (
    select
        as_of_date,
        customer_unique_id,
        model_id,
        segment_code,
        segment_name,
        nearest_other_cluster,
        distance_to_centroid,
        distance_to_other_centroid,
        confidence,
        is_fallback,
    from {{ ref('customer_segments') }}
),

rfm as (
    select
        as_of_date,
        customer_unique_id,
        recency_days,
        frequency,
        monetary,
    from {{ ref('rfm') }}
),

others as (
    select
        model_id,
        cluster,
        segment_code,
        segment_name,
    from {{ ref('model_segments') }}
),

french as (
    select
        segment_code,
        name,
    from {{ ref('segment_labels') }}
    where language = 'fr'
),

actions as (
    select *
    from {{ ref('segment_actions') }}
),

english_actions as (
    select *
    from actions
    where language = 'en'
),

french_actions as (
    select *
    from actions
    where language = 'fr'
),

profiles as (
    select
        as_of_date,
        segment_code,
        rule,
        rule_french,
    from {{ ref('segment_profiles') }}
),

final as (
    select
        members.as_of_date,
        members.customer_unique_id,
        members.segment_code,
        members.segment_name,
        french.name as segment_name_french,
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
        || rfm.monetary || ' {{ currency() }}: '
        || {{ decimals('members.distance_to_centroid', 2) }}
        || ' standard deviations from the middle of the segment, '
        || {{ decimals('members.distance_to_other_centroid', 2) }} || ' from that of ' || others.segment_name
        || '.' as reason_english,
        'Dernière commande il y a ' || rfm.recency_days
        || case when rfm.recency_days < 2 then ' jour, ' else ' jours, ' end
        || rfm.frequency || case when rfm.frequency < 2 then ' commande, ' else ' commandes, ' end
        || replace(cast(rfm.monetary as string), '.', ',') || ' {{ currency() }} : '
        || replace(cast({{ decimals('members.distance_to_centroid', 2) }} as string), '.', ',')
        || ' écarts-types du centre du segment, '
        || replace(cast({{ decimals('members.distance_to_other_centroid', 2) }} as string), '.', ',')
        || ' de celui du segment ' || other_french.name || '.' as reason_french,
        members.confidence,
        members.is_fallback,
        {{ is_control('members.customer_unique_id') }} as is_control,
    from members
    inner join rfm
        on members.as_of_date = rfm.as_of_date
        and members.customer_unique_id = rfm.customer_unique_id
    inner join others
        on members.model_id = others.model_id
        and members.nearest_other_cluster = others.cluster
    left join english_actions
        on {{ has_action('english_actions', 'members.segment_code', 'rfm.recency_days') }}
    left join french_actions
        on {{ has_action('french_actions', 'members.segment_code', 'rfm.recency_days') }}
    left join profiles
        on members.as_of_date = profiles.as_of_date
        and members.segment_code = profiles.segment_code
    left join french on members.segment_code = french.segment_code
    left join french as other_french on others.segment_code = other_french.segment_code
)

select * from final
