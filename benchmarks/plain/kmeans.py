"""K-means at every date."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score
from sklearn.preprocessing import StandardScaler


@dataclasses.dataclass(frozen=True, eq=False)
class Model:
    """A fitted scaler and K-means; the silhouette is NaN when it was not asked for."""

    scaler: StandardScaler
    kmeans: KMeans
    silhouette: float

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the cluster of rows in original units."""
        return self.kmeans.predict(self.scaler.transform(X))


def fit(X: np.ndarray, *, n_clusters: int, seed: int, is_scored: bool = True) -> Model:
    """Standardise, fit and score.

    Parameters
    ----------
    X : ndarray of shape (n_customers, n_features)
        In original units.
    n_clusters, seed : int
    is_scored : bool
        Whether to compute the silhouette over all customers.

    Returns
    -------
    Model
    """
    scaler = StandardScaler()
    scaled = scaler.fit_transform(X)
    kmeans = KMeans(n_clusters=n_clusters, n_init=10, random_state=seed).fit(scaled)
    score = silhouette_score(scaled, kmeans.labels_) if is_scored else float("nan")
    return Model(scaler, kmeans, score)


def fit_dates(
    features: pd.DataFrame,
    *,
    columns: list[str],
    n_clusters: int,
    seed: int,
    is_scored: bool = True,
) -> dict[pd.Timestamp, Model]:
    """Fit every date of a frame with columns as_of_date, is_in_fit and the features."""
    fitted = features[features["is_in_fit"]]
    return {
        date: fit(
            rows[columns].to_numpy(dtype=float),
            n_clusters=n_clusters,
            seed=seed,
            is_scored=is_scored,
        )
        for date, rows in fitted.groupby("as_of_date")
    }
