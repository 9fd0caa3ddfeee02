"""What the columns of the orders mean: var shop, read and checked."""

from __future__ import annotations

import dataclasses
import difflib
import re
import zoneinfo
from collections.abc import Collection, Sequence
from collections.abc import Mapping as AnyMapping
from typing import Any

REQUIRED = ("customer_id", "ordered_at", "amount")
OPTIONAL = ("order_id", "status")
KEYS = (
    "orders", *REQUIRED, *OPTIONAL, "refund_statuses", "time_format", "time_zone", "currency",
    "notice", "name", "traits", "customers", "reviews",
)  # fmt: skip
CUSTOMERS_KEYS = ("from", "customer_id", "traits")
REVIEWS_KEYS = ("from", "order_id", "score", "answered_at", "time_format")
# Traits that have a column of their own in marts.customer_facts.
PLACES = ("state", "region", "country", "city")
# What segments are compared by already, under a name that a trait cannot have.
TAKEN_TRAITS = (
    "first_order_quarter", "last_purchase_weekday", "last_purchase_hour", "review_score", "review_of_an_order",
    "delivery_of_an_order", "city_size_customers", "delivery_delay_days", "payment_installments", "freight_share",
)  # fmt: skip
# ISO 4217 for none: no currency is written beside an amount.
NO_CURRENCY = "XXX"
TRAIT_NAME = re.compile("[a-z][a-z0-9_]{0,39}")
# Words of SQL in an expression that are no columns are not looked for.
NAME = re.compile(r'"(?:[^"]|"")+"|[^\W\d]\w*')
LITERAL = re.compile(r"'(?:[^']|'')*'")


class ShopError(Exception):
    """Orders cannot be used; each problem is a sentence that says why, and how to mend it."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n  - ".join(problems))
        self.problems: Sequence[str] = problems


@dataclasses.dataclass(frozen=True)
class Customers:
    """A file or table with a row per customer.

    Attributes
    ----------
    source : object
        As key `orders` of var shop.
    customer_id : str
    traits : dict of str to str
        Name to column or expression.
    """

    source: Any
    customer_id: str
    traits: dict[str, str]


@dataclasses.dataclass(frozen=True)
class Reviews:
    """What customers said of their orders.

    Attributes
    ----------
    source : object
        As key `orders` of var shop; None for columns of the orders.
    order_id : str or None
        None for columns of the orders.
    score, answered_at : str
    time_format : str or None
    """

    source: Any
    order_id: str | None
    score: str
    answered_at: str
    time_format: str | None = None


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
    traits : dict of str to str
        What customers may have in common: name to column of the orders, or expression.
    customers : Customers or None
    reviews : Reviews or None
    """

    customer_id: str
    ordered_at: str
    amount: str
    order_id: str | None = None
    status: str | None = None
    refund_statuses: tuple[str, ...] = ()
    time_format: str | None = None
    time_zone: str = "UTC"
    traits: dict[str, str] = dataclasses.field(default_factory=dict)
    customers: Customers | None = None
    reviews: Reviews | None = None

    @property
    def trait_names(self) -> tuple[str, ...]:
        """Those of the orders, then those of the customers."""
        return (*self.traits, *(self.customers.traits if self.customers else ()))


def mapping_from(shop: AnyMapping[str, Any]) -> Mapping:
    """Read var shop.

    Raises
    ------
    ShopError
        With a sentence for each thing that is missing or unknown.
    """
    problems = _unknown(shop, "shop", KEYS)
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
    traits = _traits(shop.get("traits"), "traits", problems)
    customers = _customers(shop.get("customers"), problems)
    reviews = _reviews(shop.get("reviews"), problems)
    problems += [
        f"trait {name} is a column of the orders and one of the customers: leave one of them out."
        for name in traits
        if customers and name in customers.traits
    ]
    if reviews and reviews.source and not shop.get("order_id"):
        problems.append(
            "reviews name orders by order_id, and these orders have none: give order_id, or leave `from` out when the"
            " reviews are columns of the orders."
        )
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
        traits=traits,
        customers=customers,
        reviews=reviews,
    )


def left_out(traits: Collection[str], *, has_reviews: bool) -> list[str]:
    """Return what a shop's orders do not have.

    Parameters
    ----------
    traits : collection of str
        Their names.
    has_reviews : bool
    """
    return [
        *([] if has_reviews else ["reviews"]),
        *([] if set(PLACES) & set(traits) else ["places"]),
        *([] if "product_category" in traits else ["categories"]),
        "deliveries",
        "sellers",
    ]


def in_currency(currency: str) -> str:
    """Return what stands after an amount: the currency with a blank before it, or nothing when it is not known."""
    return "" if currency == NO_CURRENCY else f" {currency}"


def _unknown(given: AnyMapping[str, Any], what: str, keys: tuple[str, ...]) -> list[str]:
    found = []
    for key in given:
        if key not in keys:
            alike = difflib.get_close_matches(str(key), keys, n=1)
            instead = f"did you mean {alike[0]}?" if alike else f"it has {', '.join(keys)}."
            found.append(f"{what} has no key {key}; {instead}")
    return found


def _traits(said: Any, what: str, problems: list[str]) -> dict[str, str]:
    if not said:
        return {}
    if not isinstance(said, AnyMapping):
        problems.append(
            f"{what} is {said!r}; it is names and columns, such as {{country: Country}}."
        )
        return {}
    for name, expression in said.items():
        if not TRAIT_NAME.fullmatch(str(name)):
            problems.append(
                f"{what} has {name}; the name of a trait is small letters, digits and _, such as sales_channel."
            )
        elif name in TAKEN_TRAITS:
            problems.append(
                f"{what} has {name}, which segments are compared by anyway; choose another name."
            )
        elif not expression:
            problems.append(
                f"{what} does not say what {name} is: name its column, or an SQL expression."
            )
    return {str(name): str(expression) for name, expression in said.items()}


def _group(
    said: Any, what: str, keys: tuple[str, ...], needed: tuple[str, ...], problems: list[str]
) -> AnyMapping[str, Any] | None:
    """Return a mapping that has what it needs; None when it is not there or cannot be used."""
    if not said:
        return None
    if not isinstance(said, AnyMapping):
        problems.append(f"{what} is {said!r}; it has {', '.join(keys)}.")
        return None
    found = _unknown(said, what, keys)
    found += [f"{what} does not say what {key} is." for key in needed if not said.get(key)]
    problems += found
    return None if found else said


def _customers(said: Any, problems: list[str]) -> Customers | None:
    given = _group(said, "customers", CUSTOMERS_KEYS, CUSTOMERS_KEYS, problems)
    if given is None:
        return None
    return Customers(
        source=given["from"],
        customer_id=str(given["customer_id"]),
        traits=_traits(given["traits"], "traits of customers", problems),
    )


def _reviews(said: Any, problems: list[str]) -> Reviews | None:
    needed: tuple[str, ...] = ("score", "answered_at")
    if isinstance(said, AnyMapping) and said.get("from"):
        needed = ("order_id", *needed)
    given = _group(said, "reviews", REVIEWS_KEYS, needed, problems)
    if given is None:
        return None
    return Reviews(
        source=given.get("from"),
        order_id=str(given["order_id"]) if given.get("order_id") else None,
        score=str(given["score"]),
        answered_at=str(given["answered_at"]),
        time_format=str(given["time_format"]) if given.get("time_format") else None,
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
