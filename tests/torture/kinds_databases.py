"""What SEGMENTATION_DATABASE may name, and what a rollback may be told: followed, or refused and left untouched."""

from __future__ import annotations

import fcntl
import functools
import operator
import os
import shutil
import sqlite3
import struct
from collections.abc import Callable
from pathlib import Path
from typing import IO

import duckdb

from torture.damage import ORDERS
from torture.ground import require
from torture.kinds import PUBLISHED, REFUSED, Kind
from torture.miniature import make_miniature, number_in

DATABASES = "Databases"
NAMES = "Names of databases"
ROLLBACKS = "Rollbacks"
NAME = "olist.duckdb"
# One seed, so that dbt runs and is quick.
QUICK = ("--partial", "--select", "states", "--indirect-selection", "cautious")
# Where DuckDB writes the number of its file format.
FORMAT_POSITION = 12
# Of the checksum of its first block.
CHECKSUM_START, CHECKSUM_FACTOR = 5381, 0xBF58476D1CE4E5B9
HELD: dict[Path, IO[str]] = {}

Place = Callable[[Path], None]


def refused(name: str, database: str, place: Place, *says: str, **how) -> Kind:
    """Return a kind of database that is refused before anything is built."""
    settings = {"SEGMENTATION_DATABASE": database}
    return Kind(
        DATABASES, name, REFUSED, place=place, says=says, settings=settings, options=QUICK, **how
    )


def followed(area: str, name: str, database: str, place: Place, **how) -> Kind:
    """Return a kind of database name that works: build twice, and find the tables there."""
    settings = {"SEGMENTATION_DATABASE": database}
    return Kind(
        area,
        name,
        PUBLISHED,
        place=place,
        says=("Published",),
        settings=settings,
        options=QUICK,
        **({"look": has_states(database)} | how),
    )


def nothing(_: Path) -> None:
    """Leave the folder as it is."""


def holds(name: str, content: bytes) -> Place:
    """Put a file there."""
    return lambda folder: (folder / name).write_bytes(content) and None


def has_states(name: str) -> Place:
    """See that the database has the table that was asked for."""

    def look(folder: Path) -> None:
        with duckdb.connect(str((folder / name).resolve()), read_only=True) as connection:
            rows = connection.execute("select count(*) from seeds.states").fetchone()[0]
        require(rows == 27, f"{rows} states")

    return look


def published_as(name: str) -> Place:
    """Give the published database another name."""

    def place(folder: Path) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.move(folder / NAME, folder / name)

    return place


def sqlite(folder: Path) -> None:
    """Make an SQLite database."""
    with sqlite3.connect(folder / "shop.db") as connection:
        connection.execute("create table orders (id integer)")
    connection.close()


def foreign(folder: Path) -> None:
    """Make a DuckDB database of something else."""
    with duckdb.connect(str(folder / "shop.duckdb")) as connection:
        connection.execute("create table orders as select 1 as id")


def encrypted(folder: Path) -> None:
    """Make a DuckDB database that wants a key."""
    with duckdb.connect() as connection:
        connection.execute("set force_mbedtls_unsafe = 'true'")
        connection.execute(f"attach '{folder / 'secret.duckdb'}' as s (encryption_key 'key')")
        connection.execute("create table s.orders as select 1 as id")


def truncated(folder: Path) -> None:
    """Cut the published database off."""
    path = folder / NAME
    path.write_bytes(path.read_bytes()[:20_000])


def of_a_newer_format(folder: Path) -> None:
    """Make it the file of a newer DuckDB: another number of its format, and a checksum that agrees."""
    content = bytearray((folder / NAME).read_bytes())
    content[FORMAT_POSITION] = 250
    words = struct.unpack("<511Q", content[8:4096])
    digests = (word * CHECKSUM_FACTOR % 2**64 for word in words)
    content[:8] = struct.pack("<Q", functools.reduce(operator.xor, digests, CHECKSUM_START))
    (folder / NAME).write_bytes(bytes(content))


def with_broken_header(folder: Path) -> None:
    """Change a byte of both headers."""
    content = bytearray((folder / NAME).read_bytes())
    for position in (4096 + 20, 8192 + 20):
        content[position] ^= 0xFF
    (folder / NAME).write_bytes(bytes(content))


def link(name: str, *targets: str) -> Place:
    """Make a link that leads over others to the last."""

    def place(folder: Path) -> None:
        for source, target in zip((name, *targets[:-1]), targets, strict=True):
            (folder / source).symlink_to(target)

    return place


def linked_to_text(folder: Path) -> None:
    """Make a link to somebody's text."""
    (folder / "notes.txt").write_text("mine")
    (folder / "link.duckdb").symlink_to("notes.txt")


