{% set horizon = setting('outcomes', 'comparison_horizon_days') %}
{#- A table of orders does not say where its customers live. -#}
{% set accessible = (
    'accessible',
    'Share of its customers whose state is known; holds with 95 % and a channel for each action.',
    'placed_share',
    'placed_share >= 0.95 and channels = actions and actions > 0',
    'placed_share >= 0.95 or channels > 0',
    "'The state is known of ' || " ~ percent('placed_share', 1) ~ " || ' of them; ' || channels || ' of ' || actions
    || ' actions have a channel. Whether they may be written to is not in these data.'"
) if var('adapter') == 'olist' else (
    'accessible',
    'Share of its actions in seed segment_actions that have a channel; holds when all have one.',
    'cast(channels as double) / nullif(actions, 0)',
    'channels = actions and actions > 0',
    'channels > 0',
    "channels || ' of ' || actions || ' actions have a channel. Whether they may be written to is not in these data.'"
) %}
{#- Criterion, its definition, its figure, from when it holds, from when partly, and what is said of it. -#}
{% set criteria = [
    (
        'identifiable',
        'The smaller of two shares: of its customers whom its rule (segment_rules) finds, and of those found who are in it.',
        'least(recall, precision_share)',
        'least(recall, precision_share) >= 0.95',
        'least(recall, precision_share) >= 0.8',
        "'Rule: ' || rule || '. It finds ' || " ~ percent('recall', 1) ~ " || ' of its customers, and '
        || " ~ percent('precision_share', 1) ~ " || ' of those found are in it.'"
    ),
    (
        'substantial',
        'Its share of the customers; with that of the money, both at least 5 % to hold, one of them to hold partly.',
        'customer_share',
        'least(customer_share, revenue_share) >= 0.05',
        'greatest(customer_share, revenue_share) >= 0.05',
        percent('customer_share', 1) ~ " || ' of the customers, ' || " ~ percent('revenue_share', 1)
        ~ " || ' of the money.'"
    ),
    accessible,
    (
        'stable',
        'Mean Jaccard similarity over resamples less that of columns permuted independently (cluster_stability); holds for a group,'
        ~ ' partly for a reproducible slice, which is as stable as the same cut of data without structure.',
        "case when stability_verdict not like 'not %' then excess_jaccard end",
        "stability_verdict = 'group'",
        "stability_verdict = 'reproducible slice'",
        "case when stability_verdict like 'not %' then 'The stability is ' || stability_verdict || '.'"
        ~ " else 'Verdict: ' || stability_verdict || '. Found again in ' || resamples || ' resamples as of ' || compared_as_of_date
        || ' with a similarity of ' || " ~ decimals('mean_jaccard', 3) ~ " || ', ' || " ~ decimals('mean_jaccard - excess_jaccard', 3)
        ~ " || ' without structure; in the last year it had ' || " ~ percent('lowest_share', 1) ~ " || ' to '
        || " ~ percent('highest_share', 1) ~ " || ' of the customers.' end"
    ),
    (
        'responsive',
        'Customers who order within ' ~ horizon ~ ' days, divided by those expected with the share of all customers of the same dates'
        ~ ' (segment_outcomes_pooled); holds when an interval of 99 %, because several segments are judged, excludes that share, partly'
        ~ ' when one of 95 % does. No campaign is in these data: how it answers to one, control_outcomes will say.',
        'lift_at_same_dates',
        'share_low_of_several > expected_share or share_high_of_several < expected_share',
        'share_low > expected_share or share_high < expected_share',
        customers_who_order('customers_ordering', 'ordering_share', 'expected_share')
    ),
    (
        'actionable',
        'Share of its actions in seed segment_actions that no other segment has; holds from a half.',
        'cast(own_actions as double) / nullif(actions, 0)',
        'own_actions >= 0.5 * actions and actions > 0',
        'actions > 0',
        "own_actions || ' of ' || actions || ' actions by days since the last order are its own.'"
    ),
] %}

with facts as (
    select *
    from {{ ref('criteria_facts') }}
),

judged as (
    {%- for criterion, definition, figure, holds, partly, words in criteria %}
    select
        as_of_date,
        cluster,
        segment_code,
        segment_name,
        {{ loop.index }} as criterion_position,
        '{{ criterion }}' as criterion,
        cast({{ figure }} as double) as figure,
        '{{ definition }}' as definition,
        case
            when {{ figure }} is null then 'not measured'
            when {{ holds }} then 'holds'
            when {{ partly }} then 'holds partly'
            else 'does not hold'
        end as verdict,
        {{ words }} as reason
    from facts
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

final as (
    select
        as_of_date,
        cluster,
        segment_code,
        segment_name,
        cast(criterion_position as int) as criterion_position,
        criterion,
        figure,
        definition,
        verdict,
        coalesce(reason, 'What it rests on is not there.') as reason
    from judged
)

select * from final
