"""What sets the segments of the date described apart, or the row of the last build that says it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from customer_segmentation.cluster import robust_columns
from customer_segmentation.steps.engines import Engine
from customer_segmentation.steps.reuse import code_and_libraries, fingerprint
from customer_segmentation.steps.study.origins import EXPLAINED_COLUMNS, explained_separation
from customer_segmentation.steps.study.pictures import AXIS_COLUMNS, projection_axes
from customer_segmentation.steps.study.traits import (
    TRAIT_COLUMNS,
    Trait,
    count_traits,
    described_customers,
    known_traits,
    other_traits,
    segment_traits,
    trait_numbers,
    trait_origins,
    traits_of,
)

DESCRIPTION_COLUMNS = ("separation", "axes", "traits", "fingerprint")


@dataclasses.dataclass(frozen=True)
class DescriptionSettings:
    """What a description depends on besides the rows.

    Attributes
    ----------
    made_by : tuple of str
        The features that made the segments.
    robust : tuple of int
        Places of those that are scaled by median and quartiles.
    features : mapping of str to mapping
        All of them, as dbt_project.yml states them.
    """

    made_by: tuple[str, ...]
    robust: tuple[int, ...]
    features: Mapping[str, Mapping[str, Any]]

    @classmethod
    def from_settings(
        cls, settings: Mapping[str, Any], *, features: Mapping[str, Mapping[str, Any]]
    ) -> DescriptionSettings:
        """Take them from the settings of the project."""
        made_by = tuple(settings["segmentation_features"])
        robust = robust_columns(made_by, settings["feature_transforms"])
        return cls(made_by=made_by, robust=robust, features=features)


def describe_segments(
    engine: Engine,
    *,
    segmented: Any,
    periods: Any,
    segments: Any,
    facts: Any,
    rfm: Any,
    settings: DescriptionSettings,
    previous: Any = None,
) -> Any:
    """Say what sets the segments apart: separation, principal axes and traits.

    Parameters
    ----------
    engine : Engine
    segmented : relation
        Customers measured at the date described, with is_in_fit, cluster, and the features that
        segments are made and compared by.
    periods, segments, facts, rfm : relation
        As of `described_customers`.
    settings : DescriptionSettings
    previous : duckdb.DuckDBPyRelation, optional
        An earlier result; its row is returned when it was made from the same.

    Returns
    -------
    relation
        One row with the columns of `DESCRIPTION_COLUMNS`: lists of structs with the fields of
        `EXPLAINED_COLUMNS`, `AXIS_COLUMNS` and `TRAIT_COLUMNS`.
    """
    made_by = settings.made_by
    customers = described_customers(
        engine, made_by, periods=periods, segments=segments, facts=facts, rfm=rfm
    )
    traits = traits_of(settings.features, others=other_traits(engine, facts))
    key = _key(engine, (segmented, customers), traits, settings)
    if previous is not None and set(previous.columns) == set(DESCRIPTION_COLUMNS):
        last = previous.project(", ".join(DESCRIPTION_COLUMNS))
        if last.project("fingerprint").fetchall() == [(key,)]:
            return engine.result(last)
    measured = engine.frame(segmented, order="customer_unique_id")
    described = engine.query(
        "select customers.* from {customers} as customers"
        " semi join {segmented} as segmented using (as_of_date, customer_unique_id)",
        customers=customers,
        segmented=segmented,
    )
    origins = trait_origins(engine, described, traits, made_by=made_by)
    counts = known_traits(count_traits(engine, customers, traits))
    numbers = trait_numbers(engine, customers, traits)
    return engine.row_of_lists(
        key,
        separation=(
            explained_separation(measured, made_by=made_by, features=settings.features),
            EXPLAINED_COLUMNS,
        ),
        axes=(
            projection_axes(measured, features=list(made_by), robust=settings.robust),
            AXIS_COLUMNS,
        ),
        traits=(segment_traits(counts, numbers, origins), TRAIT_COLUMNS),
    )


def _key(
    engine: Engine,
    relations: Sequence[Any],
    traits: Sequence[Trait],
    settings: DescriptionSettings,
) -> str:
    """Return what a description is re-used by: traits are counted by the engine, so its words count, too."""
    rows = [engine.row(one, [engine.rows_fingerprint(one.columns)])[0] for one in relations]
    return fingerprint(
        rows,
        traits,
        dataclasses.asdict(settings),
        engine.queries_fingerprint(),
        code_and_libraries(__name__),
    )
