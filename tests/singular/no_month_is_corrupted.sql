-- Stops the build, with the reason, when the orders of a month are worth out of all proportion: see docs/runbook.md.
-- The sentence is an error, because a failing row would only be counted.
select as_of_date
from {{ ref('decision_reasons') }}
where
    case
        when threshold_code = 'order_value_ratio' and level = 'act'
            then error('The data of the month before ' || as_of_date || ' look corrupted. ' || reason) is null
        else false
    end
