"""Files of orders as people have them: each is read as it is, or refused in a sentence that says where and why."""

from __future__ import annotations

import codecs
import gzip
from pathlib import Path

import duckdb
import pytest

from customer_segmentation.shop import ShopError, open_source, rows_in_two_files
from customer_segmentation.shop.look import read_lines

SHOP = {"customer_id": "who", "ordered_at": "when", "amount": "what", "order_id": "order"}
HEADER = "who,when,what,order,note\n"
ROWS = "a,2020-01-01,1.5,1,x\nb,2020-01-02,2.5,2,y\n"
LINES = [("a", "2020-01-01", "1.500000", "1"), ("b", "2020-01-02", "2.500000", "2")]
# DuckDB looks at so many lines when it is left to find out how a file is written.
SNIFFED_LINES = 20_480


def lines_of(orders: object, **changes: object) -> list[tuple]:
    with duckdb.connect() as connection:
        read_lines(connection, {**SHOP, "orders": orders, **changes})
        return connection.execute(
            "select customer_unique_id, cast(ordered_at::date as varchar), cast(amount as varchar), order_id"
            " from shop_lines order by all"
        ).fetchall()


def beside(folder: Path, name: str, content: str | bytes) -> str:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


@pytest.mark.parametrize(
    "content",
    [
        HEADER + ROWS,
        (HEADER + ROWS).replace("\n", "\r\n"),
        HEADER + ROWS.replace("\n", "\r\n"),
        (HEADER + ROWS).replace("\n", "\r"),
        codecs.BOM_UTF8 + (HEADER + ROWS).encode(),
        codecs.BOM_UTF8 + (HEADER + ROWS.replace("\n", "\r\n")).encode(),
        (HEADER + ROWS).encode("utf-16"),
        (HEADER + ROWS).replace("\n", "\r\n").encode("utf-16-le"),
        gzip.compress((HEADER + ROWS).encode(), mtime=0),
        gzip.compress((HEADER + ROWS).replace("x", "\u00e9").encode("cp1252"), mtime=0),
        (HEADER + ROWS).replace(",", ";"),
        (HEADER + ROWS).replace(",", "\t"),
        "sep=;\n" + (HEADER + ROWS).replace(",", ";"),
        "Report of orders\n\nfrom,2020\n\n" + HEADER + ROWS,
        "Report of orders,,,,\n,,,,\n" + HEADER + ROWS,
        "\n\n" + HEADER + ROWS,
        (HEADER + ROWS).replace("x\n", "x,\n").replace("y\n", "y,\n"),
        " who , when,what\u00a0,order ,note\n" + ROWS,
        HEADER + ROWS.replace(",x", ',"a ""quoted"", word"').replace(",y", ',"two\nlines"'),
        HEADER + ROWS.replace(",x", ',"a \\"quoted\\", word"'),
        HEADER + ROWS.replace(",x", ',a 5" pipe'),
        HEADER + ROWS.replace("x", "1|2|3|4|5|6").replace("y", "1|2|3|4|5|6"),
        HEADER + ROWS + "\n\n",
        HEADER + ROWS.removesuffix("\n"),
    ],
    ids=lambda content: repr(content)[:60],
)
def test_a_file_is_read_as_it_is_written(tmp_path: Path, content: str | bytes) -> None:
    assert lines_of(beside(tmp_path, "orders.csv", content)) == LINES


@pytest.mark.parametrize("note", ['"a, b"', '"two\nlines"', '"a ""quoted"" word"'])
def test_quotes_that_come_late_are_quotes(tmp_path: Path, note: str) -> None:
    early = "".join(f"a,2020-01-01,1,{n},x\n" for n in range(SNIFFED_LINES + 100))
    file = beside(tmp_path, "orders.csv", f'{HEADER}{early}"O""Brien",2020-02-01,2,late,{note}\n')
    assert lines_of(file)[0] == ('O"Brien', "2020-02-01", "2.000000", "late")
    assert len(lines_of(file)) == SNIFFED_LINES + 101


@pytest.mark.parametrize(
    "name", ["o[1].csv", "o?.csv", "o*.csv", "two words.csv", "o'b\"r\u00e9.csv"]
)
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_file_is_read_by_its_name_and_no_other(tmp_path: Path, name: str, kind: str) -> None:
    """Within brackets, a question mark or a star, another file would answer to its name."""
    for other in ("o1.csv", "o2.csv", "ob.csv"):
        beside(tmp_path, other, HEADER + "WRONG,2020-01-01,1,9,x\n")
    file = beside(tmp_path, name, HEADER + ROWS)
    if kind == "parquet":
        file = str(tmp_path / name.replace(".csv", ".parquet"))
        with duckdb.connect() as connection:
            table = open_source(connection, str(tmp_path / name)).sql
            connection.execute(f"copy (from {table}) to '{tmp_path}/x.tmp' (format parquet)")
        (tmp_path / "x.tmp").rename(file)
    assert lines_of(file) == LINES


