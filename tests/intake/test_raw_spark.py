"""Spark reads raw files as DuckDB does: the same rows, values and types; what one refuses, the other does."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from customer_segmentation.intake import NUMBER, raw_folder, spark_reading
from customer_segmentation.intake.raw_csv import CsvFile
from customer_segmentation.intake.raw_table import table_sql
from customer_segmentation.intake.raw_text import RawFileError
from engine_macros import rendered
from spark_session import skip_without_spark, spark_session

NEEDED = {"id": "", "amount": "decimal(14, 2)", "note": ""}
GOOD = "id,amount,note\n1,2.50,plain\n"
# Files after the header and the first row, and how many of their records are refused.
FILES = {
    "values in quotes": ('2,3.50,"a, b"\n3,,"says ""no"""\n', 0),
    "nothing, with quotes and without": ('2,"",""\n3,,\n', 0),
    "line breaks in quotes": ('2,1.00,"one\ntwo\n\nfour"\n3,2.00,x\n', 0),
    "a value too few": ("2,3.50\n3,1.00,x\n", 1),
    "a value too many": ("2,3.50,x,y\n3,1.00,x\n", 1),
    "blank lines": ("\n\n2,3.50,x\n\n", 0),
    "blanks around values": (" 2 , 3.50 , x \n", 0),
    "accents and signs": ("2,1.00,São Tomé — ☕\n", 0),
    "backslashes": ("2,1.00,a\\b\n3,1.00,\\N\n", 0),
    "no line end at the end": ("2,1.00,x", 0),
}
TEXTS = [
    "", " ", "0", "1", "-1", "+1", "007", "1.0", "1.00000", "1.5", "4.0", "4.5", "1_000", "1e3", "1E+2", "0x1F",
    "1d", "1.5f", "NaN", "nan", "Infinity", "-inf", "2147483647", "2147483648", "99999999999999", "1.", ".5", "-.5",
    "12.345", "12.34", "21.580000000000002", "0.005", "-0.01", "1,5", "1 000", "12345", "1234", "123456", "0123",
    "null", "NULL", "<NA>", "n/a", "-", "--", "?", "\\N", "None", "a", " a ", "\u00a0a\u200b", "abcdefghijk",
    " abcdefghijk", "São Paulo da Cruz",
    "2018-01-01", "2018-1-5", "2018-01-01 10:00:00", "2018-01-01T10:00:00", "2018-01-01 10:00", "2018-01-01 1:2:3",
    "2018-01-01 10:00:00.5", "2018-01-01 10:00:00.123456", "2018-02-29", "2018-13-01", "2018-01-01 25:00:00",
    "2018", "2018-01", "10:00:00", "01/02/2018", "2018/01/02", "2018-01-01 10:00:00Z", "2018-01-01 10:00:00-03:00",
    "2018-01-01 10:00:00 +0000", "2018-01-01 10:00:00 UTC", "2018-01-01 10:00:00+02", "2018-01-01T10:00:00.5Z",
    "2018-01-01 10:00:00 am", "20180101", "0001-01-01", "9999-12-31 23:59:59", "epoch", "infinity", "today", "now",
]  # fmt: skip

# DuckDB takes these words for times; what is before 1900 or after 2199 is refused by its year, on Spark as no time.
DUCKDBS_TIMES = ("epoch", "infinity", "Infinity", "-inf")


def look(folder: Path, text: str, name: str = "orders") -> raw_folder.RawTable:
    (folder / f"{name}.csv").write_bytes(text.encode())
    return raw_folder.look_at_table(folder, name, NEEDED)


def by_duckdb(table: raw_folder.RawTable) -> tuple[list[tuple], int]:
    """Return the rows, and how many records the reader refuses."""
    with duckdb.connect() as connection:
        rows = connection.execute(f"select * from {table_sql(table)} as raw").fetchall()
        refused = connection.execute(
            f"select count(distinct line) from rejects_{table.name}"
        ).fetchone()
    assert refused
    return rows, refused[0]


