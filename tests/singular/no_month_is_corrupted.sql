-- Stops the build, with the reason, when the orders of a month are worth out of all proportion: see docs/runbook.md.
select
    'The data of the month before ' || as_of_date || ' look corrupted. ' || reason
    || ' Correct the raw files, or raise act_value of order_value_ratio in seeds/maintenance_thresholds.csv.'
        as sentence
from {{ ref('decision_reasons') }}
where threshold_code = 'order_value_ratio' and level = 'act'
