"""What sets segments apart is taken over from the last build when nothing behind it has changed, and only then."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Callable
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
from test_engines import of_duckdb, of_spark, written

from customer_segmentation.steps.engines import Engine
from customer_segmentation.steps.study import description
from customer_segmentation.steps.study.description import (
    DESCRIPTION_COLUMNS,
    DescriptionSettings,
    describe_segments,
)

DAY, EARLIER = datetime.date(2018, 1, 1), datetime.date(2017, 12, 1)
KEY = {"as_of_date": "date", "customer_unique_id": "string"}
TYPES = {
    "periods": {"as_of_date": "date", "is_described": "boolean"},
    "segments": KEY | {"cluster": "int", "segment_name": "string"},
    "rfm": KEY | {"average_review_score": "double", "recency_days": "int", "monetary": "double"},
    "segmented": KEY
    | {
        "cluster": "int",
        "is_in_fit": "boolean",
        "recency_days": "double",
        "monetary": "double",
        "freight_share": "double",
    },
    "facts": KEY
    | {
        "customer_state": "string",
        "region": "string",
        "main_category": "string",
        "main_payment_type": "string",
        "other_traits": "string",
        "freight_share": "double",
        "reviews": "int",
        "bad_reviews": "int",
        "delivered_orders": "bigint",
        "late_orders": "int",
        "first_purchased_at": "timestamp",
        "last_purchased_at": "timestamp",
    },
}
FEATURES = {
    "recency_days": {"of": "rfm"},
    "monetary": {"of": "rfm"},
    "freight_share": {
        "of": "customer_facts",
        "is_held_out": True,
        "bands": [0.1, 0.2],
        "follows_from": ["monetary"],
        "because": "the amount is in its denominator",
    },
}
SETTINGS = DescriptionSettings(made_by=("recency_days", "monetary"), robust=(), features=FEATURES)
Tables = dict[str, pd.DataFrame]


def tables() -> Tables:
    """Return 40 customers of two segments at the date described, some of them at an earlier one."""
    rng = np.random.default_rng(3)
    frames: Tables = {
        "periods": pd.DataFrame({"as_of_date": [EARLIER, DAY], "is_described": [False, True]})
    }
    whole = pd.DataFrame(
        [
            (day, f"c{number}")
            for day, count in ((EARLIER, 9), (DAY, 40))
            for number in range(count)
        ],
        columns=list(KEY),
    )
    number = np.arange(len(whole))
    whole = whole.assign(
        cluster=number % 2,
        segment_name=np.where(number % 2, "Big spenders", "One-time buyers"),
        is_in_fit=number % 11 > 0,
        recency_days=rng.integers(1, 400, len(whole)),
        monetary=rng.lognormal(4, 1, len(whole)).round(2) * (1 + number % 2),
        freight_share=rng.uniform(0, 0.3, len(whole)),
        average_review_score=5.0 - number % 4,
        customer_state=np.where(number % 3, "SP", "RJ"),
        region="Southeast",
        main_category=np.where(number % 5, "toys", None),
        main_payment_type="voucher",
        other_traits=None,
        reviews=number % 3,
        bad_reviews=np.where(number % 3 == 2, 1, 0),
        delivered_orders=2,
        late_orders=number % 2,
        first_purchased_at=pd.Timestamp("2017-06-01"),
        last_purchased_at=pd.Timestamp("2017-11-01") + pd.to_timedelta(number, unit="h"),
    )
    for name, types in TYPES.items():
        if name != "periods":
            frames[name] = whole[list(types)]
    # Measured are fewer than all.
    measured = frames["segmented"]
    frames["segmented"] = measured[
        (measured["as_of_date"] == DAY) & (measured["customer_unique_id"] != "c39")
    ]
    return frames


def described(
    engine: Engine, given: Tables, settings: DescriptionSettings, previous: Any = None
) -> pd.DataFrame:
    """Return the one row, as dbt would write it."""
    relations = {
        name: written(engine, engine.table(given[name], types)) for name, types in TYPES.items()
    }
    result = describe_segments(engine, **relations, settings=settings, previous=previous)
    return engine.collected(result).df()


def lists_of(row: pd.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """Return the lists of the row, so that they can be compared."""
    return {name: list(row[name].iloc[0]) for name in DESCRIPTION_COLUMNS[:-1]}


def last_build(row: pd.DataFrame) -> Any:
    """Return a row as the last build's table; a mark shows that it is this very one."""
    with_mark = row.assign(traits=[list(row["traits"].iloc[0])[:1]])
    return duckdb.connect().from_df(with_mark)


def with_value(name: str, column: str, value: Any, *, row: int = -1) -> Callable[[Tables], None]:
    """Return what sets one value of a table."""

    def change(given: Tables) -> None:
        frame = given[name].reset_index(drop=True).copy()
        frame.loc[len(frame) + row if row < 0 else row, column] = value
        given[name] = frame

    return change


def without_a_row(name: str) -> Callable[[Tables], None]:
    def change(given: Tables) -> None:
        given[name] = given[name].iloc[:-1]

    return change


def with_another_name(given: Tables) -> None:
    """Give a cluster another name; all in it have the same."""
    segments = given["segments"]
    names = segments["segment_name"].mask(segments["cluster"] == 1, "Others")
    given["segments"] = segments.assign(segment_name=names)


