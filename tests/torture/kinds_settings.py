"""Settings and options that cannot be used, and those that change what a build is."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from torture.damage import CUSTOMERS, ORDERS, csv_of, rewritten, rows_of, write_rows
from torture.fingerprints import fingerprint
from torture.ground import PROJECT, require
from torture.kinds import PUBLISHED, REFUSED, STOPPED, Kind

OPTIONS = "Options"
SETTINGS = "Settings"
SEGMENTS = "Data without segments"
SEEDS = "Seeds"
NAME = "olist.duckdb"
PLAYBOOK = "segment_playbook"
STATES = ("--select", "states", "--indirect-selection", "cautious")
SPINE = ("--partial", "--selector", "spine")


def refused_option(name: str, *options: str, says: tuple[str, ...]) -> Kind:
    """Return a kind of options with which nothing may be published."""
    return Kind(OPTIONS, name, REFUSED, options=options, says=says)


def unpublished(name: str, *options: str, says: tuple[str, ...]) -> Kind:
    """Return a kind of options with which something is built and nothing is published."""
    return Kind(OPTIONS, name, STOPPED, options=options, says=("not published", *says))


def refused_var(name: str, value: str, *says: str) -> Kind:
    """Return a kind of a var that cannot be used."""
    var = name.split()[0].strip(",")
    return Kind(
        SETTINGS,
        f"var {name}",
        REFUSED,
        options=("--partial", "--vars", f"{{{var}: {value}}}", "--selector", "spine"),
        says=(var, *says),
    )


def refused_setting(name: str, setting: str, value: str, *says: str) -> Kind:
    """Return a kind of an environment variable that cannot be used."""
    return Kind(
        SETTINGS, name, REFUSED, settings={setting: value}, options=SPINE, says=(setting, *says)
    )


def refused_seed(name: str, change: Callable[[bytes], bytes], *says: str) -> Kind:
    """Return a kind of the playbook's file as a spreadsheet saves it, in a copy of the project."""

    def place(folder: Path) -> None:
        (folder / "project").mkdir()
        for path in PROJECT.iterdir():
            if not path.name.startswith(".") and path.name not in ("seeds", "target", "logs"):
                (folder / "project" / path.name).symlink_to(path)
        shutil.copytree(PROJECT / "seeds", folder / "project" / "seeds")
        seed = folder / "project" / "seeds" / f"{PLAYBOOK}.csv"
        seed.write_bytes(change(seed.read_bytes()))

    settings = {"DBT_PROJECT_DIR": "project", "DBT_PROFILES_DIR": "project"}
    return Kind(
        SEEDS, name, REFUSED, place=place, says=(PLAYBOOK, *says), settings=settings, options=SPINE
    )


def once_each(folder: Path) -> None:
    """Let everybody have ordered once: the person is the customer of the order."""
    rewritten(CUSTOMERS, lambda rows: [rows[0], *([row[0], row[0], *row[2:]] for row in rows[1:])])(
        folder
    )


def a_day(folder: Path) -> None:
    """Keep the orders of the first ten days only, and what goes with them."""
    rows = rows_of(folder, ORDERS)
    rows[1:] = sorted(rows[1:], key=lambda row: row[3])
    first = rows[1][3]
    for row in rows[1:]:
        row[3:] = [first, *[""] * (len(row) - 4)]
    write_rows(csv_of(folder, ORDERS), rows)


def has_no_segment(database: Path) -> None:
    """The marts are there, and the last date says why it is not segmented."""
    import duckdb

    with duckdb.connect(str(database), read_only=True) as connection:
        note = connection.execute(
            "select arg_max(note, as_of_date) from segmentation.period_models"
        ).fetchone()[0]
        orders = connection.execute("select count(*) from marts.orders").fetchone()[0]
    require(orders > 0, "no orders in the marts")
    require("ot segmented" in note, f"the note of the last date is: {note}")


def published_has(*tables: str):
    """Return what sees that the published database has some tables."""

    def look(folder: Path) -> None:
        found = fingerprint(folder / NAME)
        require(set(tables) <= set(found), f"not published: {set(tables) - set(found)}")

    return look


