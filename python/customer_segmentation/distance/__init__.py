"""Distances among all rows: silhouettes, exact for hundreds of thousands and estimated beyond.

All pairs are measured by a compiled kernel, or summed through a tree of boxes where that is
quicker; which of the two is no business of the caller.
"""

from customer_segmentation.distance._pairs import Precision
from customer_segmentation.distance._tree import DistanceTree
from customer_segmentation.distance.silhouette import (
    SilhouetteEstimate,
    silhouette_estimate,
    silhouette_samples,
    silhouette_score,
    silhouette_scores,
)

__all__ = [
    "DistanceTree",
    "Precision",
    "SilhouetteEstimate",
    "silhouette_estimate",
    "silhouette_samples",
    "silhouette_score",
    "silhouette_scores",
]
