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

labels as (
    select *
    from {{ ref('segment_labels') }}
),

english as (
    select *
    from labels
    where language = 'en'
),

french as (
    select *
    from labels
    where language = 'fr'
),

final as (
    select
        members.as_of_date,
        members.customer_unique_id,
        members.segment_code,
        members.segment_name,
        french.name as segment_name_french,
        english.action as action_english,
        french.action as action_french,
        english.channel,
        french.channel as channel_french,
        english.message as message_english,
        french.message as message_french,
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
    from members
    inner join rfm
        on members.as_of_date = rfm.as_of_date
        and members.customer_unique_id = rfm.customer_unique_id
    inner join others
        on members.model_id = others.model_id
        and members.nearest_other_cluster = others.cluster
    left join english on members.segment_code = english.segment_code
    left join french on members.segment_code = french.segment_code
    left join french as other_french on others.segment_code = other_french.segment_code
)

select * from final
