{#- Effect sizes only: nothing here tightens as the customers get more. -#}
{% set measures = [
    ('feature_psi', 'psi_behaviour'),
    ('feature_ks', 'ks_behaviour'),
    ('missing_share_rise', 'missing_share_rise'),
] %}

with feature_changes as (
    select *
    from {{ ref('feature_changes') }}
),

periods as (
    select
        as_of_date,
        is_sparse
    from {{ ref('periods') }}
),

changes as (
    select
        feature_changes.*,
        feature_changes.missing_share - feature_changes.baseline_missing_share as missing_share_rise,
        periods.is_sparse
    from feature_changes
    inner join periods on feature_changes.as_of_date = periods.as_of_date
),

thresholds as (
    {{ thresholds_in_one_row(measures | map(attribute=0)) }}
),

judged as (
    select
        changes.*,
        coalesce(
            {%- for code, column in measures %}
            {{ 'or ' if not loop.first }}changes.{{ column }} >= thresholds.{{ code }}_act
            {%- endfor %},
            false
        ) as is_drift,
        coalesce(
            {%- for code, column in measures %}
            {{ 'or ' if not loop.first }}changes.{{ column }} >= thresholds.{{ code }}_watch
            {%- endfor %},
            false
        ) as is_watched,
        coalesce(
            changes.psi >= thresholds.feature_psi_act or changes.ks_statistic >= thresholds.feature_ks_act, false
        ) as is_moved,
        -- Those who were customers at the baseline, and those who came since.
        coalesce(
            changes.psi_same_customers >= thresholds.feature_psi_watch
            or changes.ks_same_customers >= thresholds.feature_ks_watch,
            false
        ) as is_behaviour,
        coalesce(
            changes.psi_behaviour >= thresholds.feature_psi_watch
            or changes.ks_behaviour >= thresholds.feature_ks_watch,
            false
        ) as is_beyond_the_clock
    from changes
    cross join thresholds
),

final as (
    select
        * {{ all_but(['is_drift', 'is_watched', 'is_moved', 'is_behaviour', 'is_beyond_the_clock']) }},
        case
            when is_drift then 'drift'
            when is_watched then 'watch'
            when is_moved then 'passing of time'
            else 'none'
        end as verdict,
        case
            when not (is_drift or is_watched) then null
            when is_beyond_the_clock and is_behaviour then 'behaviour'
            when is_beyond_the_clock then 'inflow of customers'
            else 'missing values'
        end as cause
    from judged
)

select * from final
