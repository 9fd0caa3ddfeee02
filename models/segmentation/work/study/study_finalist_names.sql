{% set satisfaction_sets = ["''"] %}
{% for feature_set, columns in feature_sets().items() if 'average_review_score' in columns -%}
{% do satisfaction_sets.append("'" ~ feature_set ~ "'") %}
{%- endfor %}

with clusters as (
    select
        candidate_id,
        cluster,
        customers,
        mean_frequency as frequency,
        mean_monetary,
        mean_recency_days,
        mean_review_score,
        resamples,
        mean_jaccard,
        null_jaccard
    from {{ ref('study_clusters') }}
),

finalists as (
    select
        candidate_id,
        feature_set
    from {{ ref('study_candidates') }}
    where is_finalist
),

means as (
    select
        candidate_id,
        sum(customers) as customers,
        {{ weighted_average('mean_monetary', 'customers') }} as monetary,
        {{ weighted_average('mean_recency_days', 'customers') }} as recency_days
    from clusters
    group by candidate_id
),

relative as (
    select
        clusters.candidate_id,
        clusters.cluster,
        clusters.customers,
        clusters.resamples,
        clusters.mean_jaccard,
        clusters.null_jaccard,
        clusters.frequency,
        clusters.mean_monetary as monetary,
        clusters.mean_recency_days as recency_days,
        clusters.mean_monetary / means.monetary as monetary_ratio,
        clusters.mean_recency_days / nullif(means.recency_days, 0) as recency_ratio,
        -- A cluster that was not made by satisfaction is not named by it.
        case
            when finalists.feature_set in ({{ satisfaction_sets | join(', ') }}) then clusters.mean_review_score
        end as review_score
    from clusters
    inner join means on clusters.candidate_id = means.candidate_id
    inner join finalists on clusters.candidate_id = finalists.candidate_id
),

named as (
    {{ named('relative', ['candidate_id', 'cluster']) }}
),

playbook as (
    {% if var('adapter') == 'olist' -%}
    select
        count(*) as all_names,
        count(case when minimum_review_score is null and maximum_review_score is null then 1 end)
            as names_without_satisfaction
    from {{ ref('segment_playbook') }}
    {%- else -%}
    select
        max(n_clusters) as all_names,
        max(n_clusters) as names_without_satisfaction
    from {{ ref('segment_ranks') }}
    {%- endif %}
),

summarised as (
    select
        candidate_id,
        count(*) as n_clusters,
        count(segment_name) as clusters_named,
        count(distinct segment_name) as different_names,
        {{ ordered_list("coalesce(segment_name, 'unnamed')", ', ', 'cluster') }} as names,
        max(resamples) as resamples,
        min(mean_jaccard) as lowest_cluster_jaccard,
        {{ exact_average('mean_jaccard') }} as mean_jaccard,
        min(null_jaccard) as lowest_null_jaccard
    from named
    group by candidate_id
),

final as (
    select
        summarised.*,
        case
            when finalists.feature_set in ({{ satisfaction_sets | join(', ') }}) then playbook.all_names
            else playbook.names_without_satisfaction
        end as possible_names
    from summarised
    inner join finalists on summarised.candidate_id = finalists.candidate_id
    cross join playbook
)

select * from final
