{{ config(materialized='view') }}

with segments as (
    select
        as_of_date,
        customer_unique_id,
        model_id,
        cluster,
        is_fallback,
    from {{ ref('customer_segments') }}
),

confidences as (
    select
        as_of_date,
        customer_unique_id,
        nearest_other_cluster,
        distance_to_centroid,
        distance_to_other_centroid,
        confidence,
    from {{ ref('segment_confidence') }}
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
        segments.as_of_date,
        segments.customer_unique_id,
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
        || {{ decimals('confidences.distance_to_centroid', 2) }}
        || ' standard deviations from the middle of the segment, '
        || {{ decimals('confidences.distance_to_other_centroid', 2) }} || ' from that of ' || others.segment_name
        || '.' as reason_english,
        'Dernière commande il y a ' || rfm.recency_days
        || case when rfm.recency_days < 2 then ' jour, ' else ' jours, ' end
        || rfm.frequency || case when rfm.frequency < 2 then ' commande, ' else ' commandes, ' end
        || replace(cast(rfm.monetary as string), '.', ',') || ' BRL : '
        || replace(cast({{ decimals('confidences.distance_to_centroid', 2) }} as string), '.', ',')
        || ' écarts-types du centre du segment, '
        || replace(cast({{ decimals('confidences.distance_to_other_centroid', 2) }} as string), '.', ',')
        || ' de celui du segment ' || others.segment_name_french || '.' as reason_french,
        confidences.confidence,
        segments.is_fallback,
    from segments
    inner join confidences
        on segments.as_of_date = confidences.as_of_date
        and segments.customer_unique_id = confidences.customer_unique_id
    inner join rfm
        on segments.as_of_date = rfm.as_of_date
        and segments.customer_unique_id = rfm.customer_unique_id
    inner join names
        on segments.model_id = names.model_id
        and segments.cluster = names.cluster
    inner join names as others
        on segments.model_id = others.model_id
        and confidences.nearest_other_cluster = others.cluster
    left join playbook on names.segment_code = playbook.segment_code
)

select * from final
