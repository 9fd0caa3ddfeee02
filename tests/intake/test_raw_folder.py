"""The raw files as people really have them: each is read rightly, or refused in a sentence before anything is built."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from benchmarks.history import table_fingerprints
from conftest import PROJECT, WITHOUT_TESTS, query
from customer_segmentation.intake import raw_csv, raw_folder, raw_text, seed_files
from customer_segmentation.intake.raw_table import as_utf8, table_sql
from rendering import rendered

CUSTOMERS = "olist_customers_dataset"
GEOLOCATION = "olist_geolocation_dataset"
ORDERS = "olist_orders_dataset"
ITEMS = "olist_order_items_dataset"
PAYMENTS = "olist_order_payments_dataset"
REVIEWS = "olist_order_reviews_dataset"
PRODUCTS = "olist_products_dataset"
SELLERS = "olist_sellers_dataset"
TRANSLATION = "product_category_name_translation"
NEEDED = raw_folder.needed_columns(PROJECT)


@pytest.fixture(scope="module")
def clean_folder(small_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a sample whose reviews have accents, quotes, separators and line breaks in them."""
    folder = Path(shutil.copytree(small_folder, tmp_path_factory.mktemp("clean") / "raw"))
    path = folder / f"{REVIEWS}.csv"
    header, *rows = records(path)
    for number, row in enumerate(rows[:60]):
        row[4] = f'Não é "bom"; {number},\nmas chegou às 10:30 — ótimo, coração'
    write(path, [header, *rows])
    return folder


@pytest.fixture
def folder(clean_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(clean_folder, tmp_path / "raw"))


@pytest.fixture(scope="module")
def clean_rows(clean_folder: Path) -> dict[str, list[tuple]]:
    rows, refused = read(clean_folder)
    assert not any(refused.values())
    assert {name: len(found) for name, found in rows.items()} == {
        name: len(records(clean_folder / f"{name}.csv")) - 1 for name in NEEDED
    }
    return rows


