"""The study: algorithms, feature sets and numbers of clusters compared on the same customers.

``settings``    the grid and its budget
``candidates``  every candidate and its quality
``clusters``    the clusters of the finalists and their stability
``choice``      the number of clusters that they lead to, before there is a model
``pictures``    customers of both algorithms on two axes
``traits``      what the customers of a segment have in common, and ``origins``: what of it follows from their features
``description`` what sets the segments apart, in one row
"""

from customer_segmentation.steps.study.candidates import (
    CANDIDATE_COLUMNS,
    study_feature_sets,
    study_inputs,
)
from customer_segmentation.steps.study.choice import largest_stable_number
from customer_segmentation.steps.study.clusters import CLUSTER_COLUMNS, study_clusters
from customer_segmentation.steps.study.description import DescriptionSettings, describe_segments
from customer_segmentation.steps.study.pictures import (
    AXIS_COLUMNS,
    customer_projection,
    projection_axes,
)
from customer_segmentation.steps.study.settings import StudySettings, study_columns

__all__ = [
    "AXIS_COLUMNS",
    "CANDIDATE_COLUMNS",
    "CLUSTER_COLUMNS",
    "DescriptionSettings",
    "StudySettings",
    "customer_projection",
    "describe_segments",
    "largest_stable_number",
    "projection_axes",
    "study_clusters",
    "study_columns",
    "study_feature_sets",
    "study_inputs",
]