def folder_at(name: str) -> Place:
    """Make a folder."""
    return lambda folder: (folder / name).mkdir()


def locked(folder: Path) -> None:
    """Do as another build does that is running."""
    HELD[folder] = (folder / ".olist.lock").open("w")
    fcntl.flock(HELD[folder], fcntl.LOCK_EX)


def unlock(folder: Path) -> None:
    """End what `locked` began."""
    HELD.pop(folder).close()


def link_stays(folder: Path) -> None:
    """See that the link is one, and that what it leads to is the new database."""
    require((folder / "link.duckdb").is_symlink(), "the link has gone")
    has_states("link.duckdb")(folder)


REFUSED_DATABASES = [
    refused(
        "a text",
        "notes.txt",
        holds("notes.txt", b"remember the milk\n"),
        "notes.txt",
        "no DuckDB database",
    ),
    refused("a CSV file", f"raw/{ORDERS}.csv", nothing, "no DuckDB database"),
    refused(
        "a picture", "a.png", holds("a.png", b"\x89PNG\r\n\x1a\n" + bytes(90)), "no DuckDB database"
    ),
    refused(
        "a Parquet file", "a.parquet", holds("a.parquet", b"PAR1" + bytes(90)), "no DuckDB database"
    ),
    refused("an SQLite database", "shop.db", sqlite, "SQLite"),
    refused(
        "a DuckDB database of something else",
        "shop.duckdb",
        foreign,
        "not one of this project",
        "orders",
    ),
    refused("a DuckDB database with a key", "secret.duckdb", encrypted, "secret.duckdb"),
    refused("0 bytes", "empty.duckdb", holds("empty.duckdb", b""), "0 bytes"),
    refused("a database that was cut off", NAME, truncated, "cannot be read"),
    refused("a database with broken headers", NAME, with_broken_header, "cannot be read"),
    refused("a database of a newer DuckDB", NAME, of_a_newer_format, "cannot be read"),
    refused("a folder", "warehouse", folder_at("warehouse"), "a folder"),
    refused("the raw folder", "raw", nothing, "a folder"),
    refused("/dev/null", "/dev/null", nothing, "no regular file"),
    refused(":memory:", ":memory:", nothing, "names no file"),
    refused("blanks", "   ", nothing, "names no file"),
    refused("an address", "s3://bucket/olist.duckdb", nothing, "names no file"),
    refused("a service", "md:olist", nothing, "names no file"),
    refused("a name of 300 letters", "x" * 300, nothing, "too long"),
    refused("a path of 5,000 letters", "x/" * 2500 + "o.duckdb", nothing, "SEGMENTATION_DATABASE"),
    refused("a line break in the name", "a\nb.duckdb", nothing, "line break"),
    refused("a name in a file", f"raw/{ORDERS}.csv/olist.duckdb", nothing, "SEGMENTATION_DATABASE"),
    refused(
        "a folder that cannot be written to", "/proc/olist.duckdb", nothing, "cannot be written to"
    ),
    refused("a folder in the place of the lock", NAME, folder_at(".olist.lock"), "in the way"),
    refused(
        "a file in the place of the side folder", NAME, holds(".olist.building", b"x"), "in the way"
    ),
    refused(
        "a file in the place of the earlier databases",
        NAME,
        holds(".olist.previous", b"x"),
        "in the way",
    ),
    refused("a link to a text", "link.duckdb", linked_to_text, "no DuckDB database"),
    refused("a link to a folder", "link.duckdb", link("link.duckdb", "raw"), "a folder"),
    refused(
        "links in a circle",
        "link.duckdb",
        link("link.duckdb", "other.duckdb", "link.duckdb"),
        "SEGMENTATION_DATABASE",
    ),
    refused("another build is running", NAME, locked, "another build", look=unlock),
    *(
        refused(f"the name of a schema, {name}", f"{name}.duckdb", nothing, name)
        for name in ("marts", "staging", "information_schema", "main", "system", "temp")
    ),
]

