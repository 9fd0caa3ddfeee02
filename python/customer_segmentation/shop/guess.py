"""What the columns of somebody's orders probably mean, by their names and their values."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import duckdb

from customer_segmentation._sql import quoted
from customer_segmentation._words import counted
from customer_segmentation.shop.columns import Column, best, look_of
from customer_segmentation.shop.guess_traits import guess_reviews, guess_traits
from customer_segmentation.shop.mapping import ShopError
from customer_segmentation.shop.source import Source

# Words of a name without accents, the most telling first; of two columns with the same word the first counts.
CUSTOMER = (
    "customer id",
    "customer no",
    "customer number",
    "customer",
    "client id",
    "client",
    "buyer",
    "user id",
    "user",
    "member",
    "cust",
    "shopper",
    "household",
    "account",
    "person",
    "visitor",
    "email",
    "kundennummer",
    "kundennr",
    "kundenid",
    "kunden",
    "kunde",
    "codigo cliente",
    "cliente",
    "klantnummer",
    "klant",
    "acheteur",
    "comprador",
    "mitglied",
    "loyalty card",
    "kundenkarte",
    "card",
)
ORDER = (
    "order id",
    "order no",
    "order number",
    "invoice id",
    "invoice no",
    "invoice",
    "transaction id",
    "transaction no",
    "basket id",
    "receipt",
    "ticket",
    "sales order",
    "document no",
    "doc no",
    "document",
    "transaction",
    "basket",
    "order",
    "facture",
    "commande",
    "bestellnummer",
    "bestellnr",
    "bestellung",
    "bestell",
    "auftragsnummer",
    "auftragsnr",
    "auftrag",
    "rechnungsnummer",
    "rechnungsnr",
    "rechnung",
    "belegnummer",
    "belegnr",
    "beleg",
    "pedido",
    "factura",
    "fattura",
    "ordine",
    "bestelling",
    "bon",
)
TIME = (
    "order date",
    "ordered at",
    "invoice date",
    "purchase date",
    "purchased at",
    "transaction date",
    "transaction dt",
    "created at",
    "order time",
    "sale date",
    "sold at",
    "sold on",
    "ordered on",
    "datetime",
    "timestamp",
    "date",
    "day",
    "time",
    "bestelldatum",
    "rechnungsdatum",
    "kaufdatum",
    "datum",
    "fecha",
    "data",
    "ts",
    "when",
    "epoch",
)
TOTAL = (
    "total amount",
    "amount",
    "net amount",
    "revenue",
    "turnover",
    "sales price",
    "sales value",
    "sales",
    "total price",
    "total",
    "line total",
    "dollar value",
    "value",
    "spend",
    "spent",
    "paid",
    "price total",
    "montant",
    "gesamtbetrag",
    "gesamtpreis",
    "betrag",
    "umsatz",
    "summe",
    "importe",
    "importo",
    "valor",
    "bedrag",
    "totale",
    "wert",
    "net",
    "gross",
    "eur",
    "usd",
    "gbp",
    "cents",
    "pence",
)
QUANTITY = (
    "quantity", "qty", "units", "pieces", "menge", "anzahl", "stueck", "quantite", "cantidad", "quantidade",
    "quantita", "aantal", "count",
)  # fmt: skip
PRICE = (
    "unit price", "price each", "item price", "price", "prix unitaire", "prix", "einzelpreis", "preis", "precio",
    "preco", "prezzo", "prijs",
)  # fmt: skip
STATUS = (
    "financial status", "order status", "payment status", "status", "bestellstatus", "zahlungsstatus", "statut",
    "estado", "stato",
)  # fmt: skip
REFUND_WORDS = re.compile(
    r"refund|return|cancel|chargeback|void|erstatt|storn|annul|rembours", re.I
)
NOT_CUSTOMER = re.compile(
    r"name|country|city|\bstate|segment|type|\bage\b|gender|since|group|gruppe|class|categor|kategor|tier|status|level|"
    r"region|channel|industry|branch|rating|score|zip|postal|\bplz\b|phone|address(?!.*mail)|brand|discount|\bcount\b",
    re.I,
)
NAMES_OF_PEOPLE = ("name", "full name", "nom", "nombre", "nome")
NO_CURRENCY_FOUND = "The currency is not known: write it, three letters, such as EUR."
# A column of people has many values, where there are many rows.
FEW_PEOPLE, MANY_ROWS = 20, 1000
# An amount is in hundredths of the currency.
MINOR_UNITS = re.compile(r"\b(cents?|pence|centimes?|centavos|centesimi|oere)\b")
NOT_TIME = re.compile(
    r"ship|deliver|liefer|livraison|due|birth|geburt|updated|paid at|cancel|review|rating|answer|bewertung|\bage\b",
    re.I,
)
NOT_AMOUNT = re.compile(
    r"discount|rabatt|remise|\btax|steuer|mwst|\bvat\b|\btva\b|\bship|versand|profit|cost|margin|\brate\b|\bid$|refund",
    re.I,
)
# A total with the tax in it is an amount.
WITH_TAX = re.compile(r"\b(incl|including|inkl|inklusive|with|after|ttc|brutto)\b")
CURRENCY_WORDS = {
    "dollar": "USD",
    "usd": "USD",
    "eur": "EUR",
    "euro": "EUR",
    "gbp": "GBP",
    "pound": "GBP",
    "sterling": "GBP",
    "brl": "BRL",
    "chf": "CHF",
    "jpy": "JPY",
    "yen": "JPY",
    "inr": "INR",
    "cad": "CAD",
    "aud": "AUD",
    "twd": "TWD",
    "cny": "CNY",
    "sek": "SEK",
    "pln": "PLN",
}
SIGNS = {"$": "USD", "€": "EUR", "£": "GBP", "₹": "INR", "¥": "JPY"}
COUNTRIES = {
    "united kingdom": "GBP",
    "uk": "GBP",
    "great britain": "GBP",
    "germany": "EUR",
    "deutschland": "EUR",
    "france": "EUR",
    "spain": "EUR",
    "italy": "EUR",
    "netherlands": "EUR",
    "belgium": "EUR",
    "austria": "EUR",
    "portugal": "EUR",
    "ireland": "EUR",
    "united states": "USD",
    "usa": "USD",
    "us": "USD",
    "canada": "CAD",
    "australia": "AUD",
    "india": "INR",
    "japan": "JPY",
    "brazil": "BRL",
    "brasil": "BRL",
    "switzerland": "CHF",
    "poland": "PLN",
    "sweden": "SEK",
    "taiwan": "TWD",
    "china": "CNY",
}


@dataclasses.dataclass(frozen=True)
class Guess:
    """A mapping, and what a person should look at.

    Attributes
    ----------
    shop : dict
        Keys of var shop.
    notes : tuple of str
        Sentences.
    """

    shop: dict[str, Any]
    notes: tuple[str, ...]


def guess_mapping(connection: duckdb.DuckDBPyConnection, source: Source) -> Guess:
    """Guess which column is what.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        On which the source can be read.
    source : Source

    Returns
    -------
    Guess

    Raises
    ------
    ShopError
        When a column that is needed is not found; it lists the header.
    """
    columns = [look_of(connection, source, name) for name in source.columns]
    notes: list[str] = []
    time = best(TIME, [one for one in columns if one.is_time and not NOT_TIME.search(one.words)])
    time = time or next((one for one in columns if one.is_time), None)
    order = best(
        ORDER, [one for one in columns if one is not time and not one.is_time]
    ) or _numbered_orders(connection, source, columns)
    customer = best(
        CUSTOMER,
        [
            one
            for one in columns
            if one not in (time, order)
            and not NOT_CUSTOMER.search(one.words)
            and not (one.different < FEW_PEOPLE and one.filled > MANY_ROWS)
        ],
    )
    if customer is None:
        # Numbers of something that come again.
        numbered = [
            one
            for one in columns
            if one not in (time, order)
            and re.search(r"\bid$|\bno$|number$", one.words)
            and 1 < one.different < one.filled
        ]
        customer = numbered[0] if numbered else None
        if customer is not None:
            notes.append(f"No column is called after customers: {customer.name} is taken for them.")
    if customer is None:
        customer = best(
            CUSTOMER,
            [one for one in columns if one not in (time, order) and re.search("name", one.words)],
        ) or next(
            (one for one in columns if one is not order and one.words in NAMES_OF_PEOPLE), None
        )
        if customer is not None:
            notes.append(
                f"There is no number of customers: {customer.name} is taken, and people of one name are one customer."
            )
    taken = (time, order, customer)
    amount = _amount([one for one in columns if one not in taken and one.is_number], notes)
    missing = [
        what
        for what, found in (
            ("customer_id (who ordered)", customer),
            ("ordered_at (when)", time),
            ("amount (for how much)", amount),
        )
        if found is None
    ]
    if missing or customer is None or time is None or amount is None:
        few = best(CUSTOMER, [one for one in columns if one not in (time, order)])
        if customer is None and few is not None and few.different < FEW_PEOPLE:
            raise ShopError(
                f"{source.label}: {few.name} would be the customers, and has {counted(few.different, 'value')} in"
                f" {few.filled:,} rows: too few people for segments. Take orders of more customers, or name another"
                " column in a shop.yml of your own; docs/your_own_orders.md shows how."
            )
        raise ShopError(
            f"{source.label}: no column looks like {' or '.join(missing)}. Its header is {', '.join(source.columns)}. "
            "Write shop.yml by hand; docs/your_own_orders.md shows how."
        )
    notes += [
        _example(connection, source, one)
        for one in columns
        if one.said != one.name and one.said in amount
    ]
    shop: dict[str, Any] = {
        "customer_id": _person(connection, source, customer, notes),
        "ordered_at": time.name,
        "amount": amount,
    }
    if order is not None:
        shop["order_id"] = order.name
    else:
        notes.append("There is no order id: the rows of one person and day are one order.")
    status = best(STATUS, columns)
    if status is not None:
        values = [
            str(row[0])
            for row in connection.execute(
                f"select distinct {quoted(status.name)} from {source.sql} where {quoted(status.name)} is not null"
                " order by 1 limit 50"
            ).fetchall()
        ]
        back = [value for value in values if REFUND_WORDS.search(value)]
        if back:
            notes.append(
                f"{status.name} has {', '.join(back)}: if such a row is the money that went back, and the purchase a"
                f" row of its own, add status: {status.name} and refund_statuses: [{', '.join(back)}]. A purchase whose"
                " status changed later counts as one, because nothing says when the money went back."
            )
    asked = {one.name for one in (*taken, status) if one is not None}
    rest = [one for one in columns if one.name not in asked and one.said not in amount]
    traits = guess_traits(rest)
    if traits:
        shop["traits"] = traits
    reviews = guess_reviews(
        connection, source, [one for one in rest if one.name not in traits.values()], notes
    )
    if reviews:
        shop["reviews"] = reviews
    currency = _currency(connection, source, columns)
    if currency is None:
        notes.append(NO_CURRENCY_FOUND)
    else:
        shop["currency"] = currency
    return Guess(shop=shop, notes=tuple(notes))


def _numbered_orders(
    connection: duckdb.DuckDBPyConnection, source: Source, columns: list[Column]
) -> Column | None:
    """Return a column that is called name or number, and whose values are numbers of orders such as #1001."""
    for one in columns:
        if one.words not in ("name", "number", "no", "nr") or one.different < 2:
            continue
        said = f"trim(cast({quoted(one.name)} as varchar))"
        (others,) = connection.execute(
            f"select count(*) from {source.sql} where {said} != ''"
            f" and not regexp_full_match({said}, '#?[A-Za-z]{{0,4}}-?[0-9]+')"
        ).fetchone() or (1,)
        if not others:
            return one
    return None


