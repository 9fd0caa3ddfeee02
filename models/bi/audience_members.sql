{{ config(materialized='view') }}

with members as (
    select
        as_of_date,
        customer_unique_id,
        model_id,
        cluster,
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

names as (
    select
        model_id,
        cluster,
        segment_code,
        segment_name,
        segment_name_french,
    from {{ ref('model_segments') }}
),

playbook as (
    select
        segment_code,
        action_english,
        action_french,
        channel,
        message_english,
        message_french,
    from {{ ref('segment_playbook') }}
),

final as (
    select
        members.as_of_date,
        members.customer_unique_id,
        names.segment_code,
        names.segment_name,
        names.segment_name_french,
        playbook.action_english,
        playbook.action_french,
        playbook.channel,
        playbook.message_english,
        playbook.message_french,
        'Last order ' || rfm.recency_days || case when rfm.recency_days = 1 then ' day' else ' days' end || ' ago, '
        || rfm.frequency || case when rfm.frequency = 1 then ' order, ' else ' orders, ' end || rfm.monetary || ' BRL: '
        || {{ decimals('members.distance_to_centroid', 2) }}
        || ' standard deviations from the middle of the segment, '
        || {{ decimals('members.distance_to_other_centroid', 2) }} || ' from that of ' || others.segment_name
        || '.' as reason_english,
        'Dernière commande il y a ' || rfm.recency_days
        || case when rfm.recency_days < 2 then ' jour, ' else ' jours, ' end
        || rfm.frequency || case when rfm.frequency < 2 then ' commande, ' else ' commandes, ' end
        || replace(cast(rfm.monetary as string), '.', ',') || ' BRL : '
        || replace(cast({{ decimals('members.distance_to_centroid', 2) }} as string), '.', ',')
        || ' écarts-types du centre du segment, '
        || replace(cast({{ decimals('members.distance_to_other_centroid', 2) }} as string), '.', ',')
        || ' de celui du segment ' || others.segment_name_french || '.' as reason_french,
        members.confidence,
        members.is_fallback,
    from members
    inner join rfm
        on members.as_of_date = rfm.as_of_date
        and members.customer_unique_id = rfm.customer_unique_id
    inner join names
        on members.model_id = names.model_id
        and members.cluster = names.cluster
    inner join names as others
        on members.model_id = others.model_id
        and members.nearest_other_cluster = others.cluster
    left join playbook on names.segment_code = playbook.segment_code
)

select * from final
