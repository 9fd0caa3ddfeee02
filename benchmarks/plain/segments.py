"""The segments of all customers at all dates, their profiles, and the files that hold them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.plain.ageing import Frozen


def assign(
    features: pd.DataFrame, models: dict[pd.Timestamp, Frozen], *, columns: list[str]
) -> pd.DataFrame:
    """Give every customer at every date the nearest centroid of the date's model.

    Parameters
    ----------
    features : DataFrame with columns as_of_date, customer_unique_id and the features
    models : dict of Timestamp to Frozen
    columns : list of str

    Returns
    -------
    DataFrame with columns as_of_date, customer_unique_id, cluster, distance_to_centroid
    """
    tables = []
    for date, rows in features.groupby("as_of_date"):
        model = models[date]
        X = rows[columns].to_numpy(dtype=float)
        cluster = model.predict(X)
        distance = np.linalg.norm(model.scaled(X) - model.centroids[cluster], axis=1)
        tables.append(
            rows[["as_of_date", "customer_unique_id"]].assign(
                cluster=cluster, distance_to_centroid=distance
            )
        )
    return pd.concat(tables, ignore_index=True)


def profiles(segments: pd.DataFrame, features: pd.DataFrame, *, columns: list[str]) -> pd.DataFrame:
    """Describe every segment at every date."""
    rows = segments.merge(features, on=["as_of_date", "customer_unique_id"])
    by_segment = rows.groupby(["as_of_date", "cluster"])
    table = by_segment[columns].agg(["median", "mean"])
    table.columns = [f"{statistic}_{column}" for column, statistic in table.columns]
    table["customers"] = by_segment.size()
    return table.reset_index()


def write(tables: dict[str, pd.DataFrame], folder: Path) -> None:
    """Write tables as Parquet, and those that a person reads as CSV too."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        table.to_parquet(folder / f"{name}.parquet", index=False)
        if len(table) < 10_000:
            table.to_csv(folder / f"{name}.csv", index=False)
