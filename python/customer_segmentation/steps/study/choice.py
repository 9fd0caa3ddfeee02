"""The number of clusters that the comparison of models chooses, before there is a model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from customer_segmentation.measure import bootstrap_stability, kmeans_refit
from customer_segmentation.steps.study.candidates import kmeans_candidates
from customer_segmentation.steps.study.clusters import candidate_labels
from customer_segmentation.steps.study.scores import Scorer, with_scores
from customer_segmentation.steps.study.settings import StudySettings


def largest_stable_number(
    X: np.ndarray,
    *,
    features: Sequence[str],
    settings: StudySettings,
    smallest_share: float,
    least_jaccard: float,
    least_silhouette: float,
) -> tuple[int | None, str]:
    """Return the largest number of clusters that stands, and why; None when none does.

    The rule is that of model segmentation.model_comparison for segments that are named by rank, each of which
    has a name: of the numbers whose clusters are all large enough and all found again in resamples, the largest.

    Parameters
    ----------
    X : ndarray of shape (n_customers, n_features)
        Transformed, not scaled.
    features : sequence of str
    settings : StudySettings
    smallest_share, least_jaccard, least_silhouette : float
        What the smallest cluster's share of the customers, the lowest mean Jaccard similarity of a cluster
        with its like in resamples, and the mean silhouette must reach.

    Notes
    -----
    Stability: Hennig (2007), see `customer_segmentation.measure.bootstrap_stability`; the numbers and resamples are
    settings study.cluster_counts and study.screening_resamples.
    """
    scaled = settings.standardise(X, features).transform(X)
    seed = settings.seeds[0]
    scorer = Scorer(scaled, exact_silhouette_rows=settings.exact_silhouette_rows, seed=seed)
    found = kmeans_candidates(
        scaled,
        settings=settings,
        scorer=scorer,
        inits=settings.inits[:1],
        n_inits=(max(settings.n_inits),),
        max_iters=(max(settings.max_iters),),
    )
    finalists = [with_scores(row, scorer) for row in found if row["is_finalist"]]
    objections = []
    for row in sorted(finalists, key=lambda one: -one["n_clusters"]):
        number, silhouette = row["n_clusters"], row["silhouette"]
        labels = candidate_labels(scaled, pd.Series(row), seed=seed)
        share = np.bincount(labels, minlength=number).min() / len(labels)
        if share < smallest_share:
            objections.append(f"{number} have one with {share:.2%} of the customers")
        elif silhouette < least_silhouette:
            objections.append(f"{number} have a silhouette of {silhouette:.2f}")
        else:
            refit = kmeans_refit(n_clusters=number, n_init=row["n_init"], max_iter=row["max_iter"])
            resamples = settings.screening_resamples
            stability = bootstrap_stability(scaled, labels, refit, resamples=resamples, seed=seed)
            lowest = stability.clusters["mean_jaccard"].min()
            if lowest >= least_jaccard:
                more = f" Of more clusters, {'; '.join(objections)}." if objections else ""
                return number, (
                    f"the largest number whose clusters are all found again in {resamples} resamples (lowest mean "
                    f"Jaccard {lowest:.2f}, silhouette {silhouette:.2f}).{more}"
                )
            objections.append(f"{number} have one with a mean Jaccard of {lowest:.2f}")
    return (
        None,
        f"no number of clusters stands: {'; '.join(objections) or 'all customers are alike'}.",
    )
