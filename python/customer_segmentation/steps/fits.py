"""The K-means fit of every as-of date: fit or re-use, number, judge."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from customer_segmentation.cluster import (
    Quantiles,
    Scaler,
    fit_kmeans,
    match_centroids,
    own_units,
    robust_columns,
    standardise,
    unusualness_permutation,
)
from customer_segmentation.distance import silhouette_estimate
from customer_segmentation.steps.naming import (
    Ranks,
    Rule,
    cluster_measures,
    codes_of,
    named_clusters,
    naming_failure,
    playbook_problem,
)
from customer_segmentation.steps.reuse import (
    code_and_libraries,
    fingerprint,
    library_versions,
    reusable,
)

MODEL_COLUMNS = {
    "model_id": "string",
    "as_of_date": "date",
    "fingerprint": "string",
    "model_fingerprint": "string",
    "reference_model_id": "string",
    "parameters": "string",
    "library_versions": "string",
    "training_rows": "bigint",
    "inertia": "double",
    "iterations": "int",
    "has_converged": "boolean",
    "silhouette": "double",
    "silhouette_standard_error": "double",
    "smallest_cluster_share": "double",
    "is_accepted": "boolean",
    "gate_failures": "string",
    "repair_fingerprint": "string",
    "repair": "string",
}
CENTROID_COLUMNS = {
    "cluster": "int",
    "cluster_rows": "bigint",
    "feature_position": "int",
    "feature": "string",
    "scaler_mean": "double",
    "scaler_scale": "double",
    "centroid_scaled": "double",
    "centroid": "double",
    "mean_customer": "double",
    "segment_code": "string",
}
FIT_COLUMNS = MODEL_COLUMNS | CENTROID_COLUMNS
# Standard deviations: centroids that differ by less in a feature differ by rounding.
CONSTANT_SPREAD = 1e-9


@dataclasses.dataclass(frozen=True)
class FitSettings:
    """What a fit depends on besides its rows, and the gates that it must pass.

    Attributes
    ----------
    features : tuple of str
        Columns of the feature table, in the order of the matrix.
    transforms : tuple of (str, str)
        Feature and the name of its transform, as in `customer_segmentation.cluster.transforms`.
    n_clusters, n_init, max_iter, seed : int
        As in ``sklearn.cluster.KMeans``.
    exact_silhouette_rows : int
        As ``maximum_rows`` of `silhouette_estimate`.
    smallest_cluster_share : float
        Gate: smallest share of the fitted rows that a cluster may have, 0 to 1.
    minimum_silhouette : float
        Gate: smallest mean silhouette, -1 to 1.
    """

    features: tuple[str, ...]
    n_clusters: int
    n_init: int
    max_iter: int
    seed: int
    exact_silhouette_rows: int
    smallest_cluster_share: float
    minimum_silhouette: float
    transforms: tuple[tuple[str, str], ...] = ()

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> FitSettings:
        """Take them from the settings of the project."""
        engine = settings["engine"]
        return cls(
            features=tuple(settings["segmentation_features"]),
            transforms=tuple(sorted(settings["feature_transforms"].items())),
            n_clusters=settings["n_clusters"],
            n_init=engine["n_init"],
            max_iter=engine["max_iter"],
            seed=settings["seed"],
            exact_silhouette_rows=engine["exact_silhouette_rows"],
            smallest_cluster_share=engine["smallest_cluster_share"],
            minimum_silhouette=settings["minimum_silhouette"],
        )

    def parameters(self) -> dict[str, Any]:
        """Return the settings that change the fit itself; the gates only judge it."""
        gates = ("smallest_cluster_share", "minimum_silhouette")
        return {k: v for k, v in dataclasses.asdict(self).items() if k not in gates}


@dataclasses.dataclass(frozen=True, eq=False)
class Fit:
    """The fit of one date, its clusters numbered or not yet.

    Attributes
    ----------
    scaler : Scaler
    centroids : ndarray of shape (n_clusters, n_features), float64
        In standard deviations of ``scaler``.
    sizes : ndarray of shape (n_clusters,), int64
        Fitted rows in each cluster.
    inertia : float
        Sum of squared scaled distances.
    iterations : int
    has_converged : bool
    silhouette, silhouette_standard_error : float
        Mean over the fitted rows; the error is 0 when the mean is exact.
    """

    scaler: Scaler
    centroids: np.ndarray
    sizes: np.ndarray
    inertia: float
    iterations: int
    has_converged: bool
    silhouette: float
    silhouette_standard_error: float

    @property
    def smallest_cluster_share(self) -> float:
        """Share of the fitted rows in the smallest cluster, 0 to 1."""
        return float(self.sizes.min() / self.sizes.sum())


def fit_periods(
    inputs: pd.DataFrame,
    rows_of: Callable[[Any], Any],
    *,
    settings: FitSettings,
    playbook: Sequence[Rule] | None = None,
    ranks: Ranks | None = None,
    quantiles_of: Callable[[Any], Quantiles] = lambda as_of_date: {},
    previous: pd.DataFrame | None = None,
    report: Callable[[str], None] = lambda message: None,
) -> pd.DataFrame:
    """Fit K-means at every as-of date, with the same cluster numbers and names throughout.

    A date whose rows and settings have the fingerprint of an earlier fit re-uses that fit.
    The clusters of the first accepted fit are numbered by `unusualness_order`, those of every
    later one like the last accepted fit before it, by `match_centroids`, and by their names
    where these are the same ones: nothing that is said of a date depends on later ones.

    Parameters
    ----------
    inputs : DataFrame with columns as_of_date, fit_fingerprint
        One row per date to fit; the fingerprint stands for the rows that ``rows_of`` gives.
    rows_of : callable
        From an as-of date to its matrix of shape (n_rows, n_features), in a fixed row order;
        called only for the dates that must be fitted, or where it is not known what helps unnamed clusters.
    settings : FitSettings
    playbook : sequence of Rule, optional
        Gate: by these rules every cluster has a name of its own, with the number that the name has
        in the accepted fits before. Without rules names are not looked at.
    ranks : mapping, optional
        As `ranks_from` gives them: clusters are named by their ranks, and not by the limits of the rules.
    quantiles_of : callable
        From an as-of date to the quantiles of the features with the transform quantile.
    previous : DataFrame, optional
        An earlier result of this function.
    report : callable, optional
        Receives one line of progress per date.

    Returns
    -------
    DataFrame with the columns of `FIT_COLUMNS`
        One row per model, cluster and feature; a date that could not be fitted has one row
        without cluster, whose ``gate_failures`` says why. ``segment_code`` is what the rules call
        the cluster, None for what they do not know or without rules. By ``fingerprint`` a fit is re-used: it
        stands for the rows in the words of the engine that has them. ``model_fingerprint`` is that
        of the rows themselves, the same from every engine; models are named after it. ``repair`` is
        what helps clusters without names of their own, by ``repair_fingerprint``.
    """
    earlier = _fits_by_fingerprint(previous, settings)
    repairs = _repairs_by_fingerprint(previous)
    judges = dataclasses.asdict(settings), [dataclasses.asdict(rule) for rule in playbook or ()]
    rows: list[dict[str, Any]] = []
    reference: _Reference | None = None
    dates = inputs.sort_values("as_of_date", ignore_index=True)
    for position, (as_of_date, input_fingerprint) in enumerate(
        zip(dates["as_of_date"], dates["fit_fingerprint"], strict=True), start=1
    ):
        key = model_fingerprint(str(input_fingerprint), settings)
        fit, model_key = earlier.get(key, (None, ""))
        problem, origin = "", "re-used"
        if fit is None:
            origin = "fitted"
            read = _Digested(rows_of)
            try:
                fit = fit_rows(read(as_of_date), settings=settings)
            except ValueError as error:
                problem = f"Could not be fitted: {error}"
            model_key = model_fingerprint(read.digest, settings)
        day = pd.Timestamp(as_of_date).date()
        model = {
            "model_id": f"kmeans-{day.isoformat()}-{model_key[:8]}",
            "as_of_date": day,
            "fingerprint": key,
            "model_fingerprint": model_key,
            "reference_model_id": reference.model_id if reference else None,
            "parameters": json.dumps(settings.parameters()),
            "library_versions": json.dumps(library_versions()),
        }
        if fit is None:
            rows.append({**model, "is_accepted": False, "gate_failures": problem})
        else:
            quantiles = quantiles_of(as_of_date)
            repair = fingerprint(key, judges)
            fit, segments, problem = _numbered_and_judged(
                fit,
                functools.partial(rows_of, as_of_date),
                repairs=repairs,
                repair=repair,
                settings=settings,
                playbook=playbook,
                ranks=ranks,
                quantiles=quantiles,
                reference=reference,
            )
            judged = {**model, **_judgement(fit, problem)}
            if repair in repairs:
                judged |= {"repair_fingerprint": repair, "repair": repairs[repair]}
            codes = codes_of(segments) or [None] * len(fit.sizes)
            rows.extend(
                row | {"segment_code": codes[row["cluster"]]}
                for row in _fit_rows(judged, fit, settings, quantiles)
            )
            if not problem:
                reference = _Reference(model["model_id"], day, fit, segments)
        report(
            f"K-means {position}/{len(dates)}: {day} {origin}{'; ' + problem if problem else ''}"
        )
    return pd.DataFrame(rows, columns=list(FIT_COLUMNS))


class _Digested:
    """Reads a matrix, keeps the SHA-256 of its numbers, and lets go of them."""

    def __init__(self, rows_of: Callable[[Any], Any]) -> None:
        self.rows_of = rows_of
        self.digest = ""

    def __call__(self, as_of_date: Any) -> Any:
        X = self.rows_of(as_of_date)
        numbers = np.ascontiguousarray(X, dtype="<f8")
        self.digest = f"{np.shape(X)}-{hashlib.sha256(numbers.data).hexdigest()}"
        return X


@dataclasses.dataclass(frozen=True, eq=False)
class _Reference:
    """The last accepted fit, and the segment of each of its clusters."""

    model_id: str
    day: Any
    fit: Fit
    segments: list[Rule | None]


def _numbered_and_judged(
    fit: Fit,
    read_rows: Callable[[], Any],
    *,
    repairs: dict[str, str],
    repair: str,
    settings: FitSettings,
    playbook: Sequence[Rule] | None,
    ranks: Ranks | None,
    quantiles: Quantiles,
    reference: _Reference | None,
) -> tuple[Fit, list[Rule | None], str]:
    """Return the fit with its numbers, its segments by number, and what it fails, if anything."""
    order = match_to_reference(reference.fit, fit) if reference else unusualness_order(fit)
    fit = renumber(fit, order)
    failures = gate_failures(fit, settings=settings)
    if playbook is None:
        return fit, [], failures
    segments, naming = _named(fit, playbook, settings, quantiles, ranks)
    if naming and not ranks and not playbook_problem(playbook):
        # What is tried depends on nothing but what its fingerprint stands for: not on the reference.
        if repair not in repairs:
            repairs[repair] = _mend(fit, segments, read_rows(), settings, playbook, quantiles)
        naming += repairs[repair]
    elif not naming and reference and set(segments) == set(reference.segments):
        # Where the nearest centroid has another name, the name goes first.
        fit = renumber(fit, np.array([reference.segments.index(one) for one in segments]))
        segments = reference.segments
    elif not naming and reference:
        naming = _change_of_names(segments, reference)
    return fit, segments, " ".join(filter(None, [failures, naming]))


def _named(
    fit: Fit,
    playbook: Sequence[Rule],
    settings: FitSettings,
    quantiles: Quantiles,
    ranks: Ranks | None = None,
) -> tuple[list[Rule | None], str]:
    """Return the segment of each cluster, and why they cannot be used, if so."""
    measures = cluster_measures(pd.DataFrame(_fit_rows({}, fit, settings, quantiles)))
    segments = named_clusters(measures, playbook, ranks)
    return segments, playbook_problem(playbook) or naming_failure(measures, segments)


def _change_of_names(segments: Sequence[Rule | None], reference: _Reference) -> str:
    """Say which segments are not those of the models before."""
    strange, known = (
        ", ".join(f"'{one.name_english}'" for one in some if one and one not in others)
        for some, others in (
            (segments, reference.segments),
            (reference.segments, segments),
        )
    )
    return (
        f"It has {strange} in place of {known} in the accepted model of {reference.day}, and a number keeps its"
        " name over the dates: begin at a later first_as_of_date, or change n_clusters or seed segment_playbook."
    )


def _mend(
    fit: Fit,
    segments: Sequence[Rule | None],
    X: Any,
    settings: FitSettings,
    playbook: Sequence[Rule],
    quantiles: Quantiles,
) -> str:
    """Say what helps clusters that have no names of their own; a number is tried on the rows."""
    constant = [
        name
        for name, spread in zip(settings.features, np.ptp(fit.centroids, axis=0), strict=True)
        if spread < CONSTANT_SPREAD
    ]
    verb = "is" if len(constant) == 1 else "are"
    cause = f" {' and '.join(constant)} {verb} the same for everybody." if constant else ""
    names = len({one.segment_code for one in segments if one})
    for n_clusters in range(min(names, settings.n_clusters - 1), 1, -1):
        fewer = dataclasses.replace(settings, n_clusters=n_clusters)
        other = fit_rows(X, settings=fewer)
        if not (
            gate_failures(other, settings=fewer) or _named(other, playbook, fewer, quantiles)[1]
        ):
            return f"{cause} Try n_clusters: {n_clusters}, which passes every gate at this date."
    if gate_failures(fit, settings=settings):
        return f"{cause} Fewer clusters do not pass the gates at this date either."
    return (
        f"{cause} Fewer clusters do not pass the gates at this date: give each one a rule of its own in"
        " seeds/segment_playbook.csv."
    )


def fit_rows(X: Any, *, settings: FitSettings) -> Fit:
    """Standardise the rows, fit K-means on them and measure the result.

    Parameters
    ----------
    X : array of shape (n_rows, n_features)
        Not scaled, without missing values.
    settings : FitSettings

    Returns
    -------
    Fit

    Raises
    ------
    ValueError
        As `fit_kmeans`; for example when there are fewer distinct rows than clusters.
    """
    scaler = standardise(X, robust=robust_columns(settings.features, settings.transforms))
    scaled = scaler.transform(X)
    # With millions of rows, memory that is needed.
    del X
    fit = fit_kmeans(
        scaled,
        n_clusters=settings.n_clusters,
        n_init=settings.n_init,
        max_iter=settings.max_iter,
        fast_starts=True,
        seed=settings.seed,
    )
    score = silhouette_estimate(
        scaled, fit.labels, maximum_rows=settings.exact_silhouette_rows, seed=settings.seed
    )
    return Fit(
        scaler=scaler,
        centroids=fit.centroids,
        sizes=np.bincount(fit.labels, minlength=settings.n_clusters),
        inertia=fit.inertia,
        iterations=fit.iterations,
        has_converged=fit.has_converged,
        silhouette=score.score,
        silhouette_standard_error=score.standard_error,
    )


def unusualness_order(fit: Fit) -> np.ndarray:
    """Number clusters from the most ordinary to the most unusual.

    See `unusualness_permutation`. It serves where there is no earlier model to follow.

    Returns
    -------
    ndarray of shape (n_clusters,), int64
        New number of each cluster.
    """
    return unusualness_permutation(fit.centroids)


def match_to_reference(reference: Fit, fit: Fit) -> np.ndarray:
    """Number clusters like the nearest ones of a reference, both in the reference's scale.

    Returns
    -------
    ndarray of shape (n_clusters,), int64
        New number of each cluster of ``fit``.
    """
    in_original_units = fit.scaler.inverse_transform(fit.centroids)
    return match_centroids(reference.centroids, reference.scaler.transform(in_original_units))


def renumber(fit: Fit, permutation: np.ndarray) -> Fit:
    """Return the fit with cluster ``i`` called ``permutation[i]``."""
    order = np.argsort(permutation)
    return dataclasses.replace(fit, centroids=fit.centroids[order], sizes=fit.sizes[order])


def gate_failures(fit: Fit, *, settings: FitSettings) -> str:
    """Say in sentences which gates a fit fails; empty when it may be used."""
    failures = []
    if not fit.has_converged:
        failures.append(f"K-means did not converge in {settings.max_iter} iterations.")
    share = fit.smallest_cluster_share
    if share < settings.smallest_cluster_share:
        failures.append(
            f"The smallest cluster has {share:.2%} of the customers, "
            f"less than smallest_cluster_share {settings.smallest_cluster_share:.2%}."
        )
    if fit.silhouette < settings.minimum_silhouette:
        failures.append(
            f"The mean silhouette is {fit.silhouette:.3f}, "
            f"less than minimum_silhouette {settings.minimum_silhouette:.3f}."
        )
    return " ".join(failures)


def model_fingerprint(rows: str, settings: FitSettings) -> str:
    """Return a SHA-256 of all that a fit depends on: rows, settings, libraries and our code.

    Parameters
    ----------
    rows : str
        Fingerprint of the rows.
    settings : FitSettings
    """
    return fingerprint(rows, settings.parameters(), code_and_libraries(__name__))


def _judgement(fit: Fit, failures: str) -> dict[str, Any]:
    return {
        "training_rows": int(fit.sizes.sum()),
        "inertia": fit.inertia,
        "iterations": fit.iterations,
        "has_converged": fit.has_converged,
        "silhouette": fit.silhouette,
        "silhouette_standard_error": fit.silhouette_standard_error,
        "smallest_cluster_share": fit.smallest_cluster_share,
        "is_accepted": not failures,
        "gate_failures": failures,
    }


def _fit_rows(
    model: dict[str, Any], fit: Fit, settings: FitSettings, quantiles: Quantiles
) -> list[dict[str, Any]]:
    centroids = fit.scaler.inverse_transform(fit.centroids)
    mean = fit.scaler.mean.copy()
    # A robust scaler knows the median; the mean of all is that of the clusters' means.
    robust = list(robust_columns(settings.features, settings.transforms))
    mean[robust] = fit.sizes @ centroids[:, robust] / fit.sizes.sum()
    *own_centroids, own_mean = own_units(
        np.vstack([centroids, mean]),
        features=settings.features,
        transforms=settings.transforms,
        quantiles=quantiles,
    )
    return [
        {
            **model,
            "cluster": cluster,
            "cluster_rows": int(fit.sizes[cluster]),
            "feature_position": position,
            "feature": feature,
            "scaler_mean": float(fit.scaler.mean[position]),
            "scaler_scale": float(fit.scaler.scale[position]),
            "centroid_scaled": float(fit.centroids[cluster, position]),
            "centroid": float(own_centroids[cluster][position]),
            "mean_customer": float(own_mean[position]),
        }
        for cluster in range(len(fit.centroids))
        for position, feature in enumerate(settings.features)
    ]


def scaler_and_centroids(rows: pd.DataFrame) -> tuple[Scaler, np.ndarray]:
    """Read the scaler and the scaled centroids of one model out of its rows.

    Parameters
    ----------
    rows : DataFrame with columns cluster, feature_position, scaler_mean, scaler_scale and
        centroid_scaled, of a single model

    Returns
    -------
    scaler : Scaler
    centroids : ndarray of shape (n_clusters, n_features), float64
    """
    ordered = rows.sort_values(["cluster", "feature_position"])
    n_clusters = ordered["cluster"].nunique()
    one_cluster = ordered.iloc[: len(ordered) // n_clusters]
    scaler = Scaler(
        mean=one_cluster["scaler_mean"].to_numpy(dtype=np.float64),
        scale=one_cluster["scaler_scale"].to_numpy(dtype=np.float64),
    )
    centroids = ordered["centroid_scaled"].to_numpy(dtype=np.float64).reshape(n_clusters, -1)
    return scaler, centroids


def _fits_by_fingerprint(
    previous: pd.DataFrame | None, settings: FitSettings
) -> dict[str, tuple[Fit, str]]:
    """Return every fit of the last build, with the fingerprint of its model, by its own."""
    fits = {}
    expected_rows = settings.n_clusters * len(settings.features)
    for key, table in reusable(previous, FIT_COLUMNS).items():
        rows = table.dropna(subset=["cluster"])
        if len(rows) != expected_rows:
            continue
        scaler, centroids = scaler_and_centroids(rows)
        first = rows.iloc[0]
        sizes = rows.sort_values("cluster").drop_duplicates("cluster")["cluster_rows"]
        fit = Fit(
            scaler=scaler,
            centroids=centroids,
            sizes=sizes.to_numpy(dtype=np.int64),
            inertia=float(first["inertia"]),
            iterations=int(first["iterations"]),
            has_converged=bool(first["has_converged"]),
            silhouette=float(first["silhouette"]),
            silhouette_standard_error=float(first["silhouette_standard_error"]),
        )
        fits[key] = fit, str(first["model_fingerprint"])
    return fits


def _repairs_by_fingerprint(previous: pd.DataFrame | None) -> dict[str, str]:
    """Return what the last build found to help clusters without names of their own."""
    tables = reusable(previous, FIT_COLUMNS).values()
    known = [table[["repair_fingerprint", "repair"]].dropna() for table in tables]
    return {key: text for table in known for key, text in table.itertuples(index=False, name=None)}
