"""Shops made up here, each odd in its own way, through the two commands: a guess, a build, a name for every cluster."""

from __future__ import annotations

import csv
import datetime
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from conftest import Run, query

pytestmark = [pytest.mark.build, pytest.mark.thorough]

FIRST = datetime.date(2023, 1, 2)


def bought_once(draw: np.random.Generator) -> Iterator[tuple]:
    """Everybody ordered once: the number of orders tells nobody apart. The file is a German one."""
    yield ("Bestellnummer", "Kundennummer", "Bestelldatum", "Gesamtbetrag (€)")
    for number in range(1_500):
        day = FIRST + datetime.timedelta(int(draw.integers(150)))
        amount = f"{draw.lognormal(3, 1):,.2f}".translate(str.maketrans(",.", ".,"))
        yield (f"B{number}", f"K{number}", f"{day:%d.%m.%Y}", amount)


def weekly_accounts(draw: np.random.Generator) -> Iterator[tuple]:
    """Companies that order on Mondays, many of them every week, at prices of four decimals."""
    yield ("SalesOrder", "AccountNumber", "OrderDate", "OrderQty", "UnitPrice")
    for account in range(600):
        size, rate = draw.lognormal(4, 1), draw.choice([1, 1, 0.5, 0.2])
        for week in range(int(draw.integers(0, 14)), 22):
            if draw.random() < rate:
                day = FIRST + datetime.timedelta(7 * week)
                yield (
                    f"SO{account}-{week}", f"ACC{account:04}", f"{day:%-m/%-d/%Y}",
                    int(draw.integers(1, 40)), round(size * draw.lognormal(0, 0.3), 4),
                )  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "delimiter", "told", "currency", "is_whole"),
    [
        # One of them with every test, those included that ask nothing of the data.
        (bought_once, ";", "is read as", "EUR", True),
        (weekly_accounts, ",", "written month/day/year", "XXX", False),
    ],
    ids=["bought once", "weekly accounts"],
)
def test_two_commands_lead_to_named_segments(
    run: Run,
    publish: Run,
    tmp_path: Path,
    rows: object,
    delimiter: str,
    told: str,
    currency: str,
    is_whole: bool,
) -> None:
    orders, shop = tmp_path / "orders.csv", tmp_path / "corner.yml"
    with orders.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=delimiter).writerows(rows(np.random.default_rng(3)))
    database = tmp_path / "warehouse" / "corner.duckdb"
    looked = run("customer_segmentation", "shop", str(orders), "--to", str(shop), raw_dir=tmp_path)
    assert looked.returncode == 0, looked.stderr
    assert told in looked.stdout
    assert "found again in 20 resamples" in looked.stdout
    publish("--shop", str(shop), raw_dir=tmp_path, database=database, may_be_partial=not is_whole)
    dates, unsegmented = query(
        database, "select count(*), count(*) - count(model_id) from segmentation.period_models"
    )[0]
    assert dates > 1
    assert not unsegmented
    assert not query(
        database,
        "select as_of_date from segmentation.segment_profiles group by 1"
        " having count(distinct segment_name) != count(*) or count(*) < 2",
    )
    assert query(database, "select currency, data_name from marts.data_origin") == [
        (currency, "corner")
    ]
    assert query(
        database,
        "select count(*) from bi.audience_members"
        " where as_of_date = (select as_of_date from marts.periods where is_latest)",
    ) == query(database, "select count(*) from marts.customers")
