"""What the columns of the orders mean: var shop, read and checked."""

from __future__ import annotations

import dataclasses
import difflib
import re
import zoneinfo
from collections.abc import Mapping as AnyMapping
from typing import Any

from customer_segmentation.shop.errors import ShopError

REQUIRED = ("customer_id", "ordered_at", "amount")
OPTIONAL = ("order_id", "status")
KEYS = (
    "orders", *REQUIRED, *OPTIONAL, "refund_statuses", "time_format", "time_zone", "currency",
    "notice", "name",
)  # fmt: skip
# Words of SQL in an expression that are no columns are not looked for.
NAME = re.compile(r'"(?:[^"]|"")+"|[A-Za-z_][A-Za-z_0-9]*')
LITERAL = re.compile(r"'(?:[^']|'')*'")


@dataclasses.dataclass(frozen=True)
class Mapping:
    """Which column, or SQL expression on columns, is what.

    Attributes
    ----------
    customer_id, ordered_at, amount : str
    order_id, status : str or None
        None where the shop has none.
    refund_statuses : tuple of str
        Values of status that say that money went back.
    time_format : str or None
        As of strptime; None for ISO times, or what is found to fit all of them.
    time_zone : str
        Of the shop: a time with an offset is turned into it before its day is taken.
    """

    customer_id: str
    ordered_at: str
    amount: str
    order_id: str | None = None
    status: str | None = None
    refund_statuses: tuple[str, ...] = ()
    time_format: str | None = None
    time_zone: str = "UTC"


def mapping_from(shop: AnyMapping[str, Any]) -> Mapping:
    """Read var shop.

    Raises
    ------
    ShopError
        With a sentence for each thing that is missing or unknown.
    """
    problems = []
    for key in shop:
        if key not in KEYS:
            alike = difflib.get_close_matches(str(key), KEYS, n=1)
            instead = f"did you mean {alike[0]}?" if alike else f"it has {', '.join(KEYS)}."
            problems.append(f"shop has no key {key}; {instead}")
    problems += [
        f"shop does not say what {key} is: name its column, or an SQL expression."
        for key in REQUIRED
        if not shop.get(key)
    ]
    zone = str(shop.get("time_zone") or "UTC")
    if zone not in zoneinfo.available_timezones():
        alike = difflib.get_close_matches(zone, zoneinfo.available_timezones(), n=1)
        problems.append(
            f"time_zone is '{zone}'; it is a name such as {alike[0] if alike else 'Europe/London'}."
        )
    currency = shop.get("currency")
    if currency is not None and not re.fullmatch("[A-Z]{3}", str(currency)):
        problems.append(f"currency is '{currency}'; it is three letters, such as EUR.")
    statuses = shop.get("refund_statuses") or []
    if not isinstance(statuses, list):
        problems.append(f"refund_statuses is '{statuses}'; it is a list, such as [refunded].")
    elif statuses and not shop.get("status"):
        problems.append("refund_statuses are named, but not the column: give status.")
    if problems:
        raise ShopError(*problems)
    return Mapping(
        customer_id=str(shop["customer_id"]),
        ordered_at=str(shop["ordered_at"]),
        amount=str(shop["amount"]),
        order_id=str(shop["order_id"]) if shop.get("order_id") else None,
        status=str(shop["status"]) if shop.get("status") else None,
        refund_statuses=tuple(str(one) for one in statuses),
        time_format=str(shop["time_format"]) if shop.get("time_format") else None,
        time_zone=zone,
    )


def columns_in(expression: str, columns: AnyMapping[str, str]) -> list[str]:
    """Return the columns that an expression names, in the order of the table.

    Parameters
    ----------
    expression : str
        A column's name as it is, or SQL.
    columns : mapping of str to str
        Those that there are.
    """
    if expression in columns:
        return [expression]
    words = {
        word[1:-1].replace('""', '"').casefold() if word.startswith('"') else word.casefold()
        for word in NAME.findall(LITERAL.sub("", expression))
    }
    return [name for name in columns if name.casefold() in words]


def column_of(expression: str, columns: AnyMapping[str, str]) -> str | None:
    """Return the column that an expression simply names, whatever the case, or None."""
    if expression in columns:
        return expression
    found = [name for name in columns if name.casefold() == expression.strip().casefold()]
    return found[0] if len(found) == 1 else None


def is_name(expression: str) -> bool:
    """Say whether an expression looks like a name and nothing else."""
    return re.fullmatch(r"[\w .#/-]+", expression) is not None and not re.search(
        r"\s[-/]\s", expression
    )
