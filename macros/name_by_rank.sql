{% macro name_by_rank(clusters, keys) -%}
    {#-
        Names each row of a CTE with columns frequency, monetary_ratio and recency_ratio by its rank among the clusters of its
        model (seed segment_ranks): each has a name of its own, whatever a shop's amounts are. Two clusters make a tier, those
        with the smallest sums of their ranks of money and of orders first; of the two, that with fewer days since the last
        purchase. steps/naming.py of the package does the same.
        keys: the columns that identify a row, the last one its number in the model.
    -#}
    {%- set model = keys[:-1] | join(', ') -%}
    {%- set cluster = keys[-1] -%}
    select
        tiered.* exclude (n_clusters, money_rank, order_rank, value_rank, tier, place),
        ranks.segment_code,
        labels.name as segment_name,
    from (
        select
            *,
            row_number() over (partition by {{ model }}, tier order by recency_ratio, {{ cluster }}) as place,
        from (
            select
                *,
                (value_rank + 1) // 2 as tier,
            from (
                select
                    *,
                    row_number() over (
                        partition by {{ model }} order by money_rank + order_rank, money_rank, {{ cluster }}
                    ) as value_rank,
                from (
                    select
                        *,
                        count(*) over (partition by {{ model }}) as n_clusters,
                        row_number() over (partition by {{ model }} order by monetary_ratio desc, {{ cluster }}) as money_rank,
                        row_number() over (partition by {{ model }} order by frequency desc, {{ cluster }}) as order_rank,
                    from {{ clusters }}
                ) as ranked
            ) as valued
        ) as paired
    ) as tiered
    left join {{ ref('segment_ranks') }} as ranks
        on tiered.n_clusters = ranks.n_clusters
        and tiered.tier = ranks.tier
        and tiered.place = ranks.place
    left join {{ ref('segment_labels') }} as labels
        on ranks.segment_code = labels.segment_code
        and labels.language = 'en'
{%- endmacro %}
