"""How many segments somebody's orders hold: what `n_clusters: study` stands for."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from customer_segmentation.shop.look import as_of_dates, events_sql, problems_in, read_lines
from customer_segmentation.shop.mapping import ShopError

STUDY = "study"
# Features as of a date, in the words of the table shop_events.
FEATURES = {
    "recency_days": "floor((epoch(timestamp '{day}') - epoch(max(event_at) filter (where kind = 'order'))) / 86400)",
    "frequency": "count(*) filter (where kind = 'order')",
    "monetary": "sum(amount)",
}
TRANSFORMS = {"log1p": "ln(1 + greatest({value}, 0))", "robust": "{value}", None: "{value}"}


@dataclasses.dataclass(frozen=True)
class ClusterChoice:
    """The number of clusters that the comparison chooses.

    Attributes
    ----------
    n_clusters : int or None
        None when no number stands.
    reason : str
        A sentence.
    as_of_date : date
        Whose customers were looked at.
    """

    n_clusters: int | None
    reason: str
    as_of_date: datetime.date


def choose_clusters(
    shop: Mapping[str, Any], settings: Mapping[str, Any], *, project: Path
) -> ClusterChoice:
    """Look at somebody's orders and choose.

    Parameters
    ----------
    shop : mapping
        Var shop.
    settings : mapping
        Those of the project, as a build of these orders has them; n_clusters is not looked at.
    project : Path
        Folder with dbt_project.yml.

    Returns
    -------
    ClusterChoice

    Raises
    ------
    ShopError
        When the orders cannot be read, or segments are made from what they do not hold.
    """
    # Only who asks pays for what it needs: dbt and Superset look at orders without it.
    from customer_segmentation.steps import StudySettings, largest_stable_number

    features = list(settings["segmentation_features"])
    transforms = settings["feature_transforms"] or {}
    if not set(features) <= FEATURES.keys() or not set(transforms.values()) <= TRANSFORMS.keys():
        raise ShopError(
            f"n_clusters is {STUDY}, which chooses by {', '.join(FEATURES)}, as they are, log1p or robust: with "
            "other features or transforms, write the number, such as n_clusters: 4."
        )
    with duckdb.connect() as connection:
        source, _ = read_lines(connection, shop)
        connection.execute(f"create temp table shop_events as {events_sql(project)}")
        first = settings["first_as_of_date"]
        needs: dict[str, Any] = {
            "minimum_customers": settings["minimum_customers"],
            "minimum_history_days": settings["minimum_history_days"],
            "first_as_of_date": datetime.date.fromisoformat(str(first)) if first else None,
        }
        found = problems_in(connection, source, **needs)
        if found:
            raise ShopError(*found)
        dates = as_of_dates(connection, **needs)
        day = compared_date(dates, settings["study"]["interval_months"])
        rows = _customers(connection, features, transforms, day, settings)
    study = dataclasses.replace(
        StudySettings.from_settings({**settings, "n_clusters": 0}), seeds=(settings["seed"],)
    )
    n_clusters, reason = largest_stable_number(
        rows,
        features=features,
        settings=study,
        smallest_share=settings["engine"]["smallest_cluster_share"],
        least_jaccard=settings["study"]["minimum_cluster_jaccard"],
        least_silhouette=settings["minimum_silhouette"],
    )
    return ClusterChoice(n_clusters=n_clusters, reason=reason, as_of_date=day)


def compared_date(dates: tuple[datetime.date, ...], interval_months: int | None) -> datetime.date:
    """Return the last date at which models are compared: macro study_as_of_date."""
    if interval_months is None:
        return dates[-1]
    months = [12 * day.year + day.month for day in dates]
    return max(
        [
            day
            for day, month in zip(dates, months, strict=True)
            if day.day == 1 and (month - months[0]) % interval_months == 0
        ]
        or [dates[0]]
    )


def _customers(
    connection: duckdb.DuckDBPyConnection,
    features: list[str],
    transforms: Mapping[str, str],
    day: datetime.date,
    settings: Mapping[str, Any],
) -> np.ndarray:
    """Return the features of at most study.gap_rows customers, drawn by the digest of their numbers."""
    values = ", ".join(
        TRANSFORMS[transforms.get(name)].format(value=FEATURES[name].format(day=day))
        + f" as {name}"
        for name in features
    )
    months = settings["history_months"]
    window = f" and event_at >= date '{day}' - interval {months} month" if months else ""
    columns = connection.execute(
        f"""
        select {", ".join(features)} from (
            select customer_unique_id, {values}, count(*) filter (where kind = 'order') as orders
            from shop_events where customer_unique_id is not null and event_at < date '{day}'{window}
            group by customer_unique_id
            having orders > 0
            order by md5(customer_unique_id), customer_unique_id limit {settings["study"]["gap_rows"]}
        ) order by customer_unique_id
        """
    ).fetchnumpy()
    return np.column_stack([np.asarray(columns[name], dtype=np.float64) for name in features])
