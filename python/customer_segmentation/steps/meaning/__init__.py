"""What segments mean: their rules in original units, what sets of segments say of later orders, why there are none."""

from customer_segmentation.steps.meaning.alternatives import (
    ALTERNATIVE_COLUMNS,
    AlternativeSettings,
    segmentation_alternatives,
)
from customer_segmentation.steps.meaning.rules import (
    RULE_COLUMNS,
    RuleRows,
    RuleSettings,
    segment_rules,
)
from customer_segmentation.steps.meaning.unfitted import with_reasons

__all__ = [
    "ALTERNATIVE_COLUMNS",
    "RULE_COLUMNS",
    "AlternativeSettings",
    "RuleRows",
    "RuleSettings",
    "segment_rules",
    "segmentation_alternatives",
    "with_reasons",
]
