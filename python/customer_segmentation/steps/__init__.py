"""What a dbt Python model calls: rows in, the table out; unchanged results of the last build are re-used.

``fits``              K-means of every as-of date, its scaler, centroids and gates
``assignments``       the cluster of every customer, batch by batch
``changes``           every feature between two dates
``refresh``           how every model ages
``periods``           every date against the baseline, in four designs
``naming``            which segment a cluster is, by the rules of seed segment_playbook
``decisions``         keep, rescore, retrain or investigate, date by date, by the thresholds of
                      seed maintenance_thresholds
``policy``            the refresh interval that follows from how models age
``meaning``           segments as rules in own units, and what they say of later orders
``study``             the comparison of algorithms, feature sets and numbers of clusters, and the
                      traits of customers that mark a segment (``study.traits``)
``engines``           rows out of DuckDB or Spark, and tables into it
``frames``, ``panel`` features as they are stated, and customers at several dates
``reuse``             keys of results, and the results that have them
"""

from customer_segmentation.steps.assignments import ASSIGNMENT_COLUMNS, assign_batches
from customer_segmentation.steps.changes import CHANGE_COLUMNS, feature_changes
from customer_segmentation.steps.decisions import (
    DECISION_COLUMNS,
    decide,
    longest_age,
    thresholds_from,
)
from customer_segmentation.steps.engines import engine_of, of_date
from customer_segmentation.steps.fits import FIT_COLUMNS, FitSettings, fit_periods
from customer_segmentation.steps.frames import features_with, quantile_reader
from customer_segmentation.steps.meaning import (
    ALTERNATIVE_COLUMNS,
    RULE_COLUMNS,
    AlternativeSettings,
    RuleRows,
    RuleSettings,
    segment_rules,
    segmentation_alternatives,
    with_reasons,
)
from customer_segmentation.steps.naming import ranks_from, rules_from
from customer_segmentation.steps.panel import read_panel
from customer_segmentation.steps.periods import (
    STABILITY_COLUMNS,
    StabilitySettings,
    period_stability,
)
from customer_segmentation.steps.policy import (
    POLICY_COLUMNS,
    PolicySettings,
    refresh_costs,
    refresh_policy,
)
from customer_segmentation.steps.refresh import (
    AGREEMENT_COLUMNS,
    AgreementSettings,
    model_agreement,
)
from customer_segmentation.steps.study import (
    CANDIDATE_COLUMNS,
    CLUSTER_COLUMNS,
    DescriptionSettings,
    StudySettings,
    customer_projection,
    describe_segments,
    largest_stable_number,
    study_clusters,
    study_columns,
    study_feature_sets,
    study_inputs,
)
from customer_segmentation.steps.study.traits import (
    count_traits,
    described_customers,
    known_traits,
    segment_traits,
    trait_numbers,
    traits_of,
)

__all__ = [
    "AGREEMENT_COLUMNS",
    "ALTERNATIVE_COLUMNS",
    "ASSIGNMENT_COLUMNS",
    "CANDIDATE_COLUMNS",
    "CHANGE_COLUMNS",
    "CLUSTER_COLUMNS",
    "DECISION_COLUMNS",
    "FIT_COLUMNS",
    "POLICY_COLUMNS",
    "RULE_COLUMNS",
    "STABILITY_COLUMNS",
    "AgreementSettings",
    "AlternativeSettings",
    "DescriptionSettings",
    "FitSettings",
    "PolicySettings",
    "RuleRows",
    "RuleSettings",
    "StabilitySettings",
    "StudySettings",
    "assign_batches",
    "count_traits",
    "customer_projection",
    "decide",
    "describe_segments",
    "described_customers",
    "engine_of",
    "feature_changes",
    "features_with",
    "fit_periods",
    "known_traits",
    "largest_stable_number",
    "longest_age",
    "model_agreement",
    "of_date",
    "period_stability",
    "quantile_reader",
    "ranks_from",
    "read_panel",
    "refresh_costs",
    "refresh_policy",
    "rules_from",
    "segment_rules",
    "segment_traits",
    "segmentation_alternatives",
    "study_clusters",
    "study_columns",
    "study_feature_sets",
    "study_inputs",
    "thresholds_from",
    "trait_numbers",
    "traits_of",
    "with_reasons",
]