def by_spark(table: raw_folder.RawTable, folder: Path) -> tuple[list[tuple], list[tuple]]:
    """Return the rows, and the refused lines with the number of their record."""
    from pyspark.sql import functions

    session = spark_session()
    session.conf.set("spark.sql.csv.parser.columnPruning.enabled", "false")
    reading = spark_reading(table)
    for view in reading.views:
        reader = session.read.format(view.format).options(**view.options)
        rows = (reader.schema(view.schema) if view.schema else reader).load(list(view.paths))
        if view.is_numbered:
            path = str(folder / "parquet")
            number = functions.monotonically_increasing_id() + 2
            rows.withColumn(NUMBER, number).write.mode("overwrite").parquet(path)
            rows = session.read.parquet(path)
        rows.createOrReplaceTempView(view.name)
    found = [tuple(row) for row in session.sql(f"select * from {reading.rows} as raw").collect()]
    refused = (
        [tuple(row) for row in session.sql(reading.refused).collect()] if reading.refused else []
    )
    return found, refused


def order(rows: list[tuple]) -> list[tuple]:
    return sorted(rows, key=str)


@pytest.mark.parametrize("kind", FILES)
def test_a_file_has_the_same_rows_on_both_engines(tmp_path: Path, kind: str) -> None:
    skip_without_spark()
    text, bad = FILES[kind]
    table = look(tmp_path, GOOD + text)
    rows, refused = by_duckdb(table)
    assert refused == bad
    found, lines = by_spark(table, tmp_path)
    assert order(found) == order(rows)
    # Every record is in one of the two.
    assert len({number for number, *_ in lines}) == bad


def test_a_refused_record_has_its_number_and_every_line(tmp_path: Path) -> None:
    skip_without_spark()
    table = look(tmp_path, GOOD + '2,3.50\n3,1.00,x\n4,"never closed\n5,6.00,y\n')
    rows, refused = by_spark(table, tmp_path)
    assert order(rows) == [("1", "2.50", "plain"), ("3", "1.00", "x")]
    assert [(number, line) for number, _, line in order(refused)] == [
        (3, "2,3.50"), (5, '4,"never closed'), (5, "5,6.00,y"),
    ]  # fmt: skip


def test_parquet_is_read_as_text_like_duckdb_does(tmp_path: Path) -> None:
    skip_without_spark()
    duckdb.sql(
        "select 1 as ID, 2.5::decimal(14, 2) as amount, timestamp '2018-01-01 10:00:00' as note"
        " union all select 2, null, null"
    ).write_parquet(str(tmp_path / "orders.parquet"))
    table = raw_folder.look_at_table(tmp_path, "orders", NEEDED)
    with duckdb.connect() as connection:
        rows = connection.execute(f"select * from {table_sql(table)} as raw").fetchall()
    found, refused = by_spark(table, tmp_path)
    assert order(found) == order(rows)
    assert not refused


def test_a_path_that_is_a_pattern_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "raw [1]"
    folder.mkdir()
    table = look(folder, GOOD)
    assert isinstance(table.source, CsvFile)
    with pytest.raises(RawFileError, match="for a pattern; give the folder"):
        spark_reading(table)


@pytest.mark.parametrize(
    "macro", ["to_key", "to_timestamp", "to_integer", "to_money", "to_coordinate", "to_zip_prefix"]
)
def test_a_text_becomes_the_same_value_on_both_engines(macro: str) -> None:
    sql = {engine: rendered(f"{macro}('t')", engine) for engine in ("spark", "duckdb")}
    session = spark_session()
    session.createDataFrame([(text,) for text in TEXTS], "t string").createOrReplaceTempView(
        "texts"
    )
    spark_rows = session.sql(f"select t, {sql['spark']} as value from texts").collect()
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("create table texts as select unnest($1) as t", [TEXTS])
        duckdb_rows = connection.execute(
            f"select t, {sql['duckdb']} as value from texts"
        ).fetchall()
    known = DUCKDBS_TIMES if macro == "to_timestamp" else ()
    by_spark = {row.t: row.value for row in spark_rows if row.t not in known}
    assert by_spark == {text: value for text, value in duckdb_rows if text not in known}
