"""The segments of all customers at all dates and their profiles, in one Polars query each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import polars as pl

from benchmarks.plain.ageing import Frozen


def model_table(models: Mapping[pd.Timestamp, Frozen], *, columns: list[str]) -> pl.DataFrame:
    """Return one row per date with the numbers of its model, each in a column of its own."""
    rows = []
    for date, model in models.items():
        row: dict[str, object] = {"as_of_date": date.date()}
        for j, column in enumerate(columns):
            row |= {f"mean_{column}": model.mean[j], f"scale_{column}": model.scale[j]}
            row |= {
                f"centre_{cluster}_{column}": centre[j]
                for cluster, centre in enumerate(model.centroids)
            }
        rows.append(row)
    return pl.DataFrame(rows)


def assign(
    features: pl.DataFrame, models: Mapping[pd.Timestamp, Frozen], *, columns: list[str]
) -> pl.DataFrame:
    """Give every customer at every date the nearest centroid of the date's model.

    Parameters
    ----------
    features : DataFrame with columns as_of_date, customer_unique_id and the features
    models : mapping of Timestamp to Frozen
    columns : list of str

    Returns
    -------
    DataFrame
        The features, cluster and distance_to_centroid.
    """
    n_clusters = len(next(iter(models.values())).centroids)
    scaled = [
        ((pl.col(c) - pl.col(f"mean_{c}")) / pl.col(f"scale_{c}")).alias(f"scaled_{c}")
        for c in columns
    ]
    squares = [
        pl.sum_horizontal(
            (pl.col(f"scaled_{c}") - pl.col(f"centre_{cluster}_{c}")).pow(2) for c in columns
        ).alias(f"square_{cluster}")
        for cluster in range(n_clusters)
    ]
    least = pl.col("least")
    cluster = pl.lit(n_clusters - 1)
    for number in reversed(range(n_clusters - 1)):
        cluster = pl.when(pl.col(f"square_{number}") == least).then(number).otherwise(cluster)
    return (
        features.lazy()
        .join(model_table(models, columns=columns).lazy(), on="as_of_date")
        .with_columns(scaled)
        .with_columns(squares)
        .with_columns(least=pl.min_horizontal(pl.col("^square_.*$")))
        .select(
            "as_of_date",
            "customer_unique_id",
            *columns,
            cluster=cluster,
            distance_to_centroid=least.sqrt(),
        )
        .collect()
    )


def profiles(assigned: pl.DataFrame, *, columns: list[str]) -> pl.DataFrame:
    """Describe every segment at every date."""
    return (
        assigned.lazy()
        .group_by("as_of_date", "cluster")
        .agg(
            pl.median(*columns).name.prefix("median_"),
            pl.mean(*columns).name.prefix("mean_"),
            customers=pl.len(),
        )
        .collect()
    )


def write(assigned: pl.DataFrame, described: pl.DataFrame, folder: Path) -> None:
    """Write both as Parquet, and the profiles, which a person reads, as CSV too."""
    folder.mkdir(parents=True, exist_ok=True)
    keys = ["as_of_date", "customer_unique_id", "cluster", "distance_to_centroid"]
    assigned.select(keys).write_parquet(folder / "customer_segments.parquet")
    described.write_parquet(folder / "segment_profiles.parquet")
    described.write_csv(folder / "segment_profiles.csv")