def test_files_may_be_written_in_several_ways_and_have_columns_of_their_own(tmp_path: Path) -> None:
    beside(tmp_path, "1.csv", HEADER + "a,2020-01-01,1.5,1,x\n")
    beside(tmp_path, "2.csv", "WHEN;what;order;Who;extra\r\n2020-01-02;2.5;2;b;\r\n")
    beside(tmp_path, "3.csv", HEADER)
    assert lines_of(str(tmp_path / "*.csv")) == LINES
    assert lines_of(str(tmp_path / "*.csv"), amount="coalesce(what, 0) * 1") == LINES


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("column", ["who", "when", "what", "order"])
def test_a_file_without_a_column_of_the_others_is_named(
    tmp_path: Path, kind: str, column: str
) -> None:
    """Its rows would be of guests, or of no time, or no order."""
    for number, header in enumerate((HEADER, HEADER.replace(column, "another"))):
        file = beside(tmp_path, f"{number}.csv", header + ROWS)
        if kind == "parquet":
            duckdb.sql(f"copy (from read_csv('{file}')) to '{tmp_path}/{number}.parquet'")
    with pytest.raises(
        ShopError, match=rf"is {column}, and \S+/1\.{kind} has no such column: its header is"
    ):
        lines_of(str(tmp_path / f"*.{kind}"))


def test_one_file_by_two_names_counts_once_and_two_copies_are_refused(tmp_path: Path) -> None:
    file = beside(tmp_path, "1.csv", HEADER + ROWS)
    (tmp_path / "link.csv").symlink_to(file)
    assert lines_of([file, str(tmp_path / "link.csv"), str(tmp_path / "." / "1.csv")]) == LINES
    beside(tmp_path, "1 (copy).csv", HEADER + ROWS)
    with pytest.raises(ShopError, match=r"1 \(copy\)\.csv and \S+/1\.csv are the same file twice"):
        lines_of(str(tmp_path / "1*.csv"))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "the file is empty (0 bytes); get the file again."),
        ("\n\n", "the file has no text"),
        (HEADER, "has no row."),
        (b"PK\x03\x04" + bytes(range(256)), "a zip archive or an Excel workbook; unzip it, or save the sheet"),
        ('[{"who": "a"}]', "the file is JSON, not a table; export it as CSV or Parquet."),
        ("<!doctype html><html>", "the file is a web page, not a table"),
        (HEADER + "a,2020-01-01\0,1,1,x\n", "zero byte (NUL) in line 2"),
        (HEADER + ROWS + "c,2020-01-01,1,3,x,y\n", "line 4 has 6 values, and the header 5 columns."),
        (HEADER + ROWS + "c,2020-01-01\n", "line 4 has 2 values, and the header 5 columns."),
        (HEADER + ROWS.replace(",x", "").replace(",y", ""), "5 columns in its header and 4 values"),
        (HEADER.replace("note", "what") + ROWS, "amount is what, and the header of"),
        (HEADER.replace("note", "WHAT ") + ROWS, "has what twice: which one counts cannot be told."),
        *(
            (
                gzip.compress((HEADER + ROWS * 9000).encode(), mtime=0)[:cut],
                "compressed with gzip, and cut off or damaged",
            )
            for cut in (3, 9, 10, 15, 30, 90)
        ),
        (b"\x1f\x8b" + b"no gzip" * 20, "compressed with gzip, and cut off or damaged before its first"),
        (HEADER + 'a,2020-01-01,1,1,"never closed\n' + ROWS * 10, "orders.csv"),
        ((HEADER + ROWS).replace("x", "\u3042\u3044\u3046").encode("shift-jis"), "save it as CSV UTF-8"),
        (HEADER.encode() + "\u00e9\u65e5\u672c\u8a9e,".encode() + b"\xe9" + ROWS.encode(), "or a mixture of them"),
    ],
    ids=lambda value: repr(value)[:40],
)  # fmt: skip
def test_what_cannot_be_read_is_told_in_a_sentence(
    tmp_path: Path, content: str | bytes, sentence: str
) -> None:
    file = beside(tmp_path, "orders.csv", content)
    with pytest.raises(ShopError) as refused:
        lines_of(file)
    assert sentence in str(refused.value)
    assert "orders.csv" in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"no Parquet" * 10, b"PAR1" + bytes(40)])
def test_what_is_no_parquet_is_told_in_a_sentence(tmp_path: Path, content: bytes) -> None:
    file = beside(tmp_path, "orders.parquet", content)
    with pytest.raises(ShopError, match=r"orders\.parquet cannot be read: Invalid Input Error"):
        lines_of(file)
    with pytest.raises(ShopError, match="Parquet files and others"):
        lines_of([file, beside(tmp_path, "orders.csv", HEADER + ROWS)])


def test_a_repeated_column_that_nobody_needs_is_no_matter(tmp_path: Path) -> None:
    content = "who,when,what,order,,note,note,\n" + ROWS.replace("x", "1,2,3,4").replace(
        "y", "1,2,3,4"
    )
    file = beside(tmp_path, "orders.csv", content)
    assert lines_of(file) == LINES
    with duckdb.connect() as connection:
        source = open_source(connection, file)
        assert list(source.columns) == [
            "who",
            "when",
            "what",
            "order",
            "column4",
            "note",
            "note_1",
            "column7",
        ]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_exports_that_overlap_are_told(tmp_path: Path, kind: str) -> None:
    for name, rows in (("1", ROWS), ("2", ROWS.replace("b,", "c,")), ("3", "d,2020-01-05,1,9,x\n")):
        file = beside(tmp_path, f"{name}.csv", HEADER + rows)
        if kind == "parquet":
            duckdb.sql(f"copy (from read_csv('{file}')) to '{tmp_path}/{name}.parquet'")
    with duckdb.connect() as connection:
        some = open_source(connection, str(tmp_path / f"*.{kind}"))
        assert rows_in_two_files(connection, some) == (
            1, f"{tmp_path}/1.{kind}", f"{tmp_path}/2.{kind}",
        )  # fmt: skip
        for alone in (f"1.{kind}", f"[23].{kind}"):
            assert (
                rows_in_two_files(connection, open_source(connection, str(tmp_path / alone)))
                is None
            )