REFUSED_DATABASES += [
    refused(f"the name `{name}`", name, published_as(name), "SEGMENTATION_DATABASE")
    for name in ("o'list.duckdb", 'o"list.duckdb', "a;b.duckdb", "a?b.duckdb")
]
FOLLOWED = [
    followed(DATABASES, "a link", "link.duckdb", link("link.duckdb", NAME), look=link_stays),
    followed(
        DATABASES,
        "a link over another in another folder",
        "link.duckdb",
        link("link.duckdb", "other.duckdb", NAME),
        look=link_stays,
    ),
    followed(
        DATABASES,
        "a link to a file that is not there yet",
        "link.duckdb",
        link("link.duckdb", "later.duckdb"),
        look=link_stays,
    ),
    followed(DATABASES, "a folder that is not there yet", "a/b/olist.duckdb", nothing),
    *(
        followed(NAMES, f"`{name}`", name, published_as(name))
        for name in (
            *(
                "ol ist.duckdb",
                "Olíst.duckdb",
                "$HOME.duckdb",
            ),
            *(
                "olist.2018.duckdb",
                "olist.db",
                "olist",
                ".olist",
                "-olist.duckdb",
                "a*b[1].duckdb",
                "50%.duckdb",
            ),
            *(
                "{{ olist }}.duckdb",
                "last_build.duckdb",
            ),
            *("select.duckdb", "2018.duckdb", "it is/here/olist.duckdb"),
        )
    ),
]


# --- rollbacks, on databases in miniature -----------------------------------------------------------------------------


def kept(folder: Path) -> list[Path]:
    """Publish build 3 and keep 1 and 2, the latter as the newest; return their names."""
    previous = folder / ".olist.previous"
    names = [previous / f"2018-01-0{number}T00-00-00.000000Z.duckdb" for number in (1, 2)]
    make_miniature(folder / NAME, 3, rows=10)
    for number, name in enumerate(names, start=1):
        make_miniature(name, number, rows=10)
    return names


def spoilt(content: bytes) -> Place:
    """Put something else in the place of the newest earlier database."""
    return lambda folder: kept(folder)[-1].write_bytes(content) and None


def foreign_kept(folder: Path) -> None:
    """Put a database of something else in the place of the newest earlier one."""
    newest = kept(folder)[-1]
    foreign(folder)
    shutil.move(folder / "shop.duckdb", newest)


def same_file(folder: Path) -> None:
    """Let the newest earlier database be the published file itself, as after a kill."""
    newest = kept(folder)[-1]
    newest.unlink()
    os.link(folder / NAME, newest)


def folder_kept(folder: Path) -> None:
    """Put a folder in the place of the newest earlier database."""
    newest = kept(folder)[-1]
    newest.unlink()
    newest.mkdir()


def nothing_kept(folder: Path) -> None:
    """Keep nothing."""
    shutil.rmtree(kept(folder)[0].parent)


def publishes(number: int) -> Place:
    """See which build is published, and that no log lies beside it."""

    def look(folder: Path) -> None:
        seen = number_in(folder / NAME)
        require(seen == number, f"build {seen} is published, not {number}")
        require(not (folder / f"{NAME}.wal").exists(), "a log beside the published file")

    return look


def rollback(name: str, place: Place, number: int, *says: str, to: str | None = None) -> Kind:
    """Return a kind of rollback after which a build is published; 3 when it is refused."""
    return Kind(
        ROLLBACKS,
        name,
        REFUSED if number == 3 else PUBLISHED,
        place=place,
        says=says,
        command=("customer_segmentation", "rollback"),
        options=() if to is None else ("--to", to),
        look=publishes(number),
    )


def kept_and_locked(folder: Path) -> None:
    """Keep two databases, and do as a build does that is running."""
    kept(folder)
    locked(folder)


def still_there(folder: Path) -> None:
    """End what `locked` began, and see that nothing has changed."""
    unlock(folder)
    publishes(3)(folder)


BACK = [
    Kind(
        ROLLBACKS,
        "a build is running",
        REFUSED,
        place=kept_and_locked,
        says=("another build",),
        command=("customer_segmentation", "rollback"),
        look=still_there,
    ),
    rollback("garbage is the newest earlier database", spoilt(b"garbage" * 99), 1, "Passed over"),
    rollback("0 bytes are the newest earlier database", spoilt(b""), 1, "Passed over"),
    rollback(
        "a database of something else is the newest earlier one", foreign_kept, 1, "Passed over"
    ),
    rollback("a folder is the newest earlier database", folder_kept, 1),
    rollback("the newest earlier database is the published file", same_file, 1),
    rollback("nothing is kept", nothing_kept, 3, "no earlier database"),
    *(
        rollback(f"TO={to}", lambda folder: kept(folder) and None, 3, "rollback: ", to=to)
        for to in (".", "..", "/", "", "../olist.duckdb", "olist.duckdb", "yesterday", "*.duckdb")
    ),
    rollback(
        "TO= an earlier database that is garbage",
        spoilt(b"garbage" * 99),
        3,
        "no DuckDB database",
        to="2018-01-02T00-00-00.000000Z.duckdb",
    ),
]
KINDS = [*REFUSED_DATABASES, *FOLLOWED, *BACK]
