{{ config(severity='warn') }}
-- Dates at which the rules of the model in force, found as of its fit, say something else of the customers than the
-- model does: a border has moved without a decision. Two hundredths are left, because customers grow older.
select
    in_force.as_of_date,
    in_force.model_id,
    min(in_force.fidelity) as fidelity,
    max(rules.fidelity) as fidelity_at_fit,
    'As of ' || in_force.as_of_date || ' the rules of ' || in_force.model_id || ' reproduce '
    || {{ percent('min(in_force.fidelity)', 1) }} || ' of its labels, ' || {{ percent('max(rules.fidelity)', 1) }}
    || ' at its fit: its borders are not where segmentation.segment_rules says.' as sentence
from {{ ref('segment_rules_in_force') }} as in_force
inner join {{ ref('segment_rules') }} as rules on in_force.model_id = rules.model_id
group by in_force.as_of_date, in_force.model_id
having min(in_force.fidelity) < max(rules.fidelity) - 0.02
