"""The study: candidates of every algorithm on every feature set, their clusters, and the pictures."""

from customer_segmentation.steps.study.candidates import (
    CANDIDATE_COLUMNS,
    CLUSTER_COLUMNS,
    StudySettings,
    study_clusters,
    study_columns,
    study_feature_sets,
    study_inputs,
)
from customer_segmentation.steps.study.pictures import (
    AXIS_COLUMNS,
    PROJECTION_COLUMNS,
    project_customers,
    projection_axes,
)

__all__ = [
    "AXIS_COLUMNS",
    "CANDIDATE_COLUMNS",
    "CLUSTER_COLUMNS",
    "PROJECTION_COLUMNS",
    "StudySettings",
    "project_customers",
    "projection_axes",
    "study_clusters",
    "study_columns",
    "study_feature_sets",
    "study_inputs",
]
