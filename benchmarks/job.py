"""What a part works on, and how much of a slow one is measured."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from benchmarks.plain.ageing import Frozen
from benchmarks.warehouse import Warehouse, read_manifest
from customer_segmentation.intake import default_settings

PROJECT = Path(__file__).resolve().parents[1]

# How much of a slow part of the yardstick is measured, in the unit that its piece names.
SHARES = {
    "silhouette_dates": 1,
    "grid_fits": 2,
    "gap_data_sets": 1,
    "spectral_fits": 1,
    "bootstraps": 5,
    "other_bootstraps": 3,
    "spectral_bootstraps": 1,
    "drift_pairs": 42,
    "ageing_pairs": 10,
    "stability_dates": 1,
}


@dataclasses.dataclass(frozen=True)
class Job:
    """One data set, built.

    Attributes
    ----------
    raw_dir : Path
        With the nine raw files.
    database : Path
        Built from it; only read.
    target : Path
        Where dbt wrote the manifest of that build.
    work : Path
        For scratch files.
    shares : dict of str to int, or None
        See `SHARES`; None measures everything.
    study : dict
        Var ``study`` of dbt_project.yml, or a smaller grid for both sides.
    threads : int
    """

    raw_dir: Path
    database: Path
    target: Path
    work: Path
    shares: dict[str, int] | None
    study: dict[str, Any]
    threads: int = 2

    def sample(self, things: list[Any], share: str) -> list[Any]:
        """Pick, evenly spread, as many of the things as are measured."""
        wanted = len(things) if self.shares is None else min(self.shares[share], len(things))
        return [things[int((i + 0.5) * len(things) / wanted)] for i in range(wanted)]

    def warehouse(self, *, forget: list[str]) -> Warehouse:
        """Open a copy of the database without the tables of some models."""
        folder = self.work / "scratch"
        shutil.rmtree(folder, ignore_errors=True)
        # The name of the file is in the compiled SQL; a path of its own, because DuckDB hands out what is open at one.
        scratch = folder / str(time.time_ns()) / self.database.name
        scratch.parent.mkdir(parents=True)
        shutil.copy(self.database, scratch)
        # So that the disk is not still busy with the copy while a part is timed.
        os.sync()
        warehouse = Warehouse(scratch, read_manifest(self.target), threads=self.threads)
        warehouse.forget(forget)
        return warehouse

    def frame(self, sql: str) -> pd.DataFrame:
        """Return the rows of a query on the built database."""
        with duckdb.connect(str(self.database), read_only=True) as connection:
            return connection.sql(sql).df()

    def settings(self) -> dict[str, Any]:
        """Return the settings of dbt_project.yml."""
        return project_vars()

    def features(self) -> list[str]:
        """Return the features of the segments."""
        return list(self.settings()["segmentation_features"])

    def customers(self) -> dict[pd.Timestamp, pd.DataFrame]:
        """Return features by customer_unique_id, and is_in_fit, at each date."""
        rows = self.frame(
            f"select as_of_date, customer_unique_id, {', '.join(self.features())}, is_in_fit"
            " from segmentation_work.segmentation_features order by as_of_date, customer_unique_id"
        )
        return {
            date: table.drop(columns="as_of_date").set_index("customer_unique_id")
            for date, table in rows.groupby("as_of_date")
        }

    def models(self, *, in_use: bool = False) -> dict[pd.Timestamp, Frozen]:
        """Return our fits by date, so that both sides compare the same models.

        Parameters
        ----------
        in_use : bool
            The model that each date is published with, rather than the date's own.
        """
        source = (
            "segmentation.period_models as used inner join segmentation_work.kmeans_fits as fits"
            " using (model_id)"
            if in_use
            else "segmentation_work.kmeans_fits as fits"
        )
        date = "used.as_of_date" if in_use else "fits.as_of_date"
        rows = self.frame(
            f"select {date} as day, cluster, feature_position, scaler_mean, scaler_scale,"
            f" centroid_scaled from {source} where cluster is not null"
            " order by day, cluster, feature_position"
        )
        models = {}
        for day, table in rows.groupby("day"):
            of_first = table[table["cluster"] == table["cluster"].min()]
            models[day] = Frozen(
                of_first["scaler_mean"].to_numpy(),
                of_first["scaler_scale"].to_numpy(),
                table["centroid_scaled"].to_numpy().reshape(-1, len(of_first)),
            )
        return models


@dataclasses.dataclass
class Piece:
    """A stretch of measured work that stands for more of the same."""

    name: str
    seconds: float
    done: float
    of: float


class Meter:
    """Times the pieces of a part of which only a share is done."""

    def __init__(self) -> None:
        self.pieces: list[Piece] = []

    @contextlib.contextmanager
    def piece(self, name: str, *, done: float, of: float) -> Iterator[None]:
        """Time what is inside as ``done`` of ``of`` equal shares."""
        start = time.perf_counter()
        yield
        self.pieces.append(Piece(name, time.perf_counter() - start, done, of))

    def estimate(self, seconds: float) -> float:
        """Return the time of the whole part, given what was spent on what was done."""
        inside = sum(piece.seconds for piece in self.pieces)
        return seconds - inside + sum(p.seconds / p.done * p.of for p in self.pieces)

    def note(self) -> str:
        """Say what was measured; empty when that is everything."""
        return "; ".join(
            f"{p.name} {p.done / p.of:.2%}" if p.of > 1e6 else f"{p.name} {p.done:g} of {p.of:g}"
            for p in self.pieces
            if p.done < p.of
        )


def project_vars() -> dict[str, Any]:
    """Return the settings of dbt_project.yml."""
    return default_settings(PROJECT)
