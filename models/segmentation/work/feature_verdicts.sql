{#- Effect sizes only: nothing here tightens as the customers get more. -#}
{% set measures = [
    ('feature_psi', 'psi_behaviour', 'population stability index'),
    ('feature_ks', 'ks_behaviour', 'Kolmogorov-Smirnov statistic'),
    ('missing_share_rise', 'missing_share_rise', 'rise of the missing share'),
] %}

with changes as (
    select
        *,
        missing_share - baseline_missing_share as missing_share_rise,
    from {{ ref('feature_changes') }}
),

thresholds as (
    {{ thresholds_in_one_row(measures | map(attribute=0)) }}
),

judged as (
    select
        changes.*,
        coalesce(
            {%- for code, column, _ in measures %}
            {{ 'or ' if not loop.first }}changes.{{ column }} >= thresholds.{{ code }}_act
            {%- endfor %},
            false
        ) as is_drift,
        coalesce(
            {%- for code, column, _ in measures %}
            {{ 'or ' if not loop.first }}changes.{{ column }} >= thresholds.{{ code }}_watch
            {%- endfor %},
            false
        ) as is_watched,
        coalesce(
            changes.psi >= thresholds.feature_psi_act or changes.ks_statistic >= thresholds.feature_ks_act, false
        ) as is_moved,
        concat_ws(
            ', '
            {%- for code, column, words in measures %},
            case
                when changes.{{ column }} >= thresholds.{{ code }}_act
                    then '{{ words }} ' || {{ shown('changes.' ~ column) }} || ' is '
                        || {{ shown('thresholds.' ~ code ~ '_act') }} || ' or more'
                when changes.{{ column }} >= thresholds.{{ code }}_watch
                    then '{{ words }} ' || {{ shown('changes.' ~ column) }} || ' is '
                        || {{ shown('thresholds.' ~ code ~ '_watch') }} || ' or more'
            end
            {%- endfor %}
        ) as crossed,
    from changes
    cross join thresholds
),

final as (
    select
        * exclude (is_drift, is_watched, is_moved, crossed),
        case
            when is_drift then 'drift'
            when is_watched then 'watch'
            when is_moved then 'passing of time'
            else 'none'
        end as verdict,
        case
            when is_drift or is_watched then 'Changed behaviour in ' || feature || ': ' || crossed || '.'
            when is_moved then feature || ' has moved, as a clock does; behaviour has not changed.'
            else 'No change to speak of in ' || feature || '.'
        end as reason,
    from judged
)

select * from final
