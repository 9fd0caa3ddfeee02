"""What the columns of somebody's orders probably mean, by their names and their values."""

from __future__ import annotations

import contextlib
import dataclasses
import re
import unicodedata
from typing import Any

import duckdb

from customer_segmentation.shop.errors import ShopError
from customer_segmentation.shop.lines import TEXT_TYPES, number_sql
from customer_segmentation.shop.source import Source, quoted
from customer_segmentation.shop.times import find_format

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
NOT_CUSTOMER = re.compile(r"name|country|city|\bstate|segment|type|\bage\b|gender|since", re.I)
NOT_TIME = re.compile(
    r"ship|deliver|liefer|livraison|due|birth|geburt|updated|paid at|cancel|\bage\b", re.I
)
NOT_AMOUNT = re.compile(
    r"discount|rabatt|remise|tax|steuer|mwst|tva|ship|versand|profit|cost|margin|rate|id$|refund",
    re.I,
)
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
# Amounts of text that are numbers all the same, and what turns them into such.
WRITTEN_AMOUNTS = (
    # 1.234,56 and 12,50 €; a point is that of the thousands when other amounts have a comma before the cents.
    (r"[^0-9,-]", r"-?([0-9]{1,3}([. '\x{A0}\x{202F}][0-9]{3})+|[0-9]+)(,[0-9]{1,2})?", ","),
    # $1,234.50 and 12.50 EUR.
    (r"[^0-9.-]", r"-?([0-9]{1,3}([, '][0-9]{3})+|[0-9]+)([.][0-9]+)?", ""),
)
CURRENCY = r"[$€£¥₹]\s*|^[A-Z]{3}\s*|\s*[A-Z]{3}$"
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