KINDS = [
    refused_seed("a seed with semicolons", lambda t: t.replace(b",", b";"), "semicolons"),
    refused_seed("a seed in UTF-16", lambda t: t.decode().encode("utf-16"), "UTF-16"),
    refused_seed("a seed of 0 bytes", lambda _: b"", "empty"),
    refused_seed(
        "a seed without a column", lambda t: t.replace(b"segment_code", b"code", 1), "segment_code"
    ),
    refused_seed("a seed that is an Excel workbook", lambda _: b"PK\x03\x04" + bytes(90), "Excel"),
    Kind(
        OPTIONS,
        "a model that is not there",
        REFUSED,
        options=("--select", "custmers"),
        says=("not published",),
    ),
    unpublished("one table only", *STATES, says=("it did not build", "Readers would lose")),
    unpublished(
        "tests left out",
        "--select",
        "states",
        "--exclude-resource-type",
        "test",
        says=("it did not run", "tests"),
    ),
    unpublished("tables without rows", "--empty", *STATES, says=("--empty",)),
    unpublished(
        "a selector that leaves tables out",
        "--selector",
        "spine",
        says=("it did not build", "bi.customer_360"),
    ),
    refused_option("a selector that is not there", "--selector", "spin", says=("spin",)),
    refused_option("an option that is not there", "--nonsense", says=("nonsense",)),
    refused_option("vars that are no YAML", "--vars", "{n_clusters", says=("--vars", "YAML")),
    refused_option("another target of dbt", "--target", "production", says=("production",)),
    Kind(OPTIONS, "--help", PUBLISHED, options=("--help",), says=("usage:",)),
    Kind(
        OPTIONS,
        "a part, as asked for",
        PUBLISHED,
        options=("--partial", *STATES),
        says=("Partial, as asked for",),
        look=published_has("seeds.states"),
    ),
    refused_var("n_clusters", "1"),
    refused_var("n_clusters as text", "four"),
    refused_var("n_cluster, which is none", "5", "there is no setting", "n_clusters"),
    refused_var("order_basis", "shipped", "placed or delivered"),
    refused_var("first_as_of_date", "2017-13-01"),
    refused_var("max_rejected_share", "2"),
    refused_var("segmentation_features", "[age]", "age"),
    refused_var("feature_transforms", "{monetary: sqrt}", "sqrt"),
    refused_var("refresh_mode", "never"),
    refused_var("baseline_as_of_date", "soon"),
    refused_setting("SEGMENTATION_THREADS as text", "SEGMENTATION_THREADS", "two"),
    refused_setting("SEGMENTATION_THREADS 0", "SEGMENTATION_THREADS", "0"),
    refused_setting("SEGMENTATION_MEMORY_LIMIT as text", "SEGMENTATION_MEMORY_LIMIT", "lots"),
    refused_setting(
        "SEGMENTATION_TEMP_DIRECTORY in a file",
        "SEGMENTATION_TEMP_DIRECTORY",
        f"raw/{ORDERS}.csv/spill",
    ),
    refused_setting("SEGMENTATION_KEEP_DATABASES as text", "SEGMENTATION_KEEP_DATABASES", "two"),
    refused_setting("SEGMENTATION_KEEP_DATABASES below 0", "SEGMENTATION_KEEP_DATABASES", "-1"),
    refused_setting(
        "SEGMENTATION_KEEP_DATABASES with a decimal", "SEGMENTATION_KEEP_DATABASES", "2.5"
    ),
    refused_setting(
        "SEGMENTATION_KEEP_DATABASES in other digits", "SEGMENTATION_KEEP_DATABASES", "\u0662"
    ),
    refused_setting(
        "SEGMENTATION_KEEP_DATABASES of many digits", "SEGMENTATION_KEEP_DATABASES", "9" * 30
    ),
    Kind(
        SEGMENTS,
        "everybody has ordered once",
        PUBLISHED,
        damage=once_each,
        options=SPINE,
        says=("no as-of date could be segmented", "Try n_clusters: 3"),
        status=1,
        look=lambda folder: has_no_segment(folder / NAME),
    ),
    Kind(
        SEGMENTS,
        "all orders at one moment",
        PUBLISHED,
        damage=a_day,
        options=SPINE,
        says=("no as-of date could be segmented", "days of history"),
        status=1,
    ),
    Kind(
        SEGMENTS,
        "first_as_of_date after the data",
        PUBLISHED,
        options=(*SPINE, "--vars", "{first_as_of_date: 2030-01-01}"),
        says=("2030-01-01",),
    ),
    Kind(
        SEGMENTS,
        "more customers are wanted than there are",
        PUBLISHED,
        options=(*SPINE, "--vars", "{minimum_customers: 1000000}"),
        says=("no as-of date could be segmented", "1000000"),
        status=1,
    ),
]