def records(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as lines:
        return list(csv.reader(lines))


def write(path: Path, rows: list[list[str]], **options) -> None:
    with path.open("w", encoding=options.pop("encoding", "utf-8"), newline="") as lines:
        csv.writer(lines, **{"lineterminator": "\n", **options}).writerows(rows)


def read(folder: Path, *names: str) -> tuple[dict[str, list[tuple]], dict[str, list[tuple]]]:
    """Return the rows of each table in the order of the file, and what the reader refused."""
    found = raw_folder.look_into(folder, NEEDED)
    assert found.problems == ()
    rows, refused = {}, {}
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        for name in names or NEEDED:
            table = found.tables[name]
            columns = ", ".join(NEEDED[name])
            with as_utf8(table) as copy:
                select = f"select {columns} from {table_sql(table, copy=copy)}"
                rows[name] = connection.execute(select).fetchall()
            refused[name] = (
                connection.execute(f"select line, csv_line from rejects_{name}").fetchall()
                if table.is_csv
                else []
            )
    return rows, refused


def rewrite(name: str, change: Callable[[list[list[str]]], list[list[str]]], **options):
    def apply(folder: Path) -> None:
        path = folder / f"{name}.csv"
        write(path, change(records(path)), **options)

    return apply


def recode(name: str, change: Callable[[bytes], bytes], *, to: str = ".csv"):
    """Return what changes the bytes of a table's file, and perhaps its name."""

    def apply(folder: Path) -> None:
        path = folder / f"{name}.csv"
        changed = change(path.read_bytes())
        path.unlink()
        (folder / f"{name}{to}").write_bytes(changed)

    return apply


def in_turn(*changes: Callable[[Path], None]):
    def apply(folder: Path) -> None:
        for change in changes:
            change(folder)

    return apply


def with_ends(text: bytes, end: bytes) -> bytes:
    """Return a text with other line ends outside quotes."""
    parts = text.split(b'"')
    return b'"'.join(p.replace(b"\n", end) if i % 2 == 0 else p for i, p in enumerate(parts))


def with_crlf(text: bytes) -> bytes:
    return with_ends(text, b"\r\n")


def mixed(text: bytes, *, first: Callable = lambda t: t, then: Callable = with_crlf) -> bytes:
    """Return a text with other line ends from the middle on."""
    middle = text.index(b"\n", 2 * len(text) // 3) + 1
    # Whole records on either side.
    while text[:middle].count(b'"') % 2:
        middle = text.index(b"\n", middle) + 1
    return first(text[:middle]) + then(text[middle:])


def as_frame(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(folder / f"{name}.csv", dtype=str, keep_default_na=False, na_values=[""])


def to_parquet(
    name: str, *, zone: str | None = None, parts: int = 0, by: str | None = None, to: str = ""
):
    """Return what makes Parquet of a table, as a file or a folder of parts."""

    def apply(folder: Path) -> None:
        frame = as_frame(folder, name)
        (folder / f"{name}.csv").unlink()
        for column, kind in NEEDED[name].items():
            if zone is not None and kind == "timestamp":
                frame[column] = (
                    pd.to_datetime(frame[column]).dt.tz_localize("UTC").dt.tz_convert(zone)
                )
        if by:
            shutil.rmtree(folder / f"{name}{to}", ignore_errors=True)
            frame.to_parquet(folder / f"{name}{to}", partition_cols=[by], index=False)
        elif parts:
            target = folder / f"{name}{to}"
            target.mkdir()
            size = -(-len(frame) // parts)
            for part in range(parts):
                piece = frame.iloc[part * size : (part + 1) * size]
                if part % 2:
                    piece = piece[piece.columns[::-1]].rename(columns=str.upper)
                piece.to_parquet(target / f"part-{part:05}.snappy.parquet", index=False)
            (target / "_SUCCESS").touch()
            (target / "_temporary").mkdir()
            (target / "_temporary" / "half.parquet").write_bytes(b"PAR1")
            (target / ".part-00000.snappy.parquet.crc").write_bytes(b"crc")
        else:
            frame.to_parquet(folder / f"{name}.parquet", index=False)

    return apply


def decimal_comma(name: str):
    """Return what saves a table as a spreadsheet does where the comma is the decimal point."""

    def change(rows: list[list[str]]) -> list[list[str]]:
        places = [
            i for i, c in enumerate(rows[0]) if NEEDED[name][c].startswith(("decimal", "double"))
        ]
        for row in rows[1:]:
            for i in places:
                row[i] = row[i].replace(".", ",")
        return rows

    return rewrite(name, change, delimiter=";")


def with_offset(name: str, offset: str, *, rows_with: slice = slice(None)):
    """Return what gives times an offset: the same moments, on clocks so many hours from UTC."""
    found = re.search(r"[-+]\d\d", offset)
    hours = int(found[0]) if found else 0

    def change(rows: list[list[str]]) -> list[list[str]]:
        places = [i for i, column in enumerate(rows[0]) if NEEDED[name][column] == "timestamp"]
        for row in rows[1:][rows_with]:
            for i in places:
                if row[i]:
                    there = pd.Timestamp(row[i]) + pd.Timedelta(hours=hours)
                    row[i] = f"{there:%Y-%m-%dT%H:%M:%S}{offset}"
        return rows

    return rewrite(name, change)


@dataclass(frozen=True)
class Kind:
    """A kind of file: what it is called, the tables that it concerns, what makes it."""

    name: str
    tables: tuple[str, ...]
    make: Callable[[Path], None]


READ = [
    Kind(
        "capitals and blanks in the header",
        (ORDERS,),
        rewrite(ORDERS, lambda r: [[f" {c.upper()} " for c in r[0]], *r[1:]]),
    ),
    Kind(
        "index column of pandas",
        (ORDERS,),
        lambda f: as_frame(f, ORDERS).to_csv(f / f"{ORDERS}.csv"),
    ),
    Kind(
        "columns without names, before and after",
        (ITEMS,),
        rewrite(
            ITEMS,
            lambda r: [
                ["", *r[0], "", ""],
                *([str(i), *row, "x", ""] for i, row in enumerate(r[1:])),
            ],
        ),
    ),
    Kind(
        "two unread columns of one name",
        (ITEMS,),
        rewrite(ITEMS, lambda r: [[*r[0], "note", "note"], *([*row, "a", "b"] for row in r[1:])]),
    ),
    Kind(
        "an unread column that DuckDB would take for a needed one",
        (ITEMS,),
        rewrite(ITEMS, lambda r: [[*r[0], "unread_8"], *([*row, "a"] for row in r[1:])]),
    ),
    Kind("columns in another order", (ITEMS,), rewrite(ITEMS, lambda r: [row[::-1] for row in r])),
    Kind("LF, then CRLF", (PAYMENTS,), recode(PAYMENTS, mixed)),
    Kind(
        "CRLF, then LF",
        (PAYMENTS,),
        recode(PAYMENTS, lambda t: mixed(t, first=with_crlf, then=lambda u: u)),
    ),
    Kind(
        "LF, then CRLF, all values in quotes",
        (ORDERS,),
        in_turn(rewrite(ORDERS, lambda r: r, quoting=csv.QUOTE_ALL), recode(ORDERS, mixed)),
    ),
    Kind("LF, then CRLF, with line breaks in quotes", (REVIEWS,), recode(REVIEWS, mixed)),
    Kind("CRLF, with LF in quotes", (REVIEWS,), recode(REVIEWS, with_crlf)),
    Kind("CR", (REVIEWS,), recode(REVIEWS, lambda t: with_ends(t, b"\r"))),
    Kind("CR CR LF", (PAYMENTS,), recode(PAYMENTS, lambda t: t.replace(b"\n", b"\r\r\n"))),
    Kind("last line end cut in two", (PAYMENTS,), recode(PAYMENTS, lambda t: with_crlf(t)[:-1])),
    Kind("no line end at the end", (PAYMENTS,), recode(PAYMENTS, lambda t: t.rstrip())),
    Kind("blank lines at the end", (PAYMENTS,), recode(PAYMENTS, lambda t: t + b"\n\n\n")),
    Kind("gzip", (ORDERS,), recode(ORDERS, gzip.compress, to=".csv.gz")),
    Kind(
        "gzip in two members",
        (ORDERS,),
        recode(ORDERS, lambda t: gzip.compress(t[:5000]) + gzip.compress(t[5000:]), to=".csv.gz"),
    ),
    Kind("gzip under the name of a CSV", (ORDERS,), recode(ORDERS, gzip.compress)),
    Kind("CSV under the name of a gzip", (ORDERS,), recode(ORDERS, lambda t: t, to=".csv.gz")),
    Kind(
        "gzip, mixed line ends and Windows-1252 at once",
        (REVIEWS,),
        recode(REVIEWS, lambda t: gzip.compress(mixed(t).decode().encode("cp1252")), to=".CSV.GZ"),
    ),
    Kind(".CSV", (ORDERS,), recode(ORDERS, lambda t: t, to=".CSV")),
    Kind("UTF-8 with a mark", (ORDERS,), recode(ORDERS, lambda t: b"\xef\xbb\xbf" + t)),
    Kind(
        "two marks, and one before each part of a file put together",
        (ORDERS,),
        recode(
            ORDERS,
            lambda t: b"\xef\xbb\xbf\xef\xbb\xbf" + mixed(t, then=lambda u: b"\xef\xbb\xbf" + u),
        ),
    ),
    Kind("Latin-1", (GEOLOCATION,), recode(GEOLOCATION, lambda t: t.decode().encode("latin-1"))),
    Kind(
        "Windows-1252 with its dash",
        (REVIEWS,),
        recode(REVIEWS, lambda t: t.decode().encode("cp1252")),
    ),
    Kind("UTF-16 with a mark", (REVIEWS,), recode(REVIEWS, lambda t: t.decode().encode("utf-16"))),
    Kind(
        "UTF-16, big end first, CRLF",
        (REVIEWS,),
        recode(REVIEWS, lambda t: b"\xfe\xff" + with_crlf(t).decode().encode("utf-16-be")),
    ),
    Kind(
        "UTF-16 without a mark", (ORDERS,), recode(ORDERS, lambda t: t.decode().encode("utf-16-le"))
    ),
    Kind("UTF-32", (ORDERS,), recode(ORDERS, lambda t: t.decode().encode("utf-32"))),
    Kind("semicolons and decimal comma", (PAYMENTS,), decimal_comma(PAYMENTS)),
    Kind("semicolons and decimal comma, coordinates", (GEOLOCATION,), decimal_comma(GEOLOCATION)),
    Kind("semicolons and decimal points", (ITEMS,), rewrite(ITEMS, lambda r: r, delimiter=";")),
    Kind(
        "semicolons, with semicolons and line breaks in quotes",
        (REVIEWS,),
        rewrite(REVIEWS, lambda r: r, delimiter=";"),
    ),
    Kind("tabs", (ITEMS,), rewrite(ITEMS, lambda r: r, delimiter="\t")),
    Kind("vertical bars", (CUSTOMERS,), rewrite(CUSTOMERS, lambda r: r, delimiter="|")),
    Kind(
        "UTF-16 with tabs, as Excel saves Unicode text",
        (CUSTOMERS,),
        rewrite(CUSTOMERS, lambda r: r, delimiter="\t", encoding="utf-16", lineterminator="\r\n"),
    ),
    Kind(
        "single quotes",
        (ORDERS,),
        rewrite(ORDERS, lambda r: r, quotechar="'", quoting=csv.QUOTE_ALL),
    ),
    Kind(
        "single quotes around values only",
        (ORDERS,),
        in_turn(
            rewrite(ORDERS, lambda r: r, quotechar="'", quoting=csv.QUOTE_ALL),
            recode(ORDERS, lambda t: t.replace(b"'", b"", 16)),
        ),
    ),
    Kind("Parquet", (ORDERS,), to_parquet(ORDERS)),
    Kind(
        "Parquet under the name of a CSV",
        (ORDERS,),
        in_turn(
            to_parquet(ORDERS), lambda f: (f / f"{ORDERS}.parquet").rename(f / f"{ORDERS}.csv")
        ),
    ),
    Kind(
        "folder of Parquet parts",
        (ORDERS, ITEMS),
        in_turn(to_parquet(ORDERS, parts=3), to_parquet(ITEMS, parts=2, to=".parquet")),
    ),
    Kind(
        "folder that Spark called .csv, of Parquet parts",
        (ORDERS,),
        to_parquet(ORDERS, parts=1, to=".csv"),
    ),
    Kind(
        "folder of Parquet parts, a column in the names of its folders",
        (ORDERS, CUSTOMERS),
        in_turn(
            to_parquet(ORDERS, by="order_status"),
            to_parquet(CUSTOMERS, by="customer_zip_code_prefix"),
        ),
    ),
    Kind(
        "CSV beside a folder of something else",
        (ORDERS,),
        lambda f: ((f / ORDERS).mkdir(), (f / ORDERS / "notes.txt").touch()),
    ),
    Kind(
        "Parquet with two unread columns of one name",
        (SELLERS,),
        lambda f: parquet_of(f, SELLERS, extra=["note", "NOTE", "note"]),
    ),
]


def parquet_of(folder: Path, name: str, *, extra: list[str]) -> None:
    """Write a table with more columns, whose names may be those of others."""
    frame = as_frame(folder, name)
    (folder / f"{name}.csv").unlink()
    table = pa.Table.from_pandas(frame, preserve_index=False)
    arrays = [*table.columns, *(table.column(0) for _ in extra)]
    parquet.write_table(
        pa.Table.from_arrays(arrays, names=[*table.column_names, *extra]),
        folder / f"{name}.parquet",
    )


@pytest.mark.parametrize("kind", READ, ids=lambda kind: kind.name)
def test_it_is_read_as_the_plain_file_is(kind: Kind, folder: Path, clean_rows: dict) -> None:
    kind.make(folder)
    rows, refused = read(folder, *kind.tables)
    for name in kind.tables:
        assert refused[name] == []
        assert sorted(rows[name], key=repr) == sorted(clean_rows[name], key=repr)
    # The file itself is not touched, and the other tables are found as before.
    assert len(raw_folder.look_into(folder, NEEDED).tables) == len(NEEDED)


def test_names_with_signs_of_a_pattern_are_names(
    clean_folder: Path, clean_rows: dict, tmp_path: Path
) -> None:
    for name in ("a[1]*b?", "a1xb2"):
        shutil.copytree(clean_folder, tmp_path / name)
    rewrite(PAYMENTS, lambda rows: rows[:2])(tmp_path / "a1xb2")
    assert read(tmp_path / "a[1]*b?", PAYMENTS)[0][PAYMENTS] == clean_rows[PAYMENTS]
    folder = Path(shutil.copytree(clean_folder, tmp_path / "it's here"))
    to_parquet(PAYMENTS)(folder)
    assert read(folder, PAYMENTS)[0][PAYMENTS] == clean_rows[PAYMENTS]


def append(name: str, *lines: bytes, end: bytes = b"\n") -> Callable[[Path], None]:
    return recode(name, lambda text: text + b"".join(line + end for line in lines))


LATIN = b"latin,person,01001,s\xe3o paulo,SP"


@pytest.mark.parametrize("count", [1, 9])
def test_few_rows_that_are_not_utf8_are_damaged_rows(
    folder: Path, clean_rows: dict, count: int
) -> None:
    append(CUSTOMERS, *[LATIN] * count)(folder)
    # In a file that has accents in UTF-8 many are.
    append(GEOLOCATION, *[b"01037,-23.5,-46.6,s\xe3o paulo,SP"] * 40)(folder)
    rows, refused = read(folder, CUSTOMERS, GEOLOCATION)
    assert rows[CUSTOMERS] == clean_rows[CUSTOMERS]
    assert rows[GEOLOCATION] == clean_rows[GEOLOCATION]
    assert (len(refused[CUSTOMERS]), len(refused[GEOLOCATION])) == (count, 40)


def test_many_are_an_encoding_of_the_file_and_noise_is_none(folder: Path, clean_rows: dict) -> None:
    append(CUSTOMERS, *[LATIN] * 10)(folder)
    append(SELLERS, *[b"noise,01001,s\x9d\x81o,SP"] * 40)(folder)
    rows, refused = read(folder, CUSTOMERS, SELLERS)
    assert rows[CUSTOMERS][-1] == ("latin", "person", "01001", "são paulo", "SP")
    assert refused[CUSTOMERS] == []
    assert rows[SELLERS] == clean_rows[SELLERS]
    assert len(refused[SELLERS]) == 40


def test_rows_of_two_encodings_are_each_read_in_its_own(folder: Path) -> None:
    """A few rows in UTF-8, put to a file in Latin-1; one ends in what could be either."""
    append(CUSTOMERS, *[LATIN] * 60, LATIN.decode("latin-1").encode())(folder)
    append(CUSTOMERS, b"latin,person,01001,CAF\xc9\x94,SP")(folder)
    rows, refused = read(folder, CUSTOMERS)
    assert refused[CUSTOMERS] == []
    assert [row[3] for row in rows[CUSTOMERS][-62:]] == ["são paulo"] * 61 + ["CAFÉ”"]


def test_what_windows_1252_does_not_have_is_a_damaged_row(folder: Path) -> None:
    append(CUSTOMERS, *[LATIN] * 10, LATIN.replace(b"\xe3", b"\x81"))(folder)
    rows, refused = read(folder, CUSTOMERS)
    assert [row[0] for row in rows[CUSTOMERS]].count("latin") == 10
    assert len(refused[CUSTOMERS]) == 1


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_quote_that_is_not_closed_spoils_its_own_row_only(
    folder: Path, clean_rows: dict, end: bytes
) -> None:
    """Mixed line ends or not: as many rows are read and refused as there are."""
    append(
        CUSTOMERS,
        b'unclosed,person_5,01001,"sao paulo,SP',
        b"swallowed,person_6,01001,sao paulo,SP",
        b'after,person_7,01001,"sao paulo",SP',
        b"sound,person_8,01001,sao paulo,SP",
        end=end,
    )(folder)
    rows, refused = read(folder, CUSTOMERS)
    assert rows[CUSTOMERS] == [
        *clean_rows[CUSTOMERS],
        ("sound", "person_8", "01001", "sao paulo", "SP"),
    ]
    assert len({line for line, _ in refused[CUSTOMERS]}) == 1
    lines = refused[CUSTOMERS][0][1].split("\n")
    assert [line.split(",")[0] for line in lines if line.strip()] == [
        "unclosed",
        "swallowed",
        "after",
    ]


OPEN_QUOTE = b'unclosed,order,5,,"never closed,2018-01-01 00:00:00,2018-01-02 00:00:00'
INCHES = b'inches,order,5,,27" screen,2018-01-01 00:00:00,2018-01-02 00:00:00'


@pytest.mark.parametrize("size", [1 << 20, 512])
@pytest.mark.parametrize("ends", ["LF", "CRLF", "LF, then CRLF"])
@pytest.mark.parametrize(
    "lines",
    [[OPEN_QUOTE], [OPEN_QUOTE, OPEN_QUOTE], [INCHES], [INCHES, OPEN_QUOTE], [OPEN_QUOTE] * 3],
    ids=["one", "two", "inches", "inches and one", "three"],
)
def test_comments_keep_their_carriage_returns_beside_a_quote_out_of_place(
    folder: Path, lines: list[bytes], ends: str, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An open quote turns round what a count of quotes takes for inside and outside, up to the next one or the end."""
    monkeypatch.setattr(raw_text, "PIECE_BYTES", size)
    path = folder / f"{REVIEWS}.csv"
    header, *rows = records(path)
    for number, row in enumerate(rows[:60]):
        row[4] = f'veio "{number}",\r\ncom \rretornos\r\n' if number % 4 == 0 else "boa, sim"
    write(path, [header, *rows])
    clean = read(folder, REVIEWS)[0][REVIEWS]
    assert sum("\r\n" in (row[4] or "") for row in clean) >= 15
    places = range(5, 35, 30 // len(lines))
    text = b""
    for number, row in enumerate([header, *rows]):
        end = "\r\n" if ends == "CRLF" or (ends == "LF, then CRLF" and number > 20) else "\n"
        line = io.StringIO()
        csv.writer(line, lineterminator=end).writerow(row)
        text += line.getvalue().encode()
        if number in places[: len(lines)]:
            text += lines[places.index(number)] + end.encode()
    path.write_bytes(text)
    found, refused = read(folder, REVIEWS)
    spoilt = {line.split(",")[0] for _, text in refused[REVIEWS] for line in text.split("\n")}
    sound = [row for row in clean if row[0] not in spoilt]
    # What an open quote swallows, and no more.
    assert len(clean) - len(sound) <= 3 * len(lines)
    assert [row for row in found[REVIEWS] if row[0] != "inches"] == sound
    assert sum(row[0] == "inches" for row in found[REVIEWS]) == lines.count(INCHES)


def replaced_by(name: str, content: bytes, *, to: str = ".csv") -> Callable[[Path], None]:
    return recode(name, lambda _: content, to=to)


def beside(name: str, content: bytes | None = None) -> Callable[[Path], None]:
    """Return what puts one more file into the folder; without content a copy of the orders."""

    def apply(folder: Path) -> None:
        (folder / name).write_bytes(content or (folder / f"{ORDERS}.csv").read_bytes())

    return apply


def renamed(old: str, new: str) -> Callable[[Path], None]:
    return rewrite(ORDERS, lambda rows: [[new if v == old else v for v in rows[0]], *rows[1:]])


def as_folder(name: str, *files: str) -> Callable[[Path], None]:
    """Return what puts a folder with empty files in place of a table."""

    def apply(folder: Path) -> None:
        (folder / f"{name}.csv").unlink()
        (folder / f"{name}.csv").mkdir()
        for file in files:
            (folder / f"{name}.csv" / file).touch()

    return apply


def recode_parquet(folder: Path) -> None:
    """Overwrite the times, which are text."""
    path = folder / f"{ORDERS}.parquet"
    content = bytearray(path.read_bytes())
    description = parquet.ParquetFile(path).metadata.row_group(0)
    for column in range(3, 8):
        chunk = description.column(column)
        start = chunk.dictionary_page_offset or chunk.data_page_offset
        content[start : start + chunk.total_compressed_size] = b"\xff" * chunk.total_compressed_size
    path.write_bytes(content)


def cut_part(folder: Path) -> None:
    to_parquet(ORDERS, parts=2)(folder)
    part = folder / ORDERS / "part-00001.snappy.parquet"
    part.write_bytes(part.read_bytes()[:-100])


def part_without_a_column(folder: Path) -> None:
    to_parquet(ORDERS, parts=2)(folder)
    part = folder / ORDERS / "part-00001.snappy.parquet"
    pd.read_parquet(part).drop(columns="ORDER_STATUS").to_parquet(part, index=False)


def parts_in_two_zones(folder: Path) -> None:
    to_parquet(ORDERS, parts=2)(folder)
    for part, zone in ((0, None), (1, "UTC")):
        path = folder / ORDERS / f"part-0000{part}.snappy.parquet"
        frame = pd.read_parquet(path)
        for column in frame.columns[frame.columns.str.lower().isin(list(NEEDED[ORDERS])[3:])]:
            frame[column] = pd.to_datetime(frame[column]).dt.tz_localize(zone)
        frame.to_parquet(path, index=False)


def link_to_nothing(folder: Path) -> None:
    (folder / f"{ORDERS}.csv").unlink()
    (folder / f"{ORDERS}.csv").symlink_to("elsewhere.csv")


def pipe(folder: Path) -> None:
    (folder / f"{ORDERS}.csv").unlink()
    os.mkfifo(folder / f"{ORDERS}.csv")


# What makes it, and what the sentence says after the name of the orders' file.
REFUSED: dict[str, tuple[Callable[[Path], None], str]] = {
    "missing": (
        lambda f: (f / f"{ORDERS}.csv").unlink(),
        "the file is missing; put it into .*make data",
    ),
    "a workbook instead": (
        recode(ORDERS, lambda t: t, to=".xlsx"),
        r"the file is missing \(there is olist_orders_dataset\.xlsx\)",
    ),
    "a second download instead": (
        recode(ORDERS, lambda t: t, to=" (1).csv"),
        r"the file is missing \(there is olist_orders_dataset \(1\)\.csv\)",
    ),
    "a folder of something else instead": (
        lambda f: (
            (f / f"{ORDERS}.csv").unlink(),
            (f / ORDERS).mkdir(),
            (f / ORDERS / "x.csv").touch(),
        ),
        r"the file is missing \(there is olist_orders_dataset\)",
    ),
    "CSV and Parquet": (
        lambda f: (
            shutil.copy(f / f"{ORDERS}.csv", f / "kept"),
            to_parquet(ORDERS)(f),
            (f / "kept").rename(f / f"{ORDERS}.csv"),
        ),
        r"csv and olist_orders_dataset\.parquet: the table is there 2 times",
    ),
    "CSV and its gzip": (
        beside(f"{ORDERS}.csv.gz"),
        r"csv and olist_orders_dataset\.csv\.gz: the table is there 2 times",
    ),
    "two cases of letters": (
        beside(f"{ORDERS}.CSV"),
        "CSV and olist_orders_dataset.csv: the table is there 2 times",
    ),
    "a needed column twice": (
        rewrite(ORDERS, lambda r: [[*row, row[0]] for row in r]),
        r"column order_id is there 2 times \(columns 1 and 9\)",
    ),
    "a needed column twice, in capitals": (
        rewrite(ORDERS, lambda r: [[*r[0], " Order_Status"], *([*row, "x"] for row in r[1:])]),
        r"column order_status is there 2 times \(columns 3 and 9\)",
    ),
    "a needed column twice in Parquet": (
        lambda f: parquet_of(f, ORDERS, extra=["ORDER_ID"]),
        "column order_id is there 2 times",
    ),
    "a column under another name": (
        renamed("order_purchase_timestamp", "bought"),
        "no column order_purchase_timestamp; new column bought; its header has order_id, .*line 1",
    ),
    "a column less": (
        rewrite(ORDERS, lambda r: [row[:-1] for row in r]),
        "no column order_estimated_delivery_date; its header has",
    ),
    "no header": (
        rewrite(ORDERS, lambda r: r[1:]),
        "no column order_id, .* first line is: .*write the header above it: order_id,customer_id,",
    ),
    "a title above the header": (
        recode(ORDERS, lambda t: b"Orders of 2018\n\n" + t),
        "the file has its header in line 3; delete what is above it",
    ),
    "blank lines above the header": (
        recode(ORDERS, lambda t: b"\r\n\r\n" + t),
        "the file has its header in line 3",
    ),
    "separator above the header": (
        in_turn(
            rewrite(ORDERS, lambda r: r, delimiter=";"), recode(ORDERS, lambda t: b"sep=;\n" + t)
        ),
        "the file has its header in line 2",
    ),
    "row names of R": (
        rewrite(ORDERS, lambda r: [r[0], *([str(i), *row] for i, row in enumerate(r[1:]))]),
        "the file has 8 columns in its header and 9 values in the record after it",
    ),
    "header separated otherwise than the rows": (
        recode(ORDERS, lambda t: t.replace(b",", b";", 7)),
        "the file has 8 columns in its header and 1 values",
    ),
    "0 bytes": (replaced_by(ORDERS, b""), r"the file is empty \(0 bytes\)"),
    "0 bytes, packed": (
        replaced_by(ORDERS, gzip.compress(b""), to=".csv.gz"),
        "the file has no text",
    ),
    **{
        f"gzip cut off after {size} bytes": (
            recode(ORDERS, lambda t, size=size: gzip.compress(t)[:size], to=".csv.gz"),
            "the file is compressed with gzip, and cut off or damaged before its first line",
        )
        for size in (3, 9, 10, 15)
    },
    "the beginning of a gzip, and no more": (
        replaced_by(ORDERS, b"\x1f\x8b" + b"no gzip" * 20, to=".csv.gz"),
        "the file is compressed with gzip, and cut off or damaged before its first line",
    ),
    "only a byte-order mark": (replaced_by(ORDERS, b"\xef\xbb\xbf"), "the file has no text"),
    "only line ends": (replaced_by(ORDERS, b"\r\n\r\n"), "the file has no text"),
    "only a header": (rewrite(ORDERS, lambda r: r[:1]), "the file has a header and no rows"),
    "only a header, without line end": (
        recode(ORDERS, lambda t: t.splitlines()[0]),
        "the file has a header and no rows",
    ),
    "only a header and blank lines": (
        recode(ORDERS, lambda t: t.splitlines()[0] + b"\n\n\n"),
        "the file has a header and no rows",
    ),
    "Parquet without rows": (
        in_turn(rewrite(ORDERS, lambda r: r[:1]), to_parquet(ORDERS)),
        "the file has columns and no rows",
    ),
    "zip": (
        replaced_by(ORDERS, b"PK\x03\x04rest"),
        "the file is a zip archive or an Excel workbook; unzip it",
    ),
    "old Excel": (
        replaced_by(ORDERS, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
        "the file is an Excel workbook; save",
    ),
    "bzip2": (recode(ORDERS, bz2.compress), "the file is compressed with bzip2; unpack it"),
    "zip in a gzip": (
        replaced_by(ORDERS, gzip.compress(b"PK\x03\x04rest")),
        "the file is a zip archive",
    ),
    "web page": (
        replaced_by(ORDERS, b"\n<!DOCTYPE html>\n<html><body>Sign in</body></html>\n"),
        "the file is a web page",
    ),
    "answer of a server": (
        replaced_by(ORDERS, b'{"error": "forbidden", "code": 403}'),
        "no column order_id, .*forbidden",
    ),
    "pointer of Git LFS": (
        replaced_by(ORDERS, b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"),
        "the file is the pointer .*git lfs pull",
    ),
    "zero bytes": (
        recode(ORDERS, lambda t: t[: t.index(b"\n", 3000) + 5] + b"\0" * 512 + t[3000:]),
        r"the file has a zero byte \(NUL\) in line \d+; it is damaged",
    ),
    "UTF-16 cut off": (
        recode(ORDERS, lambda t: t.decode().encode("utf-16")[:-1]),
        r"the file begins as UTF-16-LE and is cut off or damaged after line \d+",
    ),
    "gzip cut off": (
        recode(ORDERS, lambda t: gzip.compress(t)[:-500], to=".csv.gz"),
        r"the file is compressed with gzip, and cut off or damaged after line [1-9]\d*",
    ),
    "gzip with a wrong sum": (
        recode(ORDERS, lambda t: gzip.compress(t)[:-8] + bytes(8), to=".csv.gz"),
        "cut off or damaged after line",
    ),
    "gzip and more": (
        recode(ORDERS, lambda t: gzip.compress(t) + b"more", to=".csv.gz"),
        "cut off or damaged after line",
    ),
    "Parquet cut off": (
        in_turn(to_parquet(ORDERS), lambda f: os.truncate(f / f"{ORDERS}.parquet", 2000)),
        "the file is cut off or is no Parquet .*; get the file again",
    ),
    "Parquet overwritten in the middle": (
        in_turn(to_parquet(ORDERS), recode_parquet),
        "the file cannot be read .*; get it again",
    ),
    "a Parquet part cut off": (
        cut_part,
        "in its part part-00001.snappy.parquet, the file is cut off",
    ),
    "a Parquet part without a column": (
        part_without_a_column,
        "in its part part-00001.snappy.parquet, no column order_status",
    ),
    "folder of CSV parts": (
        as_folder(ORDERS, "part-00000.csv", "_SUCCESS"),
        "this is a folder without Parquet files; put .* into one CSV file",
    ),
    "empty folder": (as_folder(ORDERS), "this is a folder without Parquet files"),
    "carriage return in a value without quotes": (
        recode(ORDERS, lambda t: re.sub(rb",(20\d\d)", rb",\1\r", t, count=1)),
        r"the file has a carriage return within line \d+ that ends no line; line ends are mixed",
    ),
    "link to nothing": (link_to_nothing, "the file is a link to elsewhere.csv, which is not there"),
    "pipe": (pipe, "this is neither a file nor a folder"),
    "offsets in some rows": (
        with_offset(ORDERS, "-03:00", rows_with=slice(3)),
        r"in column order_purchase_timestamp 3 of [\d,]+ times have an offset from UTC "
        r"\(order_id [0-9a-f]{32}: 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d-03:00\) and [\d,]+ have none "
        r"\(order_id [0-9a-f]{32}: [-\d]+ [:\d]+\); write all of them one way",
    ),
    "offsets in most rows": (
        with_offset(ORDERS, "Z", rows_with=slice(7, None)),
        "in column order_purchase_timestamp .* and 7 have none",
    ),
    "offsets in some rows, mixed line ends": (
        in_turn(with_offset(ORDERS, "Z", rows_with=slice(3)), recode(ORDERS, mixed)),
        "in column order_purchase_timestamp 3 of",
    ),
    "offsets in some rows of Parquet": (
        in_turn(with_offset(ORDERS, "+05:30", rows_with=slice(3)), to_parquet(ORDERS)),
        "in column order_purchase_timestamp 3 of",
    ),
    "Parquet parts with and without a zone": (
        parts_in_two_zones,
        r"in column order_purchase_timestamp .*\+00\) and",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_it_is_refused_in_a_sentence(kind: str, folder: Path) -> None:
    make, sentence = REFUSED[kind]
    make(folder)
    (problem,) = raw_folder.problems(folder, project=PROJECT)
    assert problem.startswith(ORDERS)
    assert re.search(sentence, problem), problem
    assert problem.endswith(".")
    assert "\n" not in problem


def test_an_unreadable_file_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests: the superuser may read everything."""
    (folder / f"{ORDERS}.csv").chmod(0)

    def refuse(path: Path) -> bool:
        if path.name == f"{ORDERS}.csv":
            raise PermissionError(13, "Permission denied")
        return False

    monkeypatch.setattr("customer_segmentation.intake.raw_parquet.is_parquet", refuse)
    (problem,) = raw_folder.problems(folder, project=PROJECT)
    assert "cannot be read (permission denied); allow it: chmod u+r" in problem


def test_every_file_has_its_own_sentence(folder: Path) -> None:
    for name in NEEDED:
        (folder / f"{name}.csv").write_bytes(b"")
    assert len(raw_folder.problems(folder, project=PROJECT)) == len(NEEDED)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda path: path / "nowhere", "there is no such folder; OLIST_RAW_DIR says which"),
        (lambda path: path / "a_file", "this is a file, and OLIST_RAW_DIR must name the folder"),
    ],
)
def test_a_folder_that_is_none_is_one_sentence(make, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "a_file").touch()
    (problem,) = raw_folder.problems(make(tmp_path), project=PROJECT)
    assert sentence in problem


def as_timestamp(column: str) -> str:
    """Return what staging makes of a time: the macro itself, without dbt."""
    return rendered("macros/raw_values.sql", select=f"{{{{ to_timestamp('{column}') }}}}").strip()


@pytest.mark.parametrize(
    "make",
    [
        with_offset(ORDERS, "Z"),
        with_offset(ORDERS, "-03:00"),
        with_offset(ORDERS, "+00"),
        with_offset(ORDERS, " +0900"),
        with_offset(ORDERS, ".000Z"),
        in_turn(
            with_offset(ORDERS, "-03:00", rows_with=slice(0, None, 2)),
            with_offset(ORDERS, "Z", rows_with=slice(1, None, 2)),
        ),
        in_turn(with_offset(ORDERS, "+05"), to_parquet(ORDERS)),
        to_parquet(ORDERS, zone="UTC"),
        to_parquet(ORDERS, zone="America/Sao_Paulo"),
    ],
    ids=[
        "Z",
        "-03:00",
        "+00",
        "+0900 after a blank",
        "fractions",
        "two offsets",
        "text in Parquet",
        "moments in Parquet",
        "moments of another zone in Parquet",
    ],
)
def test_times_with_an_offset_become_utc(folder: Path, clean_folder: Path, make: Callable) -> None:
    """Whatever the time zone of the session."""
    make(folder)
    columns = ", ".join(
        as_timestamp(c) for c, kind in NEEDED[ORDERS].items() if kind == "timestamp"
    )
    moments = {}
    for path in (clean_folder, folder):
        table = raw_folder.look_into(path, NEEDED).tables[ORDERS]
        with duckdb.connect() as connection:
            for zone in ("UTC", "Asia/Tokyo", "America/Sao_Paulo"):
                connection.execute(f"set TimeZone = '{zone}'")
                moments[path, zone] = connection.execute(
                    f"select order_id, {columns} from {table_sql(table)} order by 1"
                ).fetchall()
    (found, *others) = moments.values()
    assert others == [found] * 5
    assert len(found) > 900


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2018-01-01 10:00:00", "2018-01-01 10:00:00"),
        ("2018-01-01T10:00", "2018-01-01 10:00:00"),
        ("2018-01-01", "2018-01-01 00:00:00"),
        ("2018-01-01T10:00:00-03:00", "2018-01-01 13:00:00"),
        ("2018-01-01 10:00-03", None),
        ("2018-01-01 10:00:00.25 +05:30", "2018-01-01 04:30:00.25"),
        ("2018-01-01 10:00:00 UTC", "2018-01-01 10:00:00"),
        ("2018-01-01 10:00:00 America/Sao_Paulo", "2018-01-01 12:00:00"),
        ("2018-02-30 10:00:00Z", None),
        ("2018-01-30 soon", None),
        ("2018-01-01 10:00:00 PM", None),
        ("yesterday", None),
    ],
)
def test_a_time_is_what_its_offset_says(text: str, moment: str | None) -> None:
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'Asia/Tokyo'")
        select = f"select cast({as_timestamp('text')} as varchar) from (select ? as text)"
        assert connection.execute(select, [text]).fetchone() == (moment,)


