"""The cluster of every customer, by the nearest centroid of a fitted model."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa

from customer_segmentation.cluster import Scaler, nearest_centroid
from customer_segmentation.steps.fits import scaler_and_centroids


def assign(
    X: np.ndarray, *, scaler: Scaler, centroids: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Give every row the cluster of its nearest centroid.

    Parameters
    ----------
    X : array of shape (n_rows, n_features)
        In original units.
    scaler : Scaler
    centroids : array of shape (n_clusters, n_features)
        In standard deviations of ``scaler``.

    Returns
    -------
    labels : ndarray of shape (n_rows,), int32
        Ties go to the lowest number.
    distance : ndarray of shape (n_rows,), float64
        Euclidean, in standard deviations.
    """
    if len(X) == 0:
        return np.empty(0, dtype=np.int32), np.empty(0)
    return nearest_centroid(scaler.transform(X), centroids)


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
    batches: pa.RecordBatchReader, *, models: pd.DataFrame, features: Sequence[str]
) -> pa.RecordBatchReader:
    """Assign every customer of an Arrow stream with the model named in its row.

    Parameters
    ----------
    batches : pyarrow.RecordBatchReader
        With columns as_of_date, customer_unique_id, model_id and the features (double).
    models : DataFrame with the columns of `FIT_COLUMNS`
    features : sequence of str
        In the order of the models' matrices.

    Returns
    -------
    pyarrow.RecordBatchReader
        as_of_date, customer_unique_id, model_id, cluster (int32) and distance_to_centroid
        (double, standard deviations), one row for each row read, in bounded memory.
    """
    by_model = scalers_and_centroids(models)
    schema = pa.schema(
        [
            batches.schema.field("as_of_date"),
            batches.schema.field("customer_unique_id"),
            batches.schema.field("model_id"),
            pa.field("cluster", pa.int32()),
            pa.field("distance_to_centroid", pa.float64()),
        ]
    )

    def assigned() -> Iterator[pa.RecordBatch]:
        for batch in batches:
            X = np.column_stack([batch.column(name).to_numpy() for name in features])
            codes = batch.column("model_id").dictionary_encode()
            code_of_row = codes.indices.to_numpy()
            cluster = np.empty(len(X), dtype=np.int32)
            distance = np.empty(len(X))
            for code, model_id in enumerate(codes.dictionary.to_pylist()):
                chosen = code_of_row == code
                scaler, centroids = by_model[model_id]
                cluster[chosen], distance[chosen] = assign(
                    X[chosen], scaler=scaler, centroids=centroids
                )
            keys = [batch.column(name) for name in schema.names[:3]]
            yield pa.record_batch([*keys, pa.array(cluster), pa.array(distance)], schema=schema)

    return pa.RecordBatchReader.from_batches(schema, assigned())