def _person(
    connection: duckdb.DuckDBPyConnection, source: Source, column: Column, notes: list[str]
) -> str:
    """Return the column of the customers; addresses of mail are the same in capitals and small letters."""
    name = quoted(column.name)
    addresses, written, different = connection.execute(
        f"select count(*) filter (where contains({name}, '@')), count(distinct trim({name})),"
        f" count(distinct lower(trim({name}))) from (select cast({name} as varchar) as {name} from {source.sql})"
    ).fetchone() or (0, 0, 0)
    if addresses * 2 > column.filled and different < written:
        notes.append(
            f"{column.name} has {different:,} addresses in {written:,} spellings: capitals are read as small letters."
        )
        return f"lower({_in_sql(column.name)})"
    return column.name


def _example(connection: duckdb.DuckDBPyConnection, source: Source, column: Column) -> str:
    """Say how a written amount is read, by the longest one."""
    written, read = connection.execute(
        f"select trim({quoted(column.name)}), {column.said} from {source.sql}"
        f" where trim({quoted(column.name)}) != '' order by length({quoted(column.name)}) desc, 1 limit 1"
    ).fetchone() or ("", 0)
    return f"{column.name} such as '{written}' is read as {read:,.2f}."


def _amount(numbers: list[Column], notes: list[str]) -> str | None:
    """Return the column of the line's money, or the product of quantity and price."""
    candidates = [
        one for one in numbers if not NOT_AMOUNT.search(one.words) or WITH_TAX.search(one.words)
    ]
    quantity = best(QUANTITY, candidates)
    others = [one for one in candidates if one is not quantity]
    price = best(PRICE, [one for one in others if not one.words.startswith(("sales", "total"))])
    total = best(TOTAL, [one for one in others if one is not price])
    if total is not None and total.is_whole and total.is_small:
        # Pieces that are called an amount.
        another = best(TOTAL, [one for one in others if one not in (total, price)])
        if another is not None:
            notes.append(f"{total.name} looks like pieces, not money: {another.name} is taken.")
            return another.said
    if total is not None and total.is_whole and MINOR_UNITS.search(total.words):
        notes.append(f"{total.name} is taken for hundredths of the currency.")
        return f"{_in_sql(total.name)} / 100"
    if total is not None:
        return total.said
    if price is not None and quantity is not None:
        return " * ".join(
            _in_sql(one.name) if one.said == one.name else one.said for one in (quantity, price)
        )
    if price is not None:
        notes.append(f"There is no quantity: {price.name} is taken for what a row is worth.")
        return price.said
    with_cents = [one for one in others if not one.is_whole]
    if len(with_cents) == 1:
        notes.append(f"No column is called after money: {with_cents[0].name} is taken for it.")
        return with_cents[0].said
    return None


