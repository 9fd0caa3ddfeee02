"""The whole project on Spark, a master and two workers: every public table is DuckDB's, bad rows among the raw ones."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from customer_segmentation.commands.spark import publication
from spark_session import skip_without_spark

pytestmark = [pytest.mark.build, pytest.mark.thorough]
# Rows that no reader splits, that no type takes, and that contradict others.
BAD_ROWS = {
    "olist_orders_dataset": '"a value too few","x"\n',
    "olist_order_payments_dataset": '"unknown order",1,"credit_card",1,10.00\n"x",1,"boleto",1,10.00,"one too many"\n',
    "olist_sellers_dataset": '"abcdefghijklmnop","123","são paulo","SP"\n',
    "olist_order_reviews_dataset": '"r1","unknown order",6,"a\nb","",2018-01-01 00:00:00,2018-01-02 00:00:00\n',
}


def test_every_public_table_is_equal(
    run: Callable[..., Any], small_folder: Path, tmp_path: Path
) -> None:
    skip_without_spark()
    raw = tmp_path / "raw"
    shutil.copytree(small_folder, raw)
    for name, rows in BAD_ROWS.items():
        with (raw / f"{name}.csv").open("a", encoding="utf-8", newline="") as file:
            file.write(rows)
    done = run(
        "customer_segmentation", "parity", "--engine", "spark",
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
    assert len(accounts) == 9
    for name, raw_rows, staged, rejected in accounts:
        assert raw_rows == staged + rejected, name
        assert rejected >= (name in BAD_ROWS), name
