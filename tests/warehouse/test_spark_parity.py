"""The whole project on Spark, a master and two workers: every public table is DuckDB's, bad rows among the raw ones.

Each test is a whole build on both engines. `make spark-test` builds with several settings changed at once;
`make spark-test WHOLE=1` also with the settings as they are stated, and a shop's orders.
"""

from __future__ import annotations

import datetime
import json
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from conftest import SMALL_STUDY
from customer_segmentation.commands.spark import publication
from spark_session import skip_without_spark

pytestmark = [pytest.mark.build, pytest.mark.thorough]
# Rows that no reader splits, that no type takes, and that contradict others.
BAD_ROWS = {
    "olist_orders_dataset": '"a value too few","x"\n',
    "olist_order_payments_dataset": '"unknown order",1,"credit_card",1,10.00\n"x",1,"boleto",1,10.00,"one too many"\n',
    "olist_geolocation_dataset": '"123","x",-46.6,"são paulo","SP"\n',
    "olist_order_reviews_dataset": '"r1","unknown order",6,"a\nb","",2018-01-01 00:00:00,2018-01-02 00:00:00\n',
}


# Several settings at once: each has words of its own somewhere between the raw files and the boards.
AS_STATED: dict[str, Any] = {}
CHANGED = {
    "order_basis": "delivered",
    "history_months": 12,
    "minimum_customers": 100,
    "feature_transforms": {"monetary": "log1p"},
    # Of so few customers, three clusters and more have two of one name.
    "n_clusters": 2,
    "minimum_silhouette": 0.1,
    "comparison_months": 1,
    "first_as_of_date": None,
    # Smaller than as stated, and at every date.
    "study": {"interval_months": None, **SMALL_STUDY},
}


@pytest.mark.parametrize("settings", [AS_STATED, CHANGED], ids=["as_stated", "changed"])
def test_every_public_table_is_equal(
    run: Callable[..., Any], small_folder: Path, tmp_path: Path, settings: dict[str, Any]
) -> None:
    skip_without_spark()
    raw = tmp_path / "raw"
    shutil.copytree(small_folder, raw)
    for name, rows in BAD_ROWS.items():
        with (raw / f"{name}.csv").open("a", encoding="utf-8", newline="") as file:
            file.write(rows)
    options = shlex.join(["--vars", json.dumps(settings)]) if settings else ""
    done = run(
        "customer_segmentation", "parity", "--engine", "spark", f"--options={options}",
        raw_dir=raw, database=tmp_path / "olist.duckdb",
        SEGMENTATION_SPARK_MASTER="local-cluster[2,1,1024]",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert ", 0 different, " in done.stdout
    place = publication.find_place(tmp_path / "parity" / "olist.duckdb", {})
    with duckdb.connect(str(place.published), read_only=True) as reader:
        accounts = reader.execute(
            "select file_name, raw_rows, staged_rows, rejected_rows from staging.raw_loads"
        ).fetchall()
        modes = reader.execute(
            "select distinct refresh_mode from segmentation.period_models"
        ).fetchall()
        segmented = reader.execute(
            "select count(distinct segment_code) from segmentation.customer_segments"
        ).fetchone()
    assert len(accounts) == 9
    for name, raw_rows, staged, rejected in accounts:
        assert raw_rows == staged + rejected, name
        assert rejected >= (name in BAD_ROWS), name
    assert modes == [("as_decided",)]
    assert segmented is not None
    assert segmented[0] > 1


def corner_shop(folder: Path) -> dict[str, Any]:
    """Write a shop's orders as a till does, reviews in a file of their own, and return the vars that read them."""
    lines = ["roll,card,sold,pieces,price,state,branch,paid"]
    for number in range(1600):
        day = datetime.date(2021, 1, 1) + datetime.timedelta(number * 7919 % 200)
        card = "" if number % 97 == 0 else f"k{number * 31 % 700}"
        # Parts of a cent, so that what is rounded when shows.
        price = f"{(number * 37 % 5000) / 64:.4f}".replace(".", ",")
        status = "refunded" if number % 53 == 0 else "paid"
        lines.append(
            f'r{number},{card},{day:%d/%m/%Y},{1 + number % 3},"{price}",{"Kent" if number % 2 else ""},'
            f"branch {number % 4},{status}"
        )
    lines += ['r1,k31,,1,"1,00",Kent,branch 1,paid', 'r9999,k2,01/02/2021,1,"",,,paid']
    (folder / "rolls.csv").write_text("\n".join(lines), encoding="utf-8")
    answered = [f"r{number},{1 + number % 5},2021-0{1 + number % 7}-15" for number in range(900)]
    (folder / "stars.csv").write_text("\n".join(["roll,stars,at", *answered]), encoding="utf-8")
    return {
        "adapter": "orders",
        "shop": {
            "name": "corner",
            "orders": str(folder / "rolls.csv"),
            "order_id": "roll",
            "customer_id": "card",
            "ordered_at": "sold",
            "amount": "pieces * try_cast(replace(price, ',', '.') as double)",
            "status": "paid",
            "refund_statuses": ["refunded"],
            "traits": {"state": "state", "branch": "branch", "group": "branch"},
            "reviews": {
                "from": str(folder / "stars.csv"),
                "order_id": "roll",
                "score": "stars",
                "answered_at": "at",
            },
        },
        "minimum_silhouette": 0.1,
        "study": CHANGED["study"],
    }


def test_the_tables_of_a_shop_are_equal(run: Callable[..., Any], tmp_path: Path) -> None:
    skip_without_spark()
    settings = corner_shop(tmp_path)
    done = run(
        "customer_segmentation", "parity", "--engine", "spark",
        f"--options={shlex.join(['--vars', json.dumps(settings)])}",
        database=tmp_path / "corner.duckdb",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert ", 0 different, " in done.stdout
    place = publication.find_place(tmp_path / "parity" / "corner.duckdb", {})
    with duckdb.connect(str(place.published), read_only=True) as reader:
        found = reader.execute(
            "select count(*), count(amount), count(trait_state), count(is_refund_status or null)"
            " from input_work.shop_lines"
        ).fetchone()
        (reviews,) = reader.execute("select count(*) from input.input_reviews").fetchone() or ()
        (segments,) = (
            reader.execute(
                "select count(distinct segment_code) from segmentation.customer_segments"
            ).fetchone()
            or ()
        )
    assert found == (1602, 1601, 801, 31)
    assert reviews > 0
    assert segments > 1
    # What was read into Parquet first is gone.
    assert not list(place.builds.glob("*.shop")) + list(place.builds.glob("*.reviews"))