def _in_sql(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z_][A-Za-z_0-9]*", name) else quoted(name)


def _currency(
    connection: duckdb.DuckDBPyConnection, source: Source, columns: list[Column]
) -> str | None:
    """Guess the currency by the header, a column of currencies, or the country of most rows."""
    for column in columns:
        for word, code in CURRENCY_WORDS.items():
            if re.search(rf"\b{word}s?\b", column.words):
                return code
        for sign, code in SIGNS.items():
            if sign in column.name:
                return code
    for column in columns:
        if column.said != column.name:
            example = _example(connection, source, column)
            signs = [code for sign, code in SIGNS.items() if sign in example]
            codes = re.findall(r"\b[A-Z]{3}\b", example.removeprefix(column.name))
            if signs or codes:
                return (signs or codes)[0]
    for column in columns:
        if column.words not in ("currency", "currency code", "country", "billing country"):
            continue
        row = connection.execute(
            f"select mode(trim(cast({quoted(column.name)} as varchar))) from {source.sql}"
        ).fetchone()
        said = str(row[0]) if row and row[0] is not None else ""
        if re.fullmatch("[A-Z]{3}", said) and column.words.startswith("currency"):
            return said
        if said.casefold() in COUNTRIES:
            return COUNTRIES[said.casefold()]
    return None