SEEDS: dict[str, tuple[str, Callable[[bytes], bytes], str]] = {
    "semicolons": (
        "segment_playbook",
        lambda t: t.replace(b",", b";"),
        "its values are separated by semicolons; save it as CSV in UTF-8, separated by commas",
    ),
    "tabs in UTF-16": (
        "states",
        lambda t: t.replace(b",", b"\t").decode().encode("utf-16"),
        "its encoding is UTF-16-LE, not UTF-8; its values are separated by tabs",
    ),
    "Latin-1": ("states", lambda t: t.decode().encode("latin-1"), "its encoding is Windows-1252"),
    "workbook": (
        "states",
        lambda t: b"PK\x03\x04",
        "the file is a zip archive or an Excel workbook",
    ),
    "0 bytes": ("states", lambda t: b"", "the file is empty"),
    "a column less": (
        "outlier_rules",
        lambda t: t.replace(b"feature,", b"characteristic,", 1),
        "no column feature; .*YAML",
    ),
    "capitals": (
        "outlier_rules",
        lambda t: t.replace(b"feature,", b"Feature,", 1),
        "no column feature",
    ),
    "empty columns": (
        "rfm_frequency_scores",
        lambda t: t.replace(b"\n", b",,\n"),
        "a column without a name",
    ),
    "decimal comma": (
        "maintenance_thresholds",
        lambda t: t.replace(b"0.25", b'"0,25"', 1),
        "in line 2, column act_value: '0,25' is not a number such as 0.25",
    ),
    "a comma without quotes": (
        "states",
        lambda t: t.replace(b"Acre", b"Acre, AC", 1),
        "line 2 has 6 values, and the header 5 columns",
    ),
    "a line of commas": ("states", lambda t: t + b",,,,\n", "line 29 has no values, only commas"),
    "a number with a point for a whole one": (
        "rfm_frequency_scores",
        lambda t: t.replace(b"3,5", b"3.5,5"),
        "column minimum_frequency: '3.5' is not a whole number",
    ),
    "no number": (
        "maintenance_thresholds",
        lambda t: t.replace(b"0.25", b"NaN", 1),
        "in line 2, column act_value: 'NaN' is not a number such as 0.25",
    ),
    "a number without end": (
        "outlier_rules",
        lambda t: t.replace(b"10000", b"inf", 1),
        "column maximum: 'inf' is not a number",
    ),
    "a number as programmers write it": (
        "policy_costs",
        lambda t: t.replace(b",150,", b",1_50,", 1),
        "column cost_value: '1_50' is not a number",
    ),
    "a number that no column holds": (
        "segment_actions",
        lambda t: t.replace(b"en,180,", b"en,18000000000,", 1),
        "'18000000000' is not a whole number of at most nine digits",
    ),
    "a line break within a name": (
        "segment_labels",
        lambda t: t.replace(b"Repeat buyers", b'"Repeat\nbuyers"', 1),
        r"in line 3, column name: 'Repeat\\nbuyers' has a line break",
    ),
    "a blank after a code": (
        "segment_actions",
        lambda t: t.replace(b",en,", b",en ,", 1),
        "in line 2, column language: 'en ' has a blank before or after it",
    ),
    "semicolons in a seed for a shop": (
        "own_orders/segment_labels",
        lambda t: t.replace(b",", b";"),
        "separated by semicolons",
    ),
}


