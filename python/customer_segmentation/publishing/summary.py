"""What a person reads of a database that is published."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb

from customer_segmentation._sql import sql_text
from customer_segmentation._words import counted
from customer_segmentation.publishing.readers import one_row
from customer_segmentation.shop import in_currency, left_out

DEFAULT_RAW_DIR = "data/sample"


def summary(database: Path, published: Path) -> str:
    """Describe a database that is published, or is about to be, for a person.

    Parameters
    ----------
    database : Path
        The file that is read. Of a partial one, what it has is told.
    published : Path
        The name that is told.

    Returns
    -------
    str
    """
    size = f"{database.stat().st_size / 1e6:,.0f} MB"
    with duckdb.connect(str(database), read_only=True) as connection:
        lines = [
            "",
            f"Published {published} ({size})",
            *_data_lines(connection),
            *_customer_lines(connection),
            *_segment_lines(connection),
        ]
    return "\n".join(lines)


def why_nothing_is_segmented(database: Path) -> str | None:
    """Say why a database has segments at no date.

    Parameters
    ----------
    database : Path

    Returns
    -------
    str or None
        A sentence: the note of the last date. None when a date is segmented, or when a partial
        database was not asked for segments.
    """
    with duckdb.connect(str(database), read_only=True) as connection:
        if not _has(connection, "segmentation", "period_models"):
            return None
        segmented, note = one_row(
            connection,
            "select count(model_id), coalesce(arg_max(note, as_of_date), 'There is no as-of date.')"
            " from segmentation.period_models",
        )
    return None if segmented else str(note)


def seconds_of_last_build(published: Path) -> float | None:
    """Return how long the build of a database took, in seconds; None when it does not say.

    Parameters
    ----------
    published : Path

    Returns
    -------
    float or None
    """
    try:
        with duckdb.connect(str(published), read_only=True) as connection:
            row = connection.execute(
                "select run_seconds from maintenance.run_totals where command = 'build'"
                " order by started_at desc, run_id limit 1"
            ).fetchone()
    except duckdb.Error:
        # A partial database, or one of another edition.
        return None
    return None if row is None else row[0]


def _has(connection: duckdb.DuckDBPyConnection, schema: str, name: str) -> bool:
    # In words: DuckDB loads pandas for a parameter, which takes longer than all that is asked here.
    return bool(
        connection.execute(
            f"select 1 from information_schema.tables where table_schema = {sql_text(schema)}"
            f" and table_name = {sql_text(name)}"
        ).fetchone()
    )


def _data_lines(connection: duckdb.DuckDBPyConnection) -> list[str]:
    if _has(connection, "input_work", "shop_lines"):
        return _shop_lines(connection)
    if not _has(connection, "staging", "raw_loads"):
        return []
    is_synthetic, raw_rows, rejected_rows = one_row(
        connection,
        "select bool_or(is_synthetic), sum(raw_rows), sum(rejected_rows) from staging.raw_loads",
    )
    raw_dir = os.environ.get("OLIST_RAW_DIR") or DEFAULT_RAW_DIR
    kind = "SYNTHETIC data, not Olist's" if is_synthetic else "data"
    return [f"  from {kind}: {raw_dir}, {counted(raw_rows, 'row')}, {rejected_rows:,} refused"]


def _customer_lines(connection: duckdb.DuckDBPyConnection) -> list[str]:
    if not _has(connection, "marts", "customers"):
        return []
    customers, orders, spent = one_row(
        connection,
        "select count(*), coalesce(sum(order_count), 0), coalesce(sum(total_spent), 0) from marts.customers",
    )
    currency = _currency(connection)
    return [
        f"  {counted(customers, 'customer')}, {counted(orders, 'order')}, {spent:,.2f}{currency}"
    ]


def _currency(connection: duckdb.DuckDBPyConnection) -> str:
    """Return what stands after an amount of a database; one of an earlier build does not name its currency."""
    try:
        return in_currency(str(one_row(connection, "select currency from marts.data_origin")[0]))
    except (duckdb.Error, LookupError, TypeError):
        return " BRL"


def _shop_lines(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Say what became of somebody's own orders, and what was assumed."""
    name, raw_rows, rejected = one_row(
        connection, "select data_name, raw_rows, rejected_rows from marts.data_origin"
    )
    currency = _currency(connection)
    columns = connection.execute(
        "select column_name from information_schema.columns where table_schema = 'input_work'"
        " and table_name = 'shop_lines'"
    ).fetchall()
    traits = [row[0].removeprefix("trait_") for row in columns if row[0].startswith("trait_")]
    quality = {
        check: (rows, amount)
        for check, rows, amount in connection.execute(
            "select check_name, found_rows, coalesce(found_amount, 0) from marts.data_quality"
        ).fetchall()
    }
    guests, guest_amount = quality.get("guests", (0, 0))
    refunds, refund_amount = quality.get("refunds", (0, 0))
    missing = left_out(traits, has_reviews="orphans" in quality)
    refund_only = quality.get("refunds only", (0, 0))[0]
    return [
        f"  from {name}: {counted(raw_rows, 'row')}, {rejected:,} without a time or an amount",
        f"  In no segment: {counted(guests, 'order')} of guests ({guest_amount:,.2f}{currency}) and"
        f" {counted(refund_only, 'person', 'people')} with refunds only; {counted(refunds, 'refund')}"
        f" ({refund_amount:,.2f}{currency})",
        "  Assumed: features are taken as log1p, segments are named by their rank in the shop, the last month may be"
        f" incomplete. Left out, as the orders do not have them: {', '.join(missing)}",
    ]


def _segment_lines(connection: duckdb.DuckDBPyConnection) -> list[str]:
    if not _has(connection, "segmentation", "period_models"):
        return []
    dates, models, fallbacks, unsegmented = one_row(
        connection,
        "select count(*), count(distinct model_id), count(*) filter (where is_fallback),"
        " count(*) filter (where model_id is null) from segmentation.period_models",
    )
    if not dates:
        return ["  No as-of date."]
    as_of_date, note = one_row(
        connection,
        "select as_of_date, note from segmentation.period_models order by as_of_date desc limit 1",
    )
    lines = [
        f"  {dates - unsegmented} of {counted(dates, 'as-of date')} segmented by {counted(models, 'model')}"
        + (f"; at {fallbacks} a new one was called for and could not be had" if fallbacks else ""),
        f"  Segments as of {as_of_date}. {note}",
    ]
    if _has(connection, "maintenance", "stability_baseline"):
        lines += [
            f"  {note}"
            for (note,) in connection.execute(
                "select note from maintenance.stability_baseline where not is_measured"
            ).fetchall()
        ]
    if not _has(connection, "segmentation", "segment_profiles"):
        return lines
    segments = connection.execute(
        "select segment_name, customers, customer_share, revenue_share"
        f" from segmentation.segment_profiles where as_of_date = date {sql_text(as_of_date)} order by cluster"
    ).fetchall()
    return lines + [
        f"    {name:<24}{count:>10,} {'customers' if count != 1 else 'customer ':<9} {share:>7.1%}"
        # Where nothing was paid in all, nobody has a share of it.
        + ("" if revenue is None else f"   {revenue:>6.1%} of revenue")
        for name, count, share, revenue in segments
    ]
