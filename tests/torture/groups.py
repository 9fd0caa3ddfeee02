"""Kinds of bad input that do not stop a build are tried many in one build, and judged one by one."""

from __future__ import annotations

import collections
import shutil
from pathlib import Path

import duckdb

from torture import cells, ground
from torture.fingerprints import fingerprint
from torture.ground import Done
from torture.judge import NAME, SELECTION, Clean, make_case, settings_of, shown
from torture.kinds import QUARANTINED, READ, Kind, Seen

# The staging model of each raw table.
MODELS = {
    "olist_customers_dataset": "stg_customers",
    "olist_geolocation_dataset": "stg_geolocation",
    "olist_order_items_dataset": "stg_order_items",
    "olist_order_payments_dataset": "stg_order_payments",
    "olist_order_reviews_dataset": "stg_order_reviews",
    "olist_orders_dataset": "stg_orders",
    "olist_products_dataset": "stg_products",
    "olist_sellers_dataset": "stg_sellers",
    "product_category_name_translation": "stg_product_categories",
}
# So many wrong rows are tried at once that their share is above the usual limit.
MANY_REFUSED = ("--vars", "{max_rejected_share: 0.9}")
# What a build that reads the same rows must have the same of.
COMPARED = ("staging", "intermediate", "marts")


def pack(kinds: list[Kind]) -> list[list[Kind]]:
    """Put kinds that must be read into groups whose members touch different tables and settings."""
    groups: list[list[Kind]] = []
    for kind in kinds:
        fitting = (group for group in groups if all(fit(kind, other) for other in group))
        group = next(fitting, None)
        if group is None:
            groups.append([kind])
        else:
            group.append(kind)
    return groups


def fit(kind: Kind, other: Kind) -> bool:
    """Say whether two kinds can be tried in one build."""
    if kind.cells or other.cells:
        return bool(kind.cells and other.cells)
    return not (set(kind.tables) & set(other.tables) or kind.settings.keys() & other.settings)


def group_of(kinds: list[Kind]) -> list[list[Kind]]:
    """Return the builds that are needed for all kinds of the outcomes `read` and `quarantined`."""
    read = [kind for kind in kinds if kind.outcome == READ]
    refused = [kind for kind in kinds if kind.outcome == QUARANTINED]
    return [*pack(read), *([refused] if refused else [])]


def try_group(group: list[Kind], clean: Clean, folder: Path) -> list[Seen]:
    """Build with all kinds of a group; when nothing is published, with halves of it until it is known why.

    Parameters
    ----------
    group : list of Kind
        All `read`, or all `quarantined`.
    clean : Clean
    folder : Path
        Made, and removed when all came out right.

    Returns
    -------
    list of Seen
        In the order of the group.
    """
    case = make_case(clean, folder / "case")
    damaged = None
    if group[0].cells:
        damaged = cells.damage(case / "raw", group, are_refused=group[0].outcome == QUARANTINED)
    for kind in group:
        if kind.damage:
            kind.damage(case / "raw")
    settings = {name: value for kind in group for name, value in kind.settings.items()}
    many = MANY_REFUSED if group[0].outcome == QUARANTINED else ()
    done = ground.run(
        *("customer_segmentation", "build", "--verbose"),
        *(*SELECTION, *many),
        folder=case,
        settings=settings_of(case, **settings),
    )
    if done.status != 0 or done.has_traceback:
        if len(group) == 1:
            return [
                Seen(
                    group[0],
                    "failed",
                    "",
                    f"{group[0].name}: it was not built\n{done.end}",
                )
            ]
        shutil.rmtree(folder)
        half = len(group) // 2
        return [
            *try_group(group[:half], clean, folder / "first"),
            *try_group(group[half:], clean, folder / "second"),
        ]
    if group[0].outcome == QUARANTINED:
        seen = quarantined(group, damaged, clean, case)
    else:
        seen = read(group, clean, case, done)
    if not any(one.failure for one in seen):
        shutil.rmtree(folder)
    return seen


