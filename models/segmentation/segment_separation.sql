{{ config(materialized='view') }}

with separation as (
    select {{ rows_of_list('separation') }}
    from {{ ref('study_description') }}
),

segments as (
    select
        as_of_date,
        cluster,
        segment_code,
        segment_name
    from {{ ref('segment_profiles') }}
),

final as (
    select
        separation.as_of_date,
        separation.feature,
        separation.is_circular,
        separation.origin,
        separation.origin_reason,
        separation.dependence,
        separation.dependence_feature,
        separation.cluster_a,
        separation.cluster_b,
        segments_a.segment_code as segment_code_a,
        segments_b.segment_code as segment_code_b,
        segments_a.segment_name as segment_a,
        segments_b.segment_name as segment_b,
        separation.n_a as customers_a,
        separation.n_b as customers_b,
        separation.ks_statistic,
        separation.p_value,
        separation.log10_p_value,
        separation.adjusted_p_value,
        separation.log10_adjusted_p_value,
        separation.effect,
        separation.probability_above,
        separation.effect_within_money_bands,
        separation.pairs_within_money_bands
    from separation
    left join segments as segments_a
        on separation.as_of_date = segments_a.as_of_date
        and separation.cluster_a = segments_a.cluster
    left join segments as segments_b
        on separation.as_of_date = segments_b.as_of_date
        and separation.cluster_b = segments_b.cluster
)

select * from final
