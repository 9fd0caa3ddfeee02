"""The parts of the study: our way, the plain way, the expert's way, and whether they give the same.

A part prepares its inputs off the clock; what it is named after a side is on it. Where a part begins with
fitted models, all sides get the same ones, so that a difference is one of the part itself.
"""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.parts.base import Check, Part, largest_gap
from benchmarks.parts.clustering import Bootstrap, KMeans, KMeansScored, Silhouette, Spectral
from benchmarks.parts.dates import Ageing, Drift, Stability
from benchmarks.parts.study import Finalists, Grid, Ks, SpectralGrid
from benchmarks.parts.tables import Load, Rfm, Segments, Traits

__all__ = ["PARTS", "Check", "Load", "Part", "largest_gap"]

PARTS: dict[str, Callable[[], Part]] = {
    part.name: part
    for part in (
        Load,
        Rfm,
        KMeans,
        Silhouette,
        KMeansScored,
        Grid,
        Spectral,
        SpectralGrid,
        Bootstrap,
        Finalists,
        Ks,
        Drift,
        Ageing,
        Stability,
        Traits,
        Segments,
    )
}