@pytest.fixture(scope="module")
def computed() -> pd.DataFrame:
    return described(of_duckdb(), tables(), SETTINGS)


def test_what_sets_segments_apart_is_one_row(computed: pd.DataFrame) -> None:
    assert list(computed.columns) == list(DESCRIPTION_COLUMNS)
    assert len(computed) == 1
    lists = lists_of(computed)
    assert {one["feature"] for one in lists["separation"]} == {
        "recency_days", "monetary", "freight_share",
    }  # fmt: skip
    assert {(one["axis"], one["feature"]) for one in lists["axes"]} == {
        (axis, feature) for axis in (1, 2) for feature in SETTINGS.made_by
    }
    counted = {
        (one["cluster"], one["value"]): one["customers"]
        for one in lists["traits"]
        if one["trait"] == "state"
    }
    # Of all customers of the date, the one who is not measured too.
    assert sum(counted.values()) == 40


@pytest.mark.parametrize("make", [of_duckdb, of_spark], ids=["duckdb", "spark"])
def test_the_row_of_the_last_build_is_taken_over_when_nothing_has_changed(
    make: Callable[[], Engine],
) -> None:
    first = described(make(), tables(), SETTINGS)
    kept = last_build(first)
    again = described(make(), tables(), SETTINGS, kept)
    assert len(lists_of(again)["traits"]) == 1
    assert again["fingerprint"].tolist() == first["fingerprint"].tolist()
    # The order of the rows says nothing.
    shuffled = {name: frame.sample(frac=1, random_state=1) for name, frame in tables().items()}
    assert len(lists_of(described(make(), shuffled, SETTINGS, kept))["traits"]) == 1
    # One that was written with other columns is not looked at.
    for other in (kept.project("* exclude (axes)"), kept.project("*, 1 as another")):
        assert len(lists_of(described(make(), tables(), SETTINGS, other))["traits"]) > 1


@pytest.mark.parametrize(
    "change",
    [
        with_value("segmented", "cluster", 0),
        with_value("segmented", "is_in_fit", False),
        with_value("segmented", "monetary", 1.5),
        with_value("segmented", "freight_share", None),
        without_a_row("segmented"),
        with_another_name,
        with_value("segments", "cluster", 2),
        with_value("facts", "customer_state", "MG"),
        with_value("facts", "bad_reviews", 0, row=-5),
        with_value("facts", "last_purchased_at", pd.Timestamp("2017-12-03")),
        with_value("facts", "other_traits", '{"colour": "red"}'),
        # The name of a trait counts, whenever somebody had it.
        with_value("facts", "other_traits", '{"colour": "red"}', row=0),
        with_value("rfm", "average_review_score", 1.0),
        with_value("rfm", "recency_days", 7),
        with_value("periods", "as_of_date", datetime.date(2018, 2, 1)),
    ],
)
def test_any_row_that_changes_is_described_anew(
    change: Callable[[Tables], None], computed: pd.DataFrame
) -> None:
    given = tables()
    change(given)
    found = described(of_duckdb(), given, SETTINGS, last_build(computed))
    # A row that is taken over comes with its fingerprint.
    assert found["fingerprint"].tolist() != computed["fingerprint"].tolist()


@pytest.mark.parametrize(
    "settings",
    [
        dataclasses.replace(SETTINGS, made_by=("monetary", "recency_days")),
        dataclasses.replace(SETTINGS, robust=(1,)),
        dataclasses.replace(
            SETTINGS, features=FEATURES | {"freight_share": FEATURES["freight_share"] | {"bands": [0.1]}}
        ),
        dataclasses.replace(
            SETTINGS,
            features=FEATURES | {"freight_share": {"of": "customer_facts", "bands": [0.1, 0.2]}},
        ),
        dataclasses.replace(
            SETTINGS, features=FEATURES | {"monetary": {"of": "rfm", "because": "it is so"}}
        ),
    ],
)  # fmt: skip
def test_any_setting_that_changes_describes_anew(
    settings: DescriptionSettings, computed: pd.DataFrame
) -> None:
    found = described(of_duckdb(), tables(), settings, last_build(computed))
    # A row that is taken over comes with its fingerprint.
    assert found["fingerprint"].tolist() != computed["fingerprint"].tolist()


def test_what_is_described_anew_has_nothing_of_the_last_row(computed: pd.DataFrame) -> None:
    given = tables()
    with_another_name(given)
    found = described(of_duckdb(), given, SETTINGS, last_build(computed))
    pd.testing.assert_frame_equal(found, described(of_duckdb(), given, SETTINGS))


def test_code_and_engine_that_change_describe_anew(
    computed: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = last_build(computed)
    with monkeypatch.context() as patch:
        patch.setattr(description, "code_and_libraries", lambda module: "other code")
        assert len(lists_of(described(of_duckdb(), tables(), SETTINGS, kept))["traits"]) > 1
    with monkeypatch.context() as patch:
        patch.setattr(Engine, "queries_fingerprint", lambda self: "another version")
        assert len(lists_of(described(of_duckdb(), tables(), SETTINGS, kept))["traits"]) > 1


def test_settings_come_from_the_project() -> None:
    settings = {
        "segmentation_features": ["recency_days", "monetary"],
        "feature_transforms": {"monetary": "robust", "recency_days": "log1p"},
    }
    found = DescriptionSettings.from_settings(settings, features=FEATURES)
    assert found == dataclasses.replace(SETTINGS, robust=(1,))
