"""The cluster of every customer, by the nearest centroid of a fitted model."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from customer_segmentation.cluster import Scaler, two_nearest_centroids
from customer_segmentation.steps.fits import scaler_and_centroids

ASSIGNMENT_COLUMNS = {
    "as_of_date": "date",
    "customer_unique_id": "string",
    "model_id": "string",
    "cluster": "int",
    "nearest_other_cluster": "int",
    "distance_to_centroid": "double",
    "distance_to_other_centroid": "double",
    "confidence": "double",
}


class Assignment(NamedTuple):
    """Where rows belong, and how clearly.

    Attributes
    ----------
    cluster : ndarray of shape (n_rows,), int32
        Of the nearest centroid; ties go to the lowest number.
    nearest_other_cluster : ndarray of shape (n_rows,), int32
        Of the nearest of the other centroids.
    distance_to_centroid, distance_to_other_centroid : ndarray of shape (n_rows,), float64
        Euclidean, in standard deviations.
    confidence : ndarray of shape (n_rows,), float64
        1 less the first distance divided by the second: 1 at the own centroid, 0 halfway.

    Notes
    -----
    Source: the simplified silhouette of Hruschka, Campello and de Castro (2004).
    """

    cluster: np.ndarray
    nearest_other_cluster: np.ndarray
    distance_to_centroid: np.ndarray
    distance_to_other_centroid: np.ndarray
    confidence: np.ndarray


def assign(X: np.ndarray, *, scaler: Scaler, centroids: np.ndarray) -> Assignment:
    """Give every row the cluster of its nearest centroid.

    Parameters
    ----------
    X : array of shape (n_rows, n_features)
        In original units.
    scaler : Scaler
    centroids : array of shape (n_clusters, n_features), two clusters or more
        In standard deviations of ``scaler``.

    Returns
    -------
    Assignment
    """
    scaled = scaler.transform(X) if len(X) else np.empty((0, np.shape(centroids)[1]))
    (cluster, other), (own_distance, other_distance) = two_nearest_centroids(scaled, centroids)
    confidence = np.zeros(len(scaled))
    # A row at two centroids at once is as near to the one as to the other.
    np.divide(own_distance, other_distance, out=confidence, where=other_distance > 0)
    np.subtract(1, confidence, out=confidence, where=other_distance > 0)
    return Assignment(cluster, other, own_distance, other_distance, confidence)


def scalers_and_centroids(models: pd.DataFrame) -> dict[str, tuple[Scaler, np.ndarray]]:
    """Return scaler and scaled centroids of every model in a fit table, by model_id."""
    with_clusters = models.dropna(subset=["cluster"])
    return {
        str(model_id): scaler_and_centroids(rows)
        for model_id, rows in with_clusters.groupby("model_id")
    }


def cluster_numbers(models: pd.DataFrame) -> dict[str, str]:
    """Return a digest of which centroid of a model has which number, by model_id.

    A model's numbers follow the accepted model before it, so they can change while its rows and
    settings, and with them its fingerprint, stay.

    Parameters
    ----------
    models : DataFrame with the columns of `FIT_COLUMNS`

    Returns
    -------
    dict of str to str
        SHA-256 of the scaled centroids in the order of their numbers.
    """
    return {
        model_id: hashlib.sha256(centroids.tobytes()).hexdigest()
        for model_id, (_, centroids) in scalers_and_centroids(models).items()
    }


def assign_batches(
    batches: Iterable[pa.RecordBatch], *, models: pd.DataFrame, features: Sequence[str]
) -> Iterator[pa.RecordBatch]:
    """Assign every customer of some record batches with the model named in its row.

    Parameters
    ----------
    batches : iterable of pyarrow.RecordBatch
        With columns as_of_date, customer_unique_id, model_id and the features (double).
    models : DataFrame with the columns of `FIT_COLUMNS`
    features : sequence of str
        In the order of the models' matrices.

    Yields
    ------
    pyarrow.RecordBatch
        With the columns of `ASSIGNMENT_COLUMNS`, one row for each row read.
    """
    by_model = scalers_and_centroids(models)
    keys = ["as_of_date", "customer_unique_id", "model_id"]
    for batch in batches:
        X = np.column_stack([batch.column(name).to_numpy() for name in features])
        codes = batch.column("model_id").dictionary_encode()
        code_of_row = codes.indices.to_numpy()
        found = Assignment(
            *(np.empty(len(X), dtype=np.int32) for _ in range(2)),
            *(np.empty(len(X)) for _ in range(3)),
        )
        for code, model_id in enumerate(codes.dictionary.to_pylist()):
            chosen = code_of_row == code
            scaler, centroids = by_model[model_id]
            parts = assign(X[chosen], scaler=scaler, centroids=centroids)
            for whole, part in zip(found, parts, strict=True):
                whole[chosen] = part
        yield pa.record_batch(
            [*(batch.column(name) for name in keys), *map(pa.array, found)],
            names=list(ASSIGNMENT_COLUMNS),
        )