@dataclasses.dataclass(frozen=True)
class _Column:
    name: str
    words: str
    filled: int
    different: int
    is_number: bool
    is_whole: bool
    is_small: bool
    is_time: bool
    said: str
    """Its name, or the SQL that makes numbers of it."""


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
    columns = [_look(connection, source, name) for name in source.columns]
    notes: list[str] = []
    time = _best(TIME, [one for one in columns if one.is_time and not NOT_TIME.search(one.words)])
    time = time or next((one for one in columns if one.is_time), None)
    order = _best(ORDER, [one for one in columns if one is not time and not one.is_time])
    customer = _best(
        CUSTOMER,
        [one for one in columns if one not in (time, order) and not NOT_CUSTOMER.search(one.words)],
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
        customer = _best(
            CUSTOMER,
            [one for one in columns if one not in (time, order) and re.search("name", one.words)],
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
        raise ShopError(
            f"{source.label}: no column looks like {' or '.join(missing)}. Its header is {', '.join(source.columns)}. "
            "Write shop.yml by hand; docs/your_own_orders.md shows how."
        )
    notes += [
        _example(connection, source, one)
        for one in columns
        if one.said != one.name and one.said in amount
    ]
    shop: dict[str, Any] = {"customer_id": customer.name, "ordered_at": time.name, "amount": amount}
    if order is not None:
        shop["order_id"] = order.name
    else:
        notes.append("There is no order id: the rows of one person and day are one order.")
    status = _best(STATUS, columns)
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
                f"{status.name} has {', '.join(back)}: if such a row says that money went back, add"
                f" status: {status.name} and refund_statuses: [{', '.join(back)}]."
            )
    currency = _currency(connection, source, columns)
    if currency is None:
        notes.append("The currency is not known: write it, three letters, such as EUR.")
    else:
        shop["currency"] = currency
    return Guess(shop=shop, notes=tuple(notes))


def _words(name: str) -> str:
    """Return a name as words without accents: InvoiceNo, invoice_no and INVOICE-NO are `invoice no`."""
    name = name.replace("ü", "ue").replace("ö", "oe").replace("ä", "ae").replace("ß", "ss")
    name = "".join(
        letter for letter in unicodedata.normalize("NFD", name) if not unicodedata.combining(letter)
    )
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return " ".join(re.sub(r"[^0-9a-zA-Z]+", " ", spaced).casefold().split())


def _look(connection: duckdb.DuckDBPyConnection, source: Source, name: str) -> _Column:
    kind, column = source.columns[name], quoted(name)
    words = re.sub(r"(?<=[a-z])id$", " id", _words(name))
    is_text = kind in TEXT_TYPES
    number = number_sql(name) if is_text else f"try_cast({column} as double)"
    is_typed_time = kind.startswith(("TIMESTAMP", "DATE"))
    if is_typed_time:
        number = "cast(null as double)"
    filled_if = f"{column} is not null" + (f" and trim({column}) != ''" if is_text else "")
    row = connection.execute(
        f"select count(*), count(distinct {column}), count({number}),"
        f" count(*) filter (where {number} = round({number})), coalesce(quantile_disc({number}, 0.5), 0)"
        f" from {source.sql} where {filled_if}"
    ).fetchone()
    filled, different, numbers, whole, middle = row or (0, 0, 0, 0, 0)
    said = name
    if is_text and filled and numbers < filled:
        written = _written_amounts(connection, source, column)
        number, said = (written, written) if written else (number, name)
        numbers, whole, middle = connection.execute(
            f"select count({number}), count(*) filter (where {number} = round({number})),"
            f" coalesce(quantile_disc({number}, 0.5), 0) from {source.sql} where {filled_if}"
        ).fetchone() or (0, 0, 0)
    is_number = filled > 0 and numbers == filled
    return _Column(
        name=name,
        words=words,
        filled=filled,
        different=different,
        is_number=is_number,
        is_whole=is_number and whole == filled,
        is_small=middle <= 3,
        is_time=is_typed_time
        or (filled > 0 and _is_time(connection, source, column, is_text=is_text)),
        said=said,
    )


def _example(connection: duckdb.DuckDBPyConnection, source: Source, column: _Column) -> str:
    """Say how a written amount is read, by the longest one."""
    written, read = connection.execute(
        f"select trim({quoted(column.name)}), {column.said} from {source.sql}"
        f" where trim({quoted(column.name)}) != '' order by length({quoted(column.name)}) desc, 1 limit 1"
    ).fetchone() or ("", 0)
    return f"{column.name} such as '{written}' is read as {read:,.2f}."


def _written_amounts(
    connection: duckdb.DuckDBPyConnection, source: Source, column: str
) -> str | None:
    """Return SQL that makes numbers of a column of written amounts; None when it holds others."""
    bare = f"trim(regexp_replace(trim({column}), '{CURRENCY}', '', 'g'))"
    for others, pattern, comma in WRITTEN_AMOUNTS:
        row = connection.execute(
            f"select count(*) filter (where not regexp_full_match({bare}, ?)),"
            f" count(*) filter (where contains({bare}, ?)) from {source.sql} where trim({column}) != ''",
            [pattern, comma],
        ).fetchone()
        if row and not row[0] and row[1]:
            kept = f"regexp_replace({column}, '{others}', '', 'g')"
            if comma:
                kept = f"replace({kept}, ',', '.')"
            return f"try_cast({kept} as double)"
    return None


def _is_time(
    connection: duckdb.DuckDBPyConnection, source: Source, column: str, *, is_text: bool
) -> bool:
    """Say whether the first thousand values of a column are times."""
    said = column if is_text else f"cast({column} as varchar)"
    rows = f"(select * from {source.sql} where {column} is not null limit 1000)"
    with contextlib.suppress(duckdb.Error):
        try:
            find_format(connection, said, rows, what=column)
        except ShopError as error:
            return "two ways" in str(error)
        return True
    return False


def _best(telling: tuple[str, ...], columns: list[_Column]) -> _Column | None:
    """Return the column with the most telling name: the whole name before a part of one."""
    for exact in (True, False):
        for word in telling:
            for column in columns:
                if column.filled and (
                    column.words == word
                    if exact
                    else re.search(rf"\b{re.escape(word)}\b", column.words)
                ):
                    return column
    return None


def _amount(numbers: list[_Column], notes: list[str]) -> str | None:
    """Return the column of the line's money, or the product of quantity and price."""
    candidates = [one for one in numbers if not NOT_AMOUNT.search(one.words)]
    quantity = _best(QUANTITY, candidates)
    others = [one for one in candidates if one is not quantity]
    price = _best(PRICE, [one for one in others if not one.words.startswith(("sales", "total"))])
    total = _best(TOTAL, [one for one in others if one is not price])
    if total is not None and total.is_whole and total.is_small:
        # Pieces that are called an amount.
        another = _best(TOTAL, [one for one in others if one not in (total, price)])
        if another is not None:
            notes.append(f"{total.name} looks like pieces, not money: {another.name} is taken.")
            return another.said
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
    connection: duckdb.DuckDBPyConnection, source: Source, columns: list[_Column]
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
