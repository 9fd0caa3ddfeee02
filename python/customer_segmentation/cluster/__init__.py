"""Clusters: K-means and spectral clustering of all rows, with the same answer on any number of threads.

Scale first (`standardise`; `robust_columns` says which features by median and quartiles), then fit
(`fit_kmeans`, `fit_spectral`), then number (`unusualness_permutation`, `match_centroids`), then say
it in words (`explain_clusters`).

``kmeans``      standardisation, the fit, nearest centroids
``spectral``    the graph of neighbours and its cuts
``transforms``  log1p, quantiles and robust scales before the fit
``numbering``   the same cluster numbers from fit to fit
``refits``      many fits of nearly the same rows
``rule_tree``   a tree of few cuts that says who is in which cluster
"""

from customer_segmentation.cluster._lloyd import best_start, prepare_rows, single_start
from customer_segmentation.cluster._points import distinct_points, near_order
from customer_segmentation.cluster.kmeans import (
    KMeansFit,
    Scaler,
    fit_kmeans,
    nearest_centroid,
    standardise,
    two_nearest_centroids,
)
from customer_segmentation.cluster.numbering import match_centroids, unusualness_permutation
from customer_segmentation.cluster.refits import Refit, best_optimum, quick_fit, refit_repeats
from customer_segmentation.cluster.rule_tree import (
    ClusterRule,
    Leaf,
    Split,
    Tree,
    explain_clusters,
    tree_labels,
    tree_rules,
)
from customer_segmentation.cluster.spectral import (
    AssignLabels,
    SpectralDiagnostics,
    SpectralFit,
    fit_spectral,
    fit_spectral_grid,
    remembered_spectral_grid,
)
from customer_segmentation.cluster.transforms import (
    Quantiles,
    Transforms,
    own_units,
    robust_columns,
)

__all__ = [
    "AssignLabels",
    "ClusterRule",
    "KMeansFit",
    "Leaf",
    "Quantiles",
    "Refit",
    "Scaler",
    "SpectralDiagnostics",
    "SpectralFit",
    "Split",
    "Transforms",
    "Tree",
    "best_optimum",
    "best_start",
    "distinct_points",
    "explain_clusters",
    "fit_kmeans",
    "fit_spectral",
    "fit_spectral_grid",
    "match_centroids",
    "near_order",
    "nearest_centroid",
    "own_units",
    "prepare_rows",
    "quick_fit",
    "refit_repeats",
    "remembered_spectral_grid",
    "robust_columns",
    "single_start",
    "standardise",
    "tree_labels",
    "tree_rules",
    "two_nearest_centroids",
    "unusualness_permutation",
]
