"""The semantic layer: every metric, asked as a person asks, against SQL written by hand."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from conftest import PROJECT, query

MF = Path(sys.executable).with_name("mf")
DBT = Path(sys.executable).with_name("dbt")

pytestmark = [
    pytest.mark.build,
    pytest.mark.skipif(
        not MF.exists(), reason="MetricFlow is not installed; `make metrics` installs it"
    ),
]


class Layer:
    """A copy of the project and of a database: mf reads target/ of the project and locks the file."""

    def __init__(self, folder: Path, database: Path) -> None:
        self.folder = folder
        for name in ("models", "macros", "seeds", "analyses", "python", "tests"):
            (folder / name).symlink_to(PROJECT / name)
        for path in PROJECT.glob("*.yml"):
            shutil.copy(path, folder)
        self.database = folder / "olist.duckdb"
        shutil.copy(database, self.database)
        self.call(str(DBT), "--quiet", "--no-partial-parse", "parse")

    def call(self, *command: str) -> None:
        environment = {name: value for name, value in os.environ.items() if name[:4] != "DBT_"}
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={
                **environment,
                "OLIST_DATABASE": str(self.database),
                "DBT_PROFILES_DIR": str(self.folder),
                "PYTHONPATH": str(PROJECT / "python"),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def ask(self, *metrics: str, by: str | None = None) -> dict[str, list[float]]:
        """Return the values of metrics by group, all under one name when there is no group."""
        answer = self.folder / "answer.csv"
        command = [str(MF), "query", "--metrics", ",".join(metrics), "--csv", str(answer)]
        self.call(*command, *(["--group-by", by] if by else []))
        with answer.open(newline="") as file:
            rows = list(csv.DictReader(file))
        return {
            (row[by] if by else "all"): [float(row[metric] or 0) for metric in metrics]
            for row in rows
        }


@pytest.fixture(scope="module")
def layer(sample_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Layer:
    return Layer(tmp_path_factory.mktemp("semantic"), sample_database)


def by_hand(database: Path, sql: str) -> dict[str, list[float]]:
    return {str(row[0]): [float(value) for value in row[1:]] for row in query(database, sql)}


def assert_same(found: dict[str, list[float]], expected: dict[str, list[float]]) -> None:
    assert found.keys() == expected.keys()
    for key, values in expected.items():
        assert found[key] == pytest.approx(values, rel=1e-9), key


def test_orders_and_money(layer: Layer, sample_database: Path) -> None:
    assert_same(
        layer.ask("revenue", "orders", "average_order_value"),
        by_hand(
            sample_database,
            "select 'all', sum(order_value), count(*), sum(order_value) / count(*) from marts.orders",
        ),
    )


def test_money_by_payment_type_and_by_month(layer: Layer, sample_database: Path) -> None:
    assert_same(
        layer.ask("revenue", by="order__payment_type"),
        by_hand(
            sample_database,
            "select coalesce(main_payment_type, ''), sum(order_value) from marts.orders group by 1",
        ),
    )
    found = layer.ask("orders", by="metric_time__month")
    assert_same(
        {month[:7]: values for month, values in found.items()},
        by_hand(
            sample_database,
            "select strftime(purchased_at, '%Y-%m'), count(*) from marts.orders group by 1",
        ),
    )


def test_people_by_segment(layer: Layer, sample_database: Path) -> None:
    asked = ("customers", "segment_share", "segment_revenue_share", "customer_value")
    assert_same(
        layer.ask(*asked, by="customer__segment"),
        by_hand(
            sample_database,
            "select segment_name, customers, customer_share, revenue_share, revenue"
            " from segmentation.segment_profiles"
            " where as_of_date = (select as_of_date from marts.periods where is_latest)",
        ),
    )


def test_money_of_orders_by_the_segment_of_the_customer(
    layer: Layer, sample_database: Path
) -> None:
    """A join of the two semantic models over the person."""
    assert_same(
        layer.ask("revenue", by="customer__segment"),
        by_hand(
            sample_database,
            "select segments.segment_name, sum(orders.order_value) from marts.orders as orders"
            " inner join segmentation.customer_segments as segments using (customer_unique_id)"
            " where segments.as_of_date = (select as_of_date from marts.periods where is_latest)"
            " group by 1",
        ),
    )


def test_repeat_rate_and_money_at_risk(layer: Layer, sample_database: Path) -> None:
    assert_same(
        layer.ask("repeat_customers", "repeat_rate", "at_risk_revenue", by="customer__region"),
        by_hand(
            sample_database,
            """
            select states.region, count(*) filter (where rfm.frequency > 1),
                count(*) filter (where rfm.frequency > 1) / count(*),
                coalesce(sum(rfm.monetary) filter (
                    where scores.recency_score <= 2 and (rfm.frequency > 1 or scores.monetary_score >= 4)
                ), 0)
            from marts.rfm as rfm
            inner join marts.rfm_scores as scores using (as_of_date, customer_unique_id)
            inner join marts.customers as customers using (customer_unique_id)
            inner join seeds.states as states on customers.customer_state = states.state_code
            where rfm.as_of_date = (select as_of_date from marts.periods where is_latest)
            group by 1
            """,
        ),
    )


def test_every_metric_is_asked_for_here() -> None:
    models = yaml.safe_load((PROJECT / "models" / "bi" / "_metrics.yml").read_text())["models"]
    metrics = {metric["name"] for model in models for metric in model.get("metrics", [])}
    text = Path(__file__).read_text()
    assert {metric for metric in metrics if f'"{metric}"' not in text} == set()
