"""What segments mean: their rules in original units, and what sets of segments say of later orders."""

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

__all__ = [
    "ALTERNATIVE_COLUMNS",
    "RULE_COLUMNS",
    "AlternativeSettings",
    "RuleRows",
    "RuleSettings",
    "segment_rules",
    "segmentation_alternatives",
]
