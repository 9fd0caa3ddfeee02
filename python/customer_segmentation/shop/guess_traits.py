"""Which columns say where customers live, what they buy, and what they think of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import duckdb

from customer_segmentation._sql import quoted
from customer_segmentation.shop.columns import Column, best, look_of
from customer_segmentation.shop.look import MOST_VALUES
from customer_segmentation.shop.mapping import ShopError
from customer_segmentation.shop.source import Source

# Words of a name without accents, the most telling first.
TRAITS = {
    "country": (
        "country", "customer country", "billing country", "shipping country", "land", "lieferland", "pays", "pais",
        "paese", "country code",
    ),
    "state": ("state", "province", "bundesland", "departement", "provincia", "kanton", "county"),
    "region": ("region", "regione", "sales region", "territory"),
    "city": (
        "city", "customer city", "town", "stadt", "wohnort", "ort", "ville", "ciudad", "cidade", "citta", "plaats",
    ),
    "sales_channel": (
        "sales channel", "channel", "order channel", "vertriebskanal", "kanal", "canal", "canal de vente", "canale",
        "marketplace", "device",
    ),
    "product_category": (
        "product category", "category", "product line", "product group", "product type", "department", "kategorie",
        "warengruppe", "produktgruppe", "categorie", "rayon", "categoria", "afdeling",
    ),
    "payment_type": (
        "payment type", "payment method", "payment", "zahlungsart", "mode de paiement", "moyen de paiement",
        "forma de pago", "forma de pagamento", "metodo di pagamento", "betaalwijze",
    ),
    "customer_type": (
        "customer type", "customer segment", "customer group", "kundengruppe", "kundentyp", "industry", "branche",
        "segment",
    ),
}  # fmt: skip
NO_TRAIT = re.compile(r"\bid\b|\bno\b|number|nummer|name|date|status|time|zip|postal|amount|value")
SCORE = (
    "review score", "review rating", "rating", "stars", "score", "bewertung", "sterne", "avis", "note", "valoracion",
    "puntuacion", "voto", "avaliacao", "beoordeling",
)  # fmt: skip
ANSWERED = re.compile(r"review|rating|answer|rated|feedback|bewert|avis|valora|avalia|beoordel")
ANSWERED_WORDS = (
    "answered at", "review answer timestamp", "answered", "reviewed at", "rated at", "review date", "rating date",
    "submitted at", "created at", "date", "datum", "timestamp",
)  # fmt: skip

ORDER_ID = (
    "order id", "order no", "order number", "order", "invoice", "bestell", "commande", "pedido", "ordine",
)  # fmt: skip
CUSTOMER_ID = (
    "customer id", "customer no", "customer number", "customer", "client", "user", "kunde", "email", "id",
)  # fmt: skip


def guess_traits(columns: Sequence[Column]) -> dict[str, str]:
    """Guess which columns are traits of customers.

    Parameters
    ----------
    columns : sequence of Column
        Those that mean nothing else.

    Returns
    -------
    dict of str to str
        Trait to column.
    """
    rows = max((one.filled for one in columns), default=0)
    found: dict[str, str] = {}
    for trait, words in TRAITS.items():
        telling = [
            one
            for one in columns
            if not one.is_number
            and not one.is_time
            and one.filled * 2 >= rows
            and 2 <= one.different <= (one.filled if trait == "city" else MOST_VALUES)
            and one.name not in found.values()
            and not NO_TRAIT.search(one.words)
        ]
        column = best(words, telling)
        if column is not None:
            found[trait] = column.name
    return found


def guess_reviews(
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    columns: Sequence[Column],
    notes: list[str],
) -> dict[str, str]:
    """Guess which columns of the orders are a score and the time at which it was given.

    Returns
    -------
    dict of str to str
        Keys of var shop.reviews; empty when there are none.
    """
    score = _score(connection, source, columns)
    if score is None:
        return {}
    answered = best(ANSWERED_WORDS, [one for one in columns if _is_answer(one)])
    answered = answered or next((one for one in columns if _is_answer(one)), None)
    if answered is None:
        notes.append(
            f"{score.name} looks like a review, and no column says when it was given, without which nobody knows when"
            f" it was known; it is left out. Or add reviews: {{score: {score.name}, answered_at: a column}}."
        )
        return {}
    return {"score": score.name, "answered_at": answered.name}


def guess_review_file(
    connection: duckdb.DuckDBPyConnection, source: Source, orders: Any, *, order_id: str | None
) -> dict[str, Any]:
    """Guess the columns of a file of reviews.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
    source : Source
        The reviews.
    orders : object
        Where they are, as key `from` of var shop.reviews has it.
    order_id : str or None
        Column of the orders.

    Raises
    ------
    ShopError
        When a column that is needed is not found.
    """
    columns = [look_of(connection, source, name) for name in source.columns]
    key = _key(columns, order_id, ORDER_ID)
    score = _score(connection, source, [one for one in columns if one is not key])
    times = [one for one in columns if one.is_time]
    answered = best(ANSWERED_WORDS, times) or (times[0] if times else None)
    missing = [
        what
        for what, one in (
            ("order_id", key),
            ("score (1 to 5)", score),
            ("answered_at (when)", answered),
        )
        if one is None
    ]
    if key is None or score is None or answered is None:
        raise _not_found("reviews", " or ".join(missing), source)
    return {
        "from": orders,
        "order_id": key.name,
        "score": score.name,
        "answered_at": answered.name,
    }


def guess_customer_file(
    connection: duckdb.DuckDBPyConnection, source: Source, orders: Any, *, customer_id: str
) -> dict[str, Any]:
    """Guess the columns of a file of customers; arguments as of `guess_review_file`.

    Raises
    ------
    ShopError
        When a column that is needed is not found.
    """
    columns = [look_of(connection, source, name) for name in source.columns]
    key = _key(columns, customer_id, CUSTOMER_ID)
    traits = guess_traits([one for one in columns if one is not key])
    if key is None or not traits:
        what = "customer_id" if key is None else f"one of {', '.join(TRAITS)}"
        raise _not_found("customers", what, source)
    return {"from": orders, "customer_id": key.name, "traits": traits}


def _key(columns: Sequence[Column], name: str | None, words: tuple[str, ...]) -> Column | None:
    """Return the column that is called as in the orders, or else after such a key."""
    same = (one for one in columns if name and one.name.casefold() == name.casefold())
    return next(same, None) or best(words, [one for one in columns if not one.is_time])


def _not_found(key: str, what: str, source: Source) -> ShopError:
    """Say what a file lacks, and how to say it by hand."""
    return ShopError(
        f"{source.label}: no column looks like {what}. Its header is {', '.join(source.columns)}."
        f" Write {key} in shop.yml by hand; docs/your_own_orders.md shows how."
    )


def _is_answer(column: Column) -> bool:
    return column.is_time and ANSWERED.search(column.words) is not None


def _score(
    connection: duckdb.DuckDBPyConnection, source: Source, columns: Sequence[Column]
) -> Column | None:
    """Return the column of whole numbers from 1 to 5 that is called after reviews."""
    telling = []
    for one in columns:
        if one.is_number and one.is_whole and not one.is_time and one.different <= 5:
            low, high = connection.execute(
                f"select min(try_cast({quoted(one.name)} as double)), max(try_cast({quoted(one.name)} as double))"
                f" from {source.sql}"
            ).fetchone() or (None, None)
            if low is not None and low >= 1 and high <= 5:
                telling.append(one)
    return best(SCORE, telling)