def read(group: list[Kind], clean: Clean, case: Path, done: Done) -> list[Seen]:
    """Compare the tables with those of the clean folder; a kind answers for the raw tables that it touches."""
    found = fingerprint(case / NAME)
    names = {name for name in clean.tables if name.split(".")[0] in COMPARED}
    wrong = {name for name in names if found.get(name) != clean.tables[name]}
    of_base = {f"staging.{model}" for model in MODELS.values()}
    touched = {f"staging.{MODELS[table]}" for kind in group for table in kind.tables}
    seen = []
    for kind in group:
        own = {f"staging.{MODELS[table]}" for table in kind.tables}
        # Settings and the like answer for what no file explains.
        blamed = wrong & (own or of_base - touched) if wrong & of_base else wrong
        failure = (
            f"{kind.name}: other tables than the clean ones: {sorted(wrong)}" if blamed else ""
        )
        notes = [
            line
            for table in kind.tables
            for line in done.out.splitlines()
            if table in line and "read" in line
        ]
        message = shown(notes[0], case) if notes and len(kind.tables) == 1 else ""
        seen.append(Seen(kind, "other tables" if blamed else READ, message, failure))
    return seen


def quarantined(group: list[Kind], damaged: cells.Damaged, clean: Clean, case: Path) -> list[Seen]:
    """See that each row is refused for its reason, and that no other is but for orphans."""
    with duckdb.connect(str(case / NAME), read_only=True) as connection:
        rejected = connection.execute(
            "select file_name, reason, raw_text from staging.rejected_rows"
        ).fetchall()
        loads = {
            name: rows
            for name, *rows in connection.execute(
                "select file_name, raw_rows, staged_rows, rejected_rows from staging.raw_loads"
            ).fetchall()
        }
        connection.execute(f"attach '{clean.folder / NAME}' as clean (read_only)")
        wrong = [*balance(loads, damaged, connection), *strangers(connection)]
    seen = []
    for kind in group:
        table, mark = damaged.marks[kind.name]
        reasons = [reason for name, reason, text in rejected if name == table and mark in text]
        right = len(reasons) == 1 and reasons[0].startswith(kind.reason)
        failure = (
            "" if right else f"{kind.name}: in the quarantine as {reasons}, not as {kind.reason}"
        )
        seen.append(
            Seen(kind, QUARANTINED if reasons else "not refused", "; ".join(reasons), failure)
        )
    if wrong and not any(one.failure for one in seen):
        kind, outcome, message = group[0], seen[0].outcome, seen[0].message
        counts = collections.Counter(reason for _, reason, _ in rejected)
        seen[0] = Seen(kind, outcome, message, f"all together: {'; '.join(wrong)}\n{counts}")
    return seen


def balance(
    loads: dict[str, list[int]], damaged: cells.Damaged, connection: duckdb.DuckDBPyConnection
) -> list[str]:
    """Compare what became of the rows with what must: raw = staged + rejected, and how many are which."""
    clean = dict(
        connection.execute("select file_name, raw_rows from clean.staging.raw_loads").fetchall()
    )
    wrong = []
    for table, (raw, staged, refused) in loads.items():
        right_raw = clean[table] + damaged.added[table]
        right_refused = damaged.direct[table] + damaged.orphans[table]
        if (raw, staged, refused) != (right_raw, right_raw - right_refused, right_refused):
            wrong.append(
                f"{table}: {raw} raw, {staged} staged, {refused} refused, "
                f"where {right_raw} and {right_refused} are right"
            )
    return wrong


def strangers(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Name the tables with accepted rows that the clean folder has not."""
    # In a file with a quote that is not closed, line breaks within other quotes become of one kind.
    alike = "replace(review_comment_message, chr(13), '') as review_comment_message"
    wrong = []
    for table, model in MODELS.items():
        name = f"staging.{model}"
        columns = "* exclude (raw_text)"
        if model == "stg_order_reviews":
            columns += f" replace ({alike})"
        found = connection.execute(
            f"select count(*) from (select {columns} from {name} where reject_reason is null"
            f" except all select {columns} from clean.{name})"
        ).fetchone()[0]
        if found:
            wrong.append(f"{found} accepted rows of {table} are not those of the clean file")
    return wrong