@pytest.mark.parametrize("kind", SEEDS)
def test_a_seed_that_a_spreadsheet_has_saved_is_refused(kind: str, tmp_path: Path) -> None:
    seed, change, sentence = SEEDS[kind]
    folder = Path(shutil.copytree(PROJECT / "seeds", tmp_path / "seeds"))
    assert seed_files.problems(folder) == []
    path = folder / f"{seed}.csv"
    before = path.read_bytes()
    path.write_bytes(change(before))
    assert path.read_bytes() != before
    (problem,) = seed_files.problems(folder)
    assert re.match(rf"seeds/{seed}\.csv: .*{sentence}.*\.$", problem), problem


@pytest.mark.parametrize(
    "change", [lambda t: b"\xef\xbb\xbf" + t, with_crlf, lambda t: t + b"\n\n"]
)
def test_a_seed_that_dbt_reads_rightly_passes(change: Callable, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(PROJECT / "seeds", tmp_path / "seeds"))
    for path in folder.glob("*.csv"):
        path.write_bytes(change(path.read_bytes()))
    assert seed_files.problems(folder) == []


def test_pieces_of_a_text_can_end_anywhere(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file is looked at in pieces; what is found does not depend on where they end."""
    recode(REVIEWS, lambda t: mixed(mixed(t, then=lambda u: b"\xef\xbb\xbf" + u)))(folder)
    path = folder / f"{REVIEWS}.csv"

    def looked() -> tuple[raw_csv.CsvFile, bytes]:
        file = raw_csv.look(path, needed=list(NEEDED[REVIEWS]), has_times=True)
        raw_csv.write_copy(file, folder / "copy")
        return file, (folder / "copy").read_bytes()

    whole = looked()
    assert whole[0].line_ends == raw_text.LineEnds(is_one_kind=False)
    assert whole[0].has_inner_marks
    for size in (1, 7, 64, 4096):
        monkeypatch.setattr(raw_text, "PIECE_BYTES", size)
        assert looked() == whole


ODD = in_turn(
    to_parquet(ORDERS, zone="America/Sao_Paulo"),
    rewrite(CUSTOMERS, lambda r: r, delimiter="\t", encoding="utf-16", lineterminator="\r\n"),
    decimal_comma(ITEMS),
    recode(PAYMENTS, lambda t: gzip.compress(mixed(t)), to=".CSV.gz"),
    with_offset(REVIEWS, "-03:00"),
    recode(REVIEWS, lambda t: mixed(t).decode().encode("cp1252")),
    lambda folder: as_frame(folder, PRODUCTS).to_csv(folder / f"{PRODUCTS}.csv"),
    recode(GEOLOCATION, lambda t: t.decode().encode("latin-1")),
    to_parquet(SELLERS, parts=2),
    rewrite(
        TRANSLATION,
        lambda r: [[c.title() for c in r[0]], *r[1:]],
        quotechar="'",
        quoting=csv.QUOTE_ALL,
    ),
)


@pytest.mark.build
@pytest.mark.thorough
def test_odd_files_on_an_odd_machine_give_the_same_tables(
    run, clean_folder: Path, folder: Path, tmp_path: Path
) -> None:
    """Every table from the files to the segments, by plain dbt, in a zone where it is the day after."""
    ODD(folder)
    built = []
    for name, raw_dir, machine in (
        ("plain", clean_folder, {"TZ": "UTC", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "0"}),
        ("odd", folder, {"TZ": "Asia/Tokyo", "LC_ALL": "C", "PYTHONHASHSEED": "1"}),
    ):
        database = tmp_path / name / "olist.duckdb"
        done = run(
            *("dbt", "build", "--selector", "spine", *WITHOUT_TESTS),
            raw_dir=raw_dir,
            database=database,
            **machine,
        )
        assert done.returncode == 0, done.stdout[-4000:]
        built.append(table_fingerprints(database))
    plain, odd = built
    assert {name for name in plain if plain[name] != odd.get(name)} == set()
    assert "segmentation_work.kmeans_assignments" in plain
    assert f"{REVIEWS}.csv is read as it is: its encoding is Windows-1252" in done.stdout
    # The copies that were read are gone.
    assert [path.name for path in database.parent.iterdir()] == ["olist.duckdb"]


@pytest.mark.build
@pytest.mark.thorough
def test_damaged_rows_of_odd_files_are_in_the_quarantine(run, folder: Path, tmp_path: Path) -> None:
    """Rows that were read and rows that were refused are as many as there were, one by one."""
    rows = {name: len(records(folder / f"{name}.csv")) - 1 for name in NEEDED}
    in_turn(
        append(CUSTOMERS, b"short,person", b"sound,person,01001,sao paulo,SP", LATIN, end=b"\r\n"),
        append(CUSTOMERS, b'unclosed,person,01001,"sao paulo,SP', b'after,person,01001,"x",SP'),
        append(REVIEWS, b"short,row"),
        recode(REVIEWS, lambda t: t.decode().encode("cp1252")),
        append(PAYMENTS, b"nowhere,1,boleto,1,1.00", b"nowhere,2"),
        recode(PAYMENTS, gzip.compress, to=".csv.gz"),
        rewrite(
            ITEMS,
            lambda r: [
                *r,
                ["nowhere", "1", "product", "seller", "2018-01-01 10:00:00", "1,2,3", "1.00"],
                ["long"] * 9,
            ],
            delimiter=";",
        ),
        rewrite(SELLERS, lambda r: [*r, ["s1", "130231", "campinas", "SP"]]),
        to_parquet(SELLERS, parts=2),
    )(folder)
    database = tmp_path / "warehouse" / "olist.duckdb"
    done = run(
        *("dbt", "build", "--select", "path:models/adapters/olist/staging", *WITHOUT_TESTS),
        raw_dir=folder,
        database=database,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    loads = {
        name: counts
        for name, *counts in query(
            database,
            "select file_name, raw_rows - staged_rows - rejected_rows, raw_rows, rejected_rows"
            " from staging.raw_loads",
        )
    }
    more = {CUSTOMERS: (5, 4), REVIEWS: (1, 1), PAYMENTS: (2, 2), ITEMS: (2, 2), SELLERS: (1, 1)}
    assert loads == {
        name: [0, count + more.get(name, (0, 0))[0], more.get(name, (0, 0))[1]]
        for name, count in rows.items()
    }
    reasons = query(
        database, f"select reason from staging.rejected_rows where file_name = '{ITEMS}'"
    )
    assert sorted(reasons) == [("csv: too many columns",), ("price is not an amount",)]


@pytest.mark.build
@pytest.mark.thorough
def test_plain_dbt_refuses_in_the_same_sentences(run, folder: Path, tmp_path: Path) -> None:
    """Before anything is written, and also when nothing that reads the file is selected."""
    in_turn(
        replaced_by(ORDERS, b""),
        recode(PAYMENTS, lambda t: t[:-1] + b"\0"),
        with_offset(REVIEWS, "Z", rows_with=slice(1)),
    )(folder)
    database = tmp_path / "warehouse" / "olist.duckdb"
    done = run("dbt", "run", "--select", "stg_sellers", raw_dir=folder, database=database)
    assert done.returncode != 0
    assert "START sql" not in done.stdout
    found = raw_folder.problems(folder, project=PROJECT)
    assert len(found) == 3
    printed = re.sub(r"\s+", " ", done.stdout)
    for problem in found:
        assert problem in printed
    assert query(database, "from duckdb_tables()") == []
