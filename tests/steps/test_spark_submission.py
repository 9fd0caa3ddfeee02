"""Python models in dbt's Spark session: what the adapter does with the script that dbt compiles."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import duckdb
import pytest

from spark_session import INSTALL, spark_session, spark_settings

pytest.importorskip("dbt.adapters.spark", reason=INSTALL)
DbtRuntimeError = pytest.importorskip("dbt_common.exceptions").DbtRuntimeError

# What dbt writes around a model, in short.
SCRIPT = """
import pyarrow as pa


def model(dbt, session):
{body}


df = model(None, spark)
df.write.format("parquet").saveAsTable("{table}")
"""


def submit(name: str, body: str) -> None:
    from dbt.adapters.sparksession.submission import SessionJob

    spark_session()
    credentials = SimpleNamespace(server_side_parameters=spark_settings())
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    job = SessionJob({"alias": name, "unique_id": f"model.tested.{name}"}, credentials)
    job.submit(SCRIPT.format(body=lines, table=f"of_{name}"))


def rows_of(name: str) -> list[Any]:
    return sorted(tuple(row) for row in spark_session().table(f"of_{name}").collect())


def test_dbt_finds_the_adapter_and_it_its_submission() -> None:
    spark_session()
    from dbt.adapters.factory import FACTORY

    FACTORY.load_plugin("sparksession")
    adapter = FACTORY.get_plugin_by_name("sparksession").adapter
    # dbt builds the name of the class from that of its package.
    assert adapter.__name__ == "SparksessionAdapter"
    given = adapter.__new__(adapter)
    helper = given.python_submission_helpers[given.default_python_submission_method]
    assert helper.__module__ == "dbt.adapters.sparksession.submission"


def test_logarithms_are_those_of_duckdb_to_the_last_bit() -> None:
    from dbt.adapters.sparksession.functions import register_functions

    session = spark_session()
    register_functions(session)
    found = session.sql(
        "select id, ln(1 + id / 100D) as of_java, c_logarithm(1 + id / 100D) as log,"
        " c_exponential(c_logarithm(1 + id / 100D)) as back, c_logarithm(null) as unknown from range(5000)"
    ).toArrow()
    same = duckdb.sql(
        "with numbers as (select *, ln(1 + id / cast(100 as double)) as expected from found)"
        " select count(*), bool_and(log = expected), bool_and(back = exp(expected)), bool_and(of_java = expected),"
        " count(unknown) from numbers"
    ).fetchone()
    # Were Spark's own the same, these functions could go.
    assert same == (5000, True, True, False, 0)
    assert found.num_rows == 5000


def test_executors_get_whole_names_of_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    from dbt.adapters.sparksession.connections import SessionCredentials

    monkeypatch.chdir("/usr")
    given = {"spark.executorEnv.PYTHONPATH": "python:/opt/python", "spark.master": "local[1]"}
    read = SessionCredentials(
        method="session", host="localhost", schema="main", server_side_parameters=given
    ).server_side_parameters
    assert read["spark.executorEnv.PYTHONPATH"] == "/usr/python:/opt/python"
    assert read["spark.master"] == "local[1]"


def test_a_model_writes_its_table() -> None:
    submit("plain", "return session.sql('select 1 as number union all select 2')")
    assert rows_of("plain") == [(1,), (2,)]


def test_a_model_runs_in_the_session_that_dbt_uses() -> None:
    session = spark_session()
    session.sql("select 7 as number").createOrReplaceTempView("of_this_session")
    submit("shared", "return session.table('of_this_session')")
    assert rows_of("shared") == [(7,)]


def test_jobs_of_a_model_have_its_name() -> None:
    tracker = spark_session().sparkContext
    submit("named", "return session.range(4).repartition(2)")
    assert tracker.getLocalProperty("spark.job.description") == "model.tested.named"
    submit("other", "return session.range(4)")
    assert tracker.getLocalProperty("spark.job.description") == "model.tested.other"


def test_a_function_of_the_model_reaches_the_executors() -> None:
    submit(
        "mapped",
        "def squared(batches):\n"
        "    for batch in batches:\n"
        "        yield pa.record_batch([pa.array([x.as_py() ** 2 for x in batch['id']])], names=['square'])\n"
        "return session.range(4).mapInArrow(squared, 'square bigint')",
    )
    assert rows_of("mapped") == [(0,), (1,), (4,), (9,)]


def test_this_package_is_there_on_the_executors() -> None:
    submit(
        "packaged",
        "from customer_segmentation.cluster import own_units\n"
        "def named(batches):\n"
        "    for batch in batches:\n"
        "        name = own_units.__module__\n"
        "        yield pa.record_batch([pa.array([name] * len(batch))], names=['name'])\n"
        "return session.range(1).mapInArrow(named, 'name string')",
    )
    assert rows_of("packaged") == [("customer_segmentation.cluster.transforms",)]


def test_what_fails_is_told_with_the_line_of_the_model() -> None:
    with pytest.raises(DbtRuntimeError) as failure:
        submit("failing", "number = 1\nreturn number.no_such_method()")
    message = str(failure.value)
    assert "Python model failed" in message
    assert 'File "<failing>", line 7, in model' in message
    assert "return number.no_such_method()" in message


def test_what_executors_lack_is_told_in_a_sentence() -> None:
    with pytest.raises(DbtRuntimeError) as failure:
        submit(
            "lacking",
            "def lacking(batches):\n"
            "    import no_such_module\n"
            "    yield from batches\n"
            "return session.range(1).mapInArrow(lacking, 'id bigint')",
        )
    message = str(failure.value)
    assert "do not find the Python module no_such_module there: install" in message
    assert "Traceback" not in message


def test_the_driver_that_lacks_a_module_is_told_where() -> None:
    with pytest.raises(DbtRuntimeError, match="No module named 'no_such_module'") as failure:
        submit("without", "import no_such_module\nreturn session.range(1)")
    assert "executors" not in str(failure.value)
