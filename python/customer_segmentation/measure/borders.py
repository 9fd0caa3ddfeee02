"""What lies at the border of a cluster: a gap, the slope of a tail, or nothing in particular."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from customer_segmentation._validation import as_matrix, encode_labels
from customer_segmentation.cluster import two_nearest_centroids
from customer_segmentation.measure.quality import cluster_means

# Width of a band across the line between two cluster means, as a share of their distance.
BAND = 0.1
# A border with at most so much of the lower of the two peaks beside it is a gap,
GAP_DEPTH = 0.5
# when the difference is more than so many standard deviations of two counts.
GAP_DEVIATIONS = 3.0
# A cluster with less than this around its mean, as a share of what is around the neighbour's, is a tail.
TAIL_SHARE = 0.2


def cluster_borders(X: Any, labels: Any) -> pd.DataFrame:
    """Look for a gap between each K-means cluster and its neighbour.

    A row's place on the line between the two means is 0 at the own and 1 at the other one; the
    border is at 0.5. Rows are counted in bands of a tenth of the way across. The depth of the
    border is 1 less the rows at the border over those of the fuller band on either side, the
    lower of the two: 1 when nobody is at the border, 0 when there are no fewer than beside it.
    Of the cluster only rows whose second nearest mean is the neighbour's count: in data without
    a gap they are most at the border, so that it is not thin because a third cluster begins there.

    Parameters
    ----------
    X : array of shape (n_rows, n_features)
        Scaled.
    labels : array of shape (n_rows,)
        A partition by the nearest mean.

    Returns
    -------
    DataFrame with columns cluster, neighbour, border_depth, border
        One row per cluster in sorted order of the labels. ``neighbour`` is the second nearest
        cluster of most of its rows; ``border_depth`` from 0 to 1, NaN without rows on both
        sides; ``border`` in words: "gap" (depth of at least 0.5, by more than chance), "tail"
        (the rows thin out across the border: within a band of the own mean there are less than a
        fifth of those within a band of the neighbour's), "cut" (neither: the data go on across
        it). None for a single cluster.

    Raises
    ------
    ValueError
        If ``X`` or ``labels`` is malformed.

    Notes
    -----
    Source: a valley on the line between two candidate modes, Burman and Polonik (2009),
    "Multivariate mode hunting: Data analytic tools with measures of significance", J.
    Multivariate Analysis 100. A gap of one feature alone counts, also one between whole numbers.
    """
    matrix = as_matrix(X)
    codes, values = encode_labels(labels, n_rows=len(matrix))
    if len(values) < 2:
        return pd.DataFrame(
            {"cluster": values, "neighbour": None, "border_depth": np.nan, "border": None}
        )
    means = cluster_means(matrix, codes, n_clusters=len(values))
    (own, other), _ = two_nearest_centroids(matrix, means)
    found = []
    for cluster in range(len(values)):
        inside = np.bincount(other[own == cluster], minlength=len(values))
        inside[cluster] = 0
        neighbour = int(inside.argmax())
        line = means[neighbour] - means[cluster]
        place = (matrix - means[cluster]) @ line / float(line @ line)
        between = ((own == cluster) & (other == neighbour)) | (own == neighbour)
        depth, is_gap = _depth(place[between])
        at_means = [
            int((np.abs(place[codes == number] - mean) < BAND).sum())
            for number, mean in ((cluster, 0.0), (neighbour, 1.0))
        ]
        is_tail = at_means[0] < TAIL_SHARE * at_means[1]
        found.append(
            {
                "cluster": values[cluster],
                "neighbour": values[neighbour],
                "border_depth": depth,
                "border": "gap" if is_gap else "tail" if is_tail else "cut",
            }
        )
    return pd.DataFrame(found)


def _depth(place: np.ndarray) -> tuple[float, bool]:
    """Return the depth of the border at 0.5, and whether it is a gap."""
    # Band 0 is centred at the border.
    bands = np.floor((place - 0.5) / BAND + 0.5).astype(np.int64)
    at_border = int((bands == 0).sum())
    peaks = [
        int(np.unique(side, return_counts=True)[1].max(initial=0))
        for side in (bands[bands < 0], bands[bands > 0])
    ]
    peak = min(peaks)
    if peak == 0:
        return np.nan, False
    depth = max(1 - at_border / peak, 0.0)
    is_sure = peak - at_border > GAP_DEVIATIONS * np.sqrt(peak + at_border)
    return depth, bool(depth >= GAP_DEPTH and is_sure)
