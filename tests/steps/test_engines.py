"""What Python models ask of an engine: the same answers from DuckDB and from Spark."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from customer_segmentation.steps.engines import Engine, engine_of, of_date
from customer_segmentation.steps.frames import quantile_reader
from customer_segmentation.steps.panel import read_panel
from customer_segmentation.steps.study.traits import (
    count_traits,
    described_customers,
    other_traits,
    traits_of,
)
from spark_session import spark_session

Query = Callable[..., pd.DataFrame]

VALUES = (
    "select * from (values"
    " (date '2018-02-01', 'b', cast(2 as int), cast(2.5 as double), true, cast(1.25 as decimal(14, 2)),"
    " timestamp '2018-01-31 23:59:59'),"
    " (date '2018-01-01', 'é', cast(null as int), cast(null as double), cast(null as boolean),"
    " cast(null as decimal(14, 2)), cast(null as timestamp)),"
    " (date '2018-02-01', cast(null as string), cast(-1 as int), cast('NaN' as double), false,"
    " cast(13664.08 as decimal(14, 2)), timestamp '1900-01-01 00:00:00'))"
    " as given(as_of_date, name, whole, number, is_so, money, time)"
)


def of_duckdb() -> Engine:
    return engine_of(duckdb.connect())


def of_spark() -> Engine:
    return engine_of(spark_session())


@pytest.fixture(params=[of_duckdb, of_spark], ids=["duckdb", "spark"])
def engine(request: pytest.FixtureRequest) -> Engine:
    return request.param()


def written(engine: Engine, result: Any) -> Any:
    """Return the table that dbt writes of what a model returned."""
    name = f"written_{uuid.uuid4().hex}"
    if isinstance(result, pa.RecordBatchReader | duckdb.DuckDBPyRelation):
        engine.local.execute(f"create table {name} as from result")
        return engine.local.table(name)
    result.write.format("parquet").saveAsTable(name)
    return spark_session().table(name)


def read(engine: Engine, result: Any) -> pd.DataFrame:
    return engine.frame(written(engine, result))


def test_a_frame_has_the_types_that_duckdb_gives_it(engine: Engine) -> None:
    found = engine.frame(engine.query(VALUES), order="as_of_date, money")
    expected = duckdb.sql(f"{VALUES} order by as_of_date, money").df()
    pd.testing.assert_frame_equal(found, expected)
    # So that the comparison compares something.
    assert (
        found["as_of_date"].tolist()
        == [pd.Timestamp("2018-01-01")] + [pd.Timestamp("2018-02-01")] * 2
    )
    assert found["time"].iloc[1] == pd.Timestamp("2018-01-31 23:59:59")
    assert found["money"].tolist()[1:] == [1.25, 13664.08]
    assert found["whole"].tolist()[1:] == [2, -1]


def test_a_frame_without_rows_has_them_too(engine: Engine) -> None:
    found = engine.frame(engine.query(VALUES), where="whole > 5")
    pd.testing.assert_frame_equal(found, duckdb.sql(f"{VALUES} where whole > 5").df())
    assert len(found.columns) == 7


def test_rows_of_a_date_are_a_matrix_in_a_stated_order(engine: Engine) -> None:
    customers = engine.query(
        "select * from (values (date '2018-01-01', 'c', 3, cast(30 as double), true),"
        " (date '2018-01-01', 'a', 1, cast(0.1 as double), true),"
        " (date '2018-01-01', 'B', 2, cast(20 as double), true),"
        " (date '2018-01-01', 'é', 4, cast(40 as double), true),"
        " (date '2018-01-01', 'd', 9, cast(90 as double), false),"
        " (date '2018-02-01', 'a', 9, cast(90 as double), true))"
        " as given(as_of_date, customer_unique_id, frequency, monetary, is_in_fit)"
    )
    day = pd.Timestamp("2018-01-01")
    found = engine.matrix(
        customers,
        ["monetary", "frequency"],
        where=f"is_in_fit and {of_date(day)}",
        order="customer_unique_id",
    )
    # By the bytes of the number, as both engines sort.
    np.testing.assert_array_equal(found, [[20, 2], [0.1, 1], [30, 3], [40, 4]])
    assert found.dtype == np.float64
    columns = engine.arrays(customers, ["is_in_fit", "frequency"], order="as_of_date, monetary")
    assert columns["is_in_fit"].tolist() == [True, True, True, True, False, True]
    assert columns["frequency"].dtype == np.int32


def test_of_no_date_there_are_no_rows(engine: Engine) -> None:
    assert engine.frame(engine.query(VALUES), where=of_date(None)).empty
    assert len(engine.frame(engine.query(VALUES), where=of_date(datetime.date(2018, 2, 1)))) == 2


def test_the_only_row_is_a_tuple(engine: Engine) -> None:
    values = engine.query(VALUES)
    counted = engine.row(values, ["max(as_of_date)", "count(*)", "count(number)"])
    assert counted == (datetime.date(2018, 2, 1), 3, 2)
    assert engine.row(values, ["max(as_of_date)"], where="whole > 5") == (None,)
    assert engine.row(values, ["name"], where="whole > 5") is None


def test_a_query_names_relations_and_is_one(engine: Engine) -> None:
    left = engine.query("select * from (values (1, 'a'), (2, 'b')) as given(number, name)")
    right = engine.query("select * from (values (2, 5.0), (3, 6.0)) as given(number, amount)")
    joined = engine.query(
        "select * from {left} as one inner join {right} as other using (number)",
        left=left,
        right=right,
    )
    again = engine.query("select number + 1 as number, name from {joined} as joined", joined=joined)
    assert list(joined.columns) == ["number", "name", "amount"]
    assert engine.row(again) == (3, "b")


COLUMNS = {
    "day": "date",
    "text": "string",
    "empty": "string",
    "whole": "int",
    "large": "bigint",
    "number": "double",
    "is_so": "boolean",
    "numbers": "double[]",
}


def frame_of_all_types() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "number": [0.1, np.nan, 1e300],
            "whole": [1, None, 3],
            "day": [datetime.date(2018, 1, 1), None, datetime.date(2018, 3, 1)],
            "text": ["it's", None, "é"],
            "empty": [None, None, None],
            "large": [2**40, 2, 3],
            "is_so": [True, False, None],
            "numbers": [[0.1, 0.2], None, []],
        },
        dtype=object,
    )


def test_a_table_has_the_stated_types(engine: Engine) -> None:
    found = read(engine, engine.table(frame_of_all_types(), COLUMNS))
    reference = of_duckdb()
    expected = read(reference, reference.table(frame_of_all_types(), COLUMNS))
    pd.testing.assert_frame_equal(found, expected)
    assert list(found.columns) == list(COLUMNS)
    assert found["numbers"].iloc[0].tolist() == [0.1, 0.2]
    assert found["large"].tolist() == [2**40, 2, 3]
    assert found["empty"].isna().all()


def test_a_table_without_rows_has_them_too(engine: Engine) -> None:
    table = engine.table(pd.DataFrame(columns=list(COLUMNS)), COLUMNS)
    found = read(engine, table)
    assert found.empty
    reference = of_duckdb()
    expected = read(reference, reference.table(frame_of_all_types()[:0], COLUMNS))
    pd.testing.assert_frame_equal(found, expected)


def test_what_cannot_be_cast_is_not_lost(engine: Engine) -> None:
    with pytest.raises(duckdb.ConversionException, match="ten"):
        read(engine, engine.table(pd.DataFrame({"whole": ["1", "ten"]}), {"whole": "int"}))


def test_several_frames_are_one_row_of_lists(engine: Engine) -> None:
    kinds = {"name": "string", "value": "double", "day": "date"}
    rows = pd.DataFrame(
        {"name": ["a", None], "value": [1, 2.5], "day": [datetime.date(2018, 1, 1), None]}
    )
    whole = written(
        engine, engine.row_of_lists("key", given=(rows, kinds), nothing=(rows[:0], kinds))
    )
    assert engine.row(whole, ["count(*)", "count(given)", "count(nothing)"]) == (1, 1, 0)
    assert engine.row(whole, ["fingerprint"]) == ("key",)
    found = engine.frame(whole, [engine.rows_of_list("given")])
    assert found["name"].tolist()[0] == "a"
    assert found["name"].isna().tolist() == [False, True]
    assert found["value"].tolist() == [1, 2.5]
    assert found["day"].dt.day.tolist()[0] == 1
    assert engine.frame(whole, [engine.rows_of_list("nothing")]).empty


def test_a_row_becomes_several(engine: Engine) -> None:
    given = engine.query("select * from (values (1, 'a'), (2, 'b')) as given(number, name)")
    each = engine.row_of_each(
        [
            {"kind": "'name'", "value": "name"},
            {"kind": "'it''s'", "value": "cast(number as string)"},
        ]
    )
    found = engine.frame(
        engine.query(f"select number, {each} from {{given}} as given", given=given)
    )
    assert list(found.columns) == ["number", "kind", "value"]
    rows = sorted(found.itertuples(index=False, name=None))
    assert rows == [(1, "it's", "1"), (1, "name", "a"), (2, "it's", "2"), (2, "name", "b")]


def test_a_day_of_the_week_has_its_english_name(engine: Engine) -> None:
    days = engine.query(
        "select * from (values "
        + ", ".join(f"(timestamp '2018-01-{day:02} 23:59:59')" for day in range(1, 8))
        + ") as given(time)"
    )
    found = engine.frame(days, [f"{engine.weekday_name('time')} as name", "time"], order="time")
    assert found["name"].tolist() == [
        "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
    ]  # fmt: skip


def test_traits_of_a_json_object_are_named_and_read(engine: Engine) -> None:
    said = ['{"branch": "it\'s", "size": null}', '{"branch": "b", "size": "1"}', None]
    given = pd.DataFrame({"number": [1, 2, 3], "other_traits": said})
    types = {"number": "int", "other_traits": "varchar"}
    facts = written(engine, engine.table(given, types))
    traits = {
        trait.name: trait.expression for trait in traits_of({}, others=other_traits(engine, facts))
    }
    named = [f"{traits[name]} as {name}" for name in ("branch", "size")]
    found = engine.frame(facts, named, order="number")
    assert found.to_dict("list") == {
        "branch": ["it's", "b", "unknown"],
        "size": ["unknown", "1", "unknown"],
    }


@pytest.mark.parametrize(
    ("rows", "is_same"),
    [
        ("(2, 'b'), (1, 'a'), (1, 'a')", True),
        ("(1, 'a'), (2, 'b')", False),
        ("(1, 'a'), (1, 'a'), (2, 'c')", False),
        ("(1, 'a'), (1, 'a'), (2, null)", False),
        ("(2, 'b'), (2, 'b'), (2, 'b')", False),
    ],
)
def test_a_fingerprint_changes_with_the_rows_and_not_with_their_order(
    engine: Engine, rows: str, is_same: bool
) -> None:
    def fingerprint(values: str) -> str:
        given = engine.query(f"select * from (values {values}) as given(number, name)")
        (found,) = engine.row(given, [engine.rows_fingerprint(["number", "name"])])
        return found

    assert (fingerprint(rows) == fingerprint("(1, 'a'), (1, 'a'), (2, 'b')")) is is_same


@pytest.mark.parametrize("rows", [0, 1, 1000])
def test_a_function_runs_over_all_rows(engine: Engine, rows: int) -> None:
    frame = pd.DataFrame({"key": [f"{i}" for i in range(1000)], "number": np.arange(1000.0) - 1})
    given = engine.query(
        f"select * from {{given}} as given where number < {rows - 1}",
        given=written(engine, engine.table(frame, {"key": "string", "number": "double"})),
    )
    factor = 2.0

    # Within the test, so that executors need not find this file.
    def doubled(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            number = batch.column("number").to_numpy() * factor
            signs = pa.array(np.sign(number) > 0)
            yield pa.record_batch(
                [batch.column("key"), pa.array(number), signs], names=["key", "number", "sign"]
            )

    kinds = {"key": "string", "number": "double", "sign": "boolean"}
    found = read(engine, engine.map_batches(given, doubled, kinds))
    found = found.sort_values("number", ignore_index=True)
    assert len(found) == rows
    assert found["number"].tolist() == (2 * frame["number"][:rows]).tolist()
    assert found["key"].tolist() == frame["key"][:rows].tolist()
    assert found["sign"].tolist() == (frame["number"][:rows] > 0).tolist()


def test_what_the_last_build_left_is_found() -> None:
    engine = of_duckdb()
    this = SimpleNamespace(schema="work", identifier="fits")
    assert engine.previous_rows(this) is None
    engine.local.execute("create schema work; create table work.fits as select 1 as number")
    found = engine.previous_rows(this)
    assert found is not None
    assert found["number"].tolist() == [1]


def test_on_spark_it_is_found_in_the_build_that_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = of_spark()
    this = SimpleNamespace(schema="work", identifier="fits")
    monkeypatch.delenv("SEGMENTATION_REUSED_BUILD", raising=False)
    assert engine.previous_rows(this) is None
    monkeypatch.setenv("SEGMENTATION_REUSED_BUILD", str(tmp_path))
    assert engine.previous_rows(this) is None
    left = engine.table(frame_of_all_types(), COLUMNS)
    left.write.format("parquet").save(str(tmp_path / "work.db" / "fits"))
    reference = of_duckdb()
    expected = read(reference, reference.table(frame_of_all_types(), COLUMNS))
    found = engine.previous_rows(this)
    assert found is not None
    pd.testing.assert_frame_equal(
        found.sort_values("large", ignore_index=True),
        expected.sort_values("large", ignore_index=True),
    )


def customers_of(engine: Engine) -> Any:
    rows = pd.DataFrame(
        [
            (f"2018-0{month}-01", f"c{number}", 10.0 * number + month, 1.0 / (number + 1), number % 7 != 0)
            for month in (1, 2, 3)
            for number in range(60)
            if number % 3 < month
        ],
        columns=["as_of_date", "customer_unique_id", "recency_days", "monetary", "is_in_fit"],
    )  # fmt: skip
    kinds = ["date", "string", "double", "double", "boolean"]
    table = written(engine, engine.table(rows, dict(zip(rows.columns, kinds, strict=True))))
    return engine.query(
        "select *, recency_days as recency_days_in_own_unit from {rows} as rows_given", rows=table
    )


def test_a_panel_is_the_same_from_spark() -> None:
    panels = []
    for engine in (of_duckdb(), of_spark()):
        shares = engine.query(
            "select * from (values (date '2018-01-01', 0, 'g'), (date '2018-02-01', 1, '80000000'),"
            " (date '2018-03-01', 0, 'g')) as given(as_of_date, halvings, digest_below)"
        )
        customers = customers_of(engine)
        panels.append(read_panel(engine, customers, ["monetary", "recency_days"], shares=shares))
    ours, other = panels
    assert list(ours.crosses) == list(other.crosses)
    assert [len(cross.person) for cross in ours.crosses.values()] == [20, 17, 60]
    for day, cross in ours.crosses.items():
        np.testing.assert_array_equal(cross.person, other.at(day).person)
        np.testing.assert_array_equal(cross.X, other.at(day).X)
        np.testing.assert_array_equal(cross.is_in_fit, other.at(day).is_in_fit)


def test_quantiles_are_the_same_from_spark() -> None:
    ours, other = (
        quantile_reader(
            engine,
            customers_of(engine),
            features=["recency_days"],
            transforms={"recency_days": "quantile"},
        )(pd.Timestamp("2018-02-01"))["recency_days"]
        for engine in (of_duckdb(), of_spark())
    )
    assert len(ours[0]) == 34
    np.testing.assert_array_equal(ours, other)


def test_traits_are_counted_alike_on_spark() -> None:
    features = {"freight_share": {"bands": [0.1, 0.2]}, "customers_in_city": {"bands": [10, 100]}}
    counted = []
    for engine in (of_duckdb(), of_spark()):
        facts = engine.query(
            "select *, 'SP' as customer_state, 'voucher' as main_payment_type, cast(2 as bigint) as delivered_orders,"
            " cast(1 as int) as late_orders, timestamp '2017-12-31 10:00:00' as first_purchased_at from (values"
            " (date '2018-01-01', 'a', cast(null as string), 'toys', cast(0.1 as double), 10, 1, 1,"
            " timestamp '2018-01-06 11:59:59'),"
            " (date '2018-01-01', 'b', 'South', 'toys', cast(0.3 as double), 5000, 4, 3,"
            " timestamp '2018-01-07 23:00:00'),"
            " (date '2018-01-01', 'c', 'South', null, cast(null as double), 11, 0, 0,"
            " timestamp '2018-01-08 00:00:00'),"
            " (date '2018-02-01', 'a', 'South', 'toys', cast(0.2 as double), 10, 1, 1,"
            " timestamp '2018-01-06 11:59:59'))"
            " as given(as_of_date, customer_unique_id, region, main_category, freight_share, customers_in_city,"
            " reviews, bad_reviews, last_purchased_at)"
        )
        keys = "as_of_date, customer_unique_id"
        customers = described_customers(
            engine,
            periods=engine.query(
                "select date '2018-01-01' as as_of_date, true as is_described"
                " union all select date '2018-02-01', false"
            ),
            segments=engine.query(
                f"select {keys}, 0 as cluster, 'all' as segment_name from {{facts}} as facts",
                facts=facts,
            ),
            facts=facts,
            rfm=engine.query(
                f"select {keys}, cast(3 as double) as average_review_score from {{facts}} as facts",
                facts=facts,
            ),
        )
        found = count_traits(engine, customers, traits_of(features))
        counted.append(found.sort_values(["trait", "value"], ignore_index=True))
    pd.testing.assert_frame_equal(*counted)
    of = counted[0].set_index(["trait", "value"])["cases"]
    assert of["last_purchase_weekday"].to_dict() == {"Monday": 1, "Saturday": 1, "Sunday": 1}
    assert of["review_of_an_order"].to_dict() == {"1 or 2": 4, "3 to 5": 1}
    assert of["freight_share"].to_dict() == {
        "1. up to 0.1": 1, "3. above 0.2": 1, "unknown": 1,
    }  # fmt: skip
    assert of["first_order_quarter"].to_dict() == {"2017-Q4": 3}
