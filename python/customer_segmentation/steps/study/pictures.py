"""The data of the pictures: customers of both algorithms on two axes, with their silhouettes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from customer_segmentation._libraries import from_scipy
from customer_segmentation.cluster import Scaler, standardise
from customer_segmentation.distance import silhouette_samples
from customer_segmentation.measure import Projection, fit_projection, stratified_sample
from customer_segmentation.steps.engines import Engine
from customer_segmentation.steps.reuse import code_and_libraries
from customer_segmentation.steps.reuse import fingerprint as fingerprint_of
from customer_segmentation.steps.study.clusters import candidate_labels

PROJECTION_COLUMNS = {
    "fingerprint": "string",
    "as_of_date": "date",
    "customer_unique_id": "string",
    "cluster": "int",
    "spectral_cluster": "int",
    "is_in_sample": "boolean",
    "axis_1": "double",
    "axis_2": "double",
    "silhouette": "double",
}
AXIS_COLUMNS = {
    "as_of_date": "date",
    "axis": "int",
    "explained_variance_share": "double",
    "feature": "string",
    "loading": "double",
    "scaler_mean": "double",
    "scaler_scale": "double",
    "scaled_mean": "double",
}


def customer_projection(
    engine: Engine,
    *,
    segmented: Any,
    features: list[str],
    axes: pd.DataFrame,
    spectral: pd.Series | None,
    previous: Any = None,
    **options: Any,
) -> Any:
    """Place every customer on the two principal axes, or take over where the last build placed them.

    Parameters
    ----------
    engine : Engine
    segmented : relation
        With columns as_of_date, customer_unique_id, cluster, is_in_fit and the features.
    features, axes, spectral, **options
        As of `project_customers`.
    previous : duckdb.DuckDBPyRelation, optional
        An earlier result; it is returned, and no customer is read, when it was made from the same.

    Returns
    -------
    relation
        With the columns of `PROJECTION_COLUMNS`.
    """
    columns = ["as_of_date", "customer_unique_id", "cluster", "is_in_fit", *features]
    key = fingerprint_of(
        engine.row(segmented, [engine.rows_fingerprint(columns)])[0],
        None if spectral is None else spectral["candidate_id"],
        [features, axes.drop(columns="as_of_date").to_json(double_precision=15), options],
        code_and_libraries(__name__),
    )
    if previous is not None and set(previous.columns) == set(PROJECTION_COLUMNS):
        last = previous.project(", ".join(PROJECTION_COLUMNS))
        if last.project("fingerprint").distinct().fetchall() == [(key,)]:
            return engine.result(last)
    rows = engine.frame(segmented, columns, order="customer_unique_id")
    placed = project_customers(rows, features=features, axes=axes, spectral=spectral, **options)
    return engine.table(placed.assign(fingerprint=key), PROJECTION_COLUMNS)


def project_customers(
    rows: pd.DataFrame,
    *,
    features: list[str],
    axes: pd.DataFrame,
    spectral: pd.Series | None,
    sample_rows: int,
    exact_silhouette_rows: int,
    smallest_cluster_share: float,
    seed: int,
) -> pd.DataFrame:
    """Place every customer on the two principal axes, with both clusterings.

    Parameters
    ----------
    rows : DataFrame with columns as_of_date, customer_unique_id, cluster, is_in_fit and the features
        One row per customer, in a fixed order.
    features : list of str
    axes : DataFrame
        Of the same rows and features, from `projection_axes`.
    spectral : Series, optional
        The spectral candidate to label the customers with; without one they have no such label.
    sample_rows : int
        Customers to draw for a picture, each cluster in proportion but with at least 100
        (a twentieth of them all when that is less).
    exact_silhouette_rows : int
        Up to this many customers each gets its silhouette; above it nobody does.
    smallest_cluster_share : float
        With a smaller spectral cluster, 0 to 1, nobody gets a spectral label: the parameters were
        chosen on the customers of another date, where none was so small.
    seed : int

    Returns
    -------
    DataFrame with the columns of `PROJECTION_COLUMNS` but for fingerprint
        One row per customer. Axes in standard deviations of the features; ``silhouette`` is that
        of the customer in ``cluster``, over all customers. A customer outside the fit gets the
        spectral cluster of the nearest customer inside.
    """
    if rows.empty or axes.empty:
        return pd.DataFrame(columns=[name for name in PROJECTION_COLUMNS if name != "fingerprint"])
    X = rows[features].to_numpy(dtype=np.float64)
    is_in_fit = rows["is_in_fit"].to_numpy(dtype=bool)
    scaler, projection = _scaler_and_projection(axes, features)
    scaled = scaler.transform(X)
    cluster = rows["cluster"].to_numpy(dtype=np.int32)
    coordinates = projection.transform(scaled)
    sample = stratified_sample(
        cluster,
        maximum_rows=sample_rows,
        minimum_per_cluster=min(100, sample_rows // 20),
        seed=seed,
    )
    is_in_sample = np.zeros(len(rows), dtype=bool)
    is_in_sample[sample] = True
    values = np.full(len(rows), np.nan)
    if len(rows) <= exact_silhouette_rows and len(np.unique(cluster)) > 1:
        values = silhouette_samples(scaled, cluster)
    return pd.DataFrame(
        {
            "as_of_date": rows["as_of_date"].to_numpy(),
            "customer_unique_id": rows["customer_unique_id"].to_numpy(),
            "cluster": cluster,
            "spectral_cluster": _spectral_labels(
                scaled,
                cluster,
                is_in_fit,
                candidate=spectral,
                smallest_cluster_share=smallest_cluster_share,
                seed=seed,
            ),
            "is_in_sample": is_in_sample,
            "axis_1": coordinates[:, 0],
            "axis_2": coordinates[:, 1],
            "silhouette": values,
        }
    )


def projection_axes(
    rows: pd.DataFrame, *, features: list[str], robust: Sequence[int] = ()
) -> pd.DataFrame:
    """Fit the two principal axes of the scaled features, on the customers in the fit.

    Parameters
    ----------
    rows : DataFrame
        As in `project_customers`.
    features : list of str
    robust : sequence of int
        As in `standardise`.

    Returns
    -------
    DataFrame with the columns of `AXIS_COLUMNS`
        One row per axis and feature; loadings are unit vectors. The feature's scaler and the mean
        of its scaled values are the same for both axes. None with fewer than two customers in the
        fit, whose spread has no direction.
    """
    if rows["is_in_fit"].sum() < 2:
        return pd.DataFrame(columns=list(AXIS_COLUMNS))
    X = rows.loc[rows["is_in_fit"], features].to_numpy(dtype=np.float64)
    scaler = standardise(X, robust=robust)
    fitted = fit_projection(scaler.transform(X), n_dimensions=2)
    return pd.DataFrame(
        [
            {
                "as_of_date": rows["as_of_date"].iloc[0],
                "axis": axis + 1,
                "explained_variance_share": float(fitted.explained_variance_share[axis]),
                "feature": feature,
                "loading": float(fitted.loadings[axis, position]),
                "scaler_mean": float(scaler.mean[position]),
                "scaler_scale": float(scaler.scale[position]),
                "scaled_mean": float(fitted.mean[position]),
            }
            for axis in range(2)
            for position, feature in enumerate(features)
        ]
    )


def _scaler_and_projection(axes: pd.DataFrame, features: list[str]) -> tuple[Scaler, Projection]:
    first, second = (
        axes[axes["axis"] == axis].set_index("feature").loc[features] for axis in (1, 2)
    )
    scaler = Scaler(mean=first["scaler_mean"].to_numpy(), scale=first["scaler_scale"].to_numpy())
    projection = Projection(
        mean=first["scaled_mean"].to_numpy(),
        loadings=np.stack([first["loading"], second["loading"]]),
        explained_variance_share=np.array(
            [each["explained_variance_share"].iloc[0] for each in (first, second)]
        ),
    )
    return scaler, projection


def _spectral_labels(
    scaled: np.ndarray,
    cluster: np.ndarray,
    is_in_fit: np.ndarray,
    *,
    candidate: pd.Series | None,
    smallest_cluster_share: float,
    seed: int,
) -> pd.array:
    cKDTree = from_scipy("spatial", "cKDTree")

    labels = pd.array([pd.NA] * len(scaled), dtype="Int32")
    if candidate is None:
        return labels
    fitted = scaled[is_in_fit]
    means = np.stack([scaled[cluster == number].mean(axis=0) for number in np.unique(cluster)])
    found = candidate_labels(fitted, candidate, seed=seed, reference=means)
    if np.unique(found, return_counts=True)[1].min() < smallest_cluster_share * len(found):
        return labels
    labels[is_in_fit] = found
    if not is_in_fit.all():
        labels[~is_in_fit] = found[cKDTree(fitted).query(scaled[~is_in_fit])[1]]
    return labels
