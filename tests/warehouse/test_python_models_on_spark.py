"""Every Python model in a Spark session, on the tables that DuckDB has built: the same rows, to the last bit."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest

from customer_segmentation.steps.engines import engine_of
from spark_session import INSTALL, spark_session

pytest.importorskip("pyspark", reason=INSTALL)
pytestmark = [pytest.mark.build, pytest.mark.thorough]
PROJECT = Path(__file__).resolve().parents[2]
MODELS = sorted(path.stem for path in (PROJECT / "models").rglob("*.py"))
Run = Callable[..., Any]


@pytest.fixture(scope="module")
def built(run: Run, small_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return what DuckDB has built, and the script that dbt compiles of each Python model."""
    spark_session()
    folder = tmp_path_factory.mktemp("by_duckdb")
    database, target = folder / "olist.duckdb", folder / "target"
    kinds = ("test", "unit_test")
    without = [word for kind in kinds for word in ("--exclude-resource-type", kind)]
    wanted = [f"+{name}" for name in MODELS]
    done = run(
        "dbt", "--quiet", "build", *without, "--select", *wanted,
        raw_dir=small_folder, database=database, DBT_TARGET_PATH=str(target),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    nodes = json.loads((target / "manifest.json").read_text(encoding="utf-8"))["nodes"]
    with duckdb.connect(str(database), read_only=True) as connection:
        yield SimpleNamespace(connection=connection, nodes=nodes)


@pytest.mark.parametrize("name", MODELS)
def test_a_model_gives_the_same_table_on_spark(built: Any, name: str) -> None:
    session = spark_session()
    node = built.nodes[f"model.customer_segmentation.{name}"]

    def table(relation: str) -> Any:
        rows = built.connection.sql(f"from {relation}")
        return engine_of(session).result(rows)

    script: dict[str, Any] = {"__name__": f"dbt_model_{name}"}
    exec(node["compiled_code"], script)
    ours = script["model"](script["dbtObj"](table), session).toArrow()
    expected = f"{node['schema']}.{name}"
    found = built.connection.from_arrow(ours)
    by_duckdb = built.connection.table(expected)
    assert found.columns == by_duckdb.columns
    assert found.types == by_duckdb.types
    assert found.shape == by_duckdb.shape
    assert found.shape[0] > 0
    # What holds hashes of rows holds the engine's own.
    columns = ", ".join(column for column in found.columns if column != "fingerprint")
    for one, other in (("ours", expected), (expected, "ours")):
        rows = f"select {columns} from {one} except all select {columns} from {other}"
        assert built.connection.sql(rows).fetchall() == []
