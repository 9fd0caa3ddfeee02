"""Somebody's own orders, on shops made up here: what is read, what is counted, and what is refused in a sentence."""

from __future__ import annotations

import csv
import datetime
import gzip
import json
import sqlite3
from pathlib import Path

import duckdb
import pytest

from conftest import PROJECT
from customer_segmentation.shop import (
    ShopError,
    guess_mapping,
    look_at,
    mapping_from,
    open_source,
    problems_of,
)

HEADER = "who,when,what,order,status\n"
SHOP = {"customer_id": "who", "ordered_at": "when", "amount": "what", "order_id": "order"}
WITH_COMMA = "try_cast(replace(regexp_replace({}, '[^0-9,-]', '', 'g'), ',', '.') as double)"
NEEDS = {"project": PROJECT, "minimum_customers": 1, "minimum_history_days": 1}


def shop_of(folder: Path, rows: str, header: str = HEADER, **changes: object) -> dict[str, object]:
    """Write a file of orders, and say how it is read; a change to None leaves a key out."""
    path = folder / "orders.csv"
    path.write_text(header + rows, encoding="utf-8")
    both = {"orders": str(path), **SHOP, **changes}
    return {key: value for key, value in both.items() if value is not None}


def events(shop: dict[str, object]) -> list[tuple]:
    """Return the events of a shop as the model makes them."""
    from customer_segmentation.shop.look import events_sql, read_lines

    with duckdb.connect() as connection:
        read_lines(connection, shop)
        return connection.execute(
            "select customer_unique_id, cast(event_at as varchar), kind, cast(amount as varchar)"
            f" from ({events_sql(PROJECT)}) order by all"
        ).fetchall()


def test_lines_of_an_order_are_summed_and_then_rounded(tmp_path: Path) -> None:
    shop = shop_of(tmp_path, "a,2020-01-01 10:00:00,0.004,1,\na,2020-01-01 10:05:00,0.004,1,\n")
    assert events(shop) == [("a", "2020-01-01 10:00:00", "order", "0.01")]


def test_without_an_order_id_a_person_has_one_order_a_day(tmp_path: Path) -> None:
    rows = "a,2020-01-01,1,,\na,2020-01-01,2,,\na,2020-01-02,0,,\na,2020-01-02,-5,,\n"
    assert events(shop_of(tmp_path, rows, order_id=None)) == [
        ("a", "2020-01-01 00:00:00", "order", "3.00"),
        ("a", "2020-01-02 00:00:00", "order", "0.00"),
        ("a", "2020-01-02 00:00:00", "refund", "-5.00"),
    ]


def test_a_refund_is_an_event_at_its_own_time(tmp_path: Path) -> None:
    rows = (
        "a,2020-01-01,10,1,paid\n"
        # The same order id on a later day: what was known before it does not change.
        "a,2020-02-01,-4,1,paid\n"
        "a,2020-03-01,3,2,refunded\n"
        "a,2020-04-01,-2,C3,paid\n"
    )
    shop = shop_of(tmp_path, rows, status="status", refund_statuses=["refunded"])
    assert events(shop) == [
        ("a", "2020-01-01 00:00:00", "order", "10.00"),
        ("a", "2020-02-01 00:00:00", "refund", "-4.00"),
        ("a", "2020-03-01 00:00:00", "refund", "-3.00"),
        ("a", "2020-04-01 00:00:00", "refund", "-2.00"),
    ]


def test_guests_and_people_with_refunds_only_are_counted_and_no_customers(tmp_path: Path) -> None:
    rows = "a,2020-01-01,10,1,\n,2020-01-02,7,2,\nNaN,2020-01-02,5,3,\nb,2020-01-03,-4,4,\na,2020-03-01,1,5,\n"
    look = look_at(shop_of(tmp_path, rows), **NEEDS)
    assert (look.customers, look.orders, look.net) == (1, 2, 11.0)
    assert (look.guests, look.guest_amount) == (2, 12.0)
    assert (look.refunds, look.refund_amount, look.refund_only) == (1, -4.0, 1)


def test_ids_that_were_held_as_doubles_are_whole_and_zeros_before_them_stay(tmp_path: Path) -> None:
    rows = "17850.0,2020-01-01,1,1.0,\n17850,2020-01-02,1,2,\n0017,2020-01-02,1,3,\n17,2020-01-02,1,4,\n"
    assert {row[0] for row in events(shop_of(tmp_path, rows))} == {"17850", "0017", "17"}


def test_what_cannot_be_seen_around_an_id_makes_nobody_else(tmp_path: Path) -> None:
    ids = ("a", " a", "a\u00a0", "a\t", "\u200ba", "\ufeffa\u2003")
    rows = "".join(f"{who},2020-01-0{n},1,{n},\n" for n, who in enumerate(ids, 1))
    assert {row[0] for row in events(shop_of(tmp_path, rows))} == {"a"}


def test_columns_of_the_orders_may_be_called_as_ours(tmp_path: Path) -> None:
    header = "who,when,what,order,shop_customer_id,shop_order_id,SHOP_ORDERED_AT,order_id,amount\n"
    shop = shop_of(tmp_path, "a,2020-01-01,1,1,9,9,9,9,9\na,2020-01-01,2,1,9,9,9,9,9\n", header)
    assert events(shop) == [("a", "2020-01-01 00:00:00", "order", "3.00")]


def test_words_with_accents_in_an_expression_are_columns(tmp_path: Path) -> None:
    shop = shop_of(
        tmp_path,
        "a,2020-01-01,2,3,1\n",
        "who,when,Menge,Stückpreis,order\n",
        amount="Menge * Stückpreis",
    )
    assert [row[-1] for row in events(shop)] == ["6.00"]


def test_the_zone_of_the_shop_counts_before_the_day(tmp_path: Path) -> None:
    rows = "a,2020-07-01T23:30:00Z,1,,\na,2020-07-02T10:00:00+01:00,1,,\n"
    london = shop_of(tmp_path, rows, order_id=None, time_zone="Europe/London")
    assert events(london) == [("a", "2020-07-02 00:30:00", "order", "2.00")]
    assert len(events({**london, "time_zone": "UTC"})) == 2


@pytest.mark.parametrize(
    ("times", "first"),
    [
        (("11/8/2017", "11/28/2017"), "2017-11-08 00:00:00"),
        (("8/11/2017", "28/11/2017"), "2017-11-08 00:00:00"),
        (("08.11.2017 09:30", "28.11.2017 10:00"), "2017-11-08 09:30:00"),
        (("20171108", "20171128"), "2017-11-08 00:00:00"),
        (("11/8/2017 1:05 PM", "11/28/2017 2:00 AM"), "2017-11-08 13:05:00"),
        # A year of two digits that would be in the future is none.
        (("28/02/20", "03/03/20"), "2020-02-28 00:00:00"),
        (("02-28-20 10:00", "03-03-20 11:00"), "2020-02-28 10:00:00"),
        (("20/02/28", "20/12/31"), "2020-02-28 00:00:00"),
    ],
)
def test_the_format_that_fits_every_time_is_found(
    tmp_path: Path, times: tuple[str, str], first: str
) -> None:
    rows = "".join(f"a,{time},1,{number},\n" for number, time in enumerate(times))
    assert min(row[1] for row in events(shop_of(tmp_path, rows))) == first


@pytest.mark.parametrize(
    ("rows", "changes", "sentences"),
    [
        ("a,2020-01-01,1,1,\n", {"amount": "What"}, []),
        (
            "a,2020-01-01,1,1,\n",
            {"amount": "amount", "customer_id": "whom"},
            [
                "amount is amount, and",
                "has no such column: its header is who, when, what, order, status.",
                "Did you mean who?",
            ],
        ),
        (
            "a,2020-01-01,1,1,\na,yesterday,1,2,\na,2020-13-01,1,3,\na,soon,1,4,\na,then,1,5,\n",
            {},
            [
                "4 of 5 times in when of",
                "such as '2020-13-01', 'soon', 'then'",
                "time_format, such as '%d/%m/%Y %H:%M'",
            ],
        ),
        (
            "a,3/4/2020,1,1,\na,4/3/2020,1,2,\n",
            {},
            ["can be read in two ways: say which with time_format: '%d/%m/%Y' or '%m/%d/%Y'"],
        ),
        ("a,3/4/2020,1,1,\n", {"time_format": "%d/%m/%Y"}, []),
        (
            'a,2020-01-01,"1.234,56",1,\na,2020-01-02,"7,00",2,\n',
            {},
            [
                "2 of 2 amounts in what of",
                "such as '1.234,56', '7,00'",
                "They have a decimal comma: write amount: replace(replace(\"what\", '.', ''), ',', '.')::double",
            ],
        ),
        (
            'a,2020-01-01,"1.234,56",1,\n',
            {"amount": "replace(replace(what, '.', ''), ',', '.')::double"},
            [],
        ),
        (",2020-01-01,1,1,\nnull,2020-01-01,1,2,\n", {}, ["customer_id is empty in all 2 rows"]),
        (
            "a,2020-01-01,1,1,\nb,2020-01-01,1,1,\n",
            {},
            ["1 order is of two people, such as 1 of a and b"],
        ),
        ("a,2999-01-01,1,1,\n", {}, ["1 order is later than today, the last on 2999-01-01"]),
        ("a,1019-01-01,1,1,\n", {}, ["1 order is before 1900, the first on 1019-01-01"]),
        ("", {}, ["orders.csv has no row."]),
        ("a,2020-01-01,-1,1,\n", {}, ["refunds only, and no order of a customer"]),
        ("a,2020-01-01,1,1,\n", {"currency": "euro"}, ["currency is 'euro'; it is three letters"]),
        ("a,2020-01-01,1,1,\n", {"time_zone": "Londn"}, ["time_zone is 'Londn'; it is a name"]),
        ("a,2020-01-01,1,1,\n", {"amout": "what"}, ["shop has no key amout; did you mean amount?"]),
        ("a,2020-01-01,1,1,\n", {"amount": "what +"}, ["the mapping is no SQL that can be run"]),
        ("a,2020-01-01,1,1,\n", {"orders": "nowhere/*.csv"}, ["there is no file nowhere/*.csv"]),
        # Times that DuckDB takes for such, and no shop has.
        *(
            (f"a,{said},1,1,\n", {}, ["1 of 1 times in when of", f"such as '{said}'"])
            for said in ("20200-01-01", "infinity", "-infinity", "epoch", "2020-01-01 (BC)")
        ),
        *(
            (f"a,{said},1,1,\n", {"time_format": "%Y-%m-%d"}, ["is not written as time_format"])
            for said in ("infinity", "epoch", "13-02-20")
        ),
        ("a,1970-01-01,1,1,\n", {}, ["1 order is on 1900-01-01 or 1970-01-01, which is what"]),
        ("a,1900-01-01 00:00,1,1,\n", {}, ["programs write for no time: correct the dates"]),
        (
            "a,2020-01-01,1,1,\n",
            {
                "ordered_at": "cast('infinity' as timestamp) + 0 * cast(\"order\" as int) * interval 1 day"
            },
            ["1 order is later than today, the last on infinity"],
        ),
        (
            "a,2020-01-01,1,1,\n",
            {"ordered_at": 'make_timestamp(20200 * cast("order" as int), 1, 1, 0, 0, 0)'},
            ["1 order is later than today, the last on 20200-01-01"],
        ),
        # Which of day, month and year comes first.
        (
            "a,13/02/20,1,1,\n",
            {},
            ["two ways: say which with time_format: '%y/%m/%d' or '%d/%m/%y'"],
        ),
        # Amounts that are none, or no money.
        (
            "a,2020-01-01,inf,1,\n",
            {},
            ["1 amount in what of", "is no number (inf): correct it, or leave it empty"],
        ),
        ("a,2020-01-01,nan,1,\nb,2020-01-01,1,2,\n", {}, ["1 of 2 rows have no amount"]),
        ("a,2020-01-01,4006381333931,1,\n", {}, ["add up to 4,006,381,333,931.00, the largest is"]),
        (
            "a,2020-01-01,1e300,1,\n",
            {},
            ["a shop has less than 1,000,000,000,000", "(what) / 1000"],
        ),
        # What an expression stumbles over is told, and ends in no traceback.
        (
            "a,2020-01-01,1,x,\n",
            {"ordered_at": 'cast(cast("order" as int) as varchar)'},
            ["cannot be read as var shop says: Conversion Error: Could not convert string 'x'"],
        ),
        # Ids that a spreadsheet has shortened.
        (
            "1.23457E+12,2020-01-01,1,1,\n",
            {},
            ["customer_id is rounded in 1 row, such as 1.23457E+12"],
        ),
        ('a,2020-01-01,1,"9,1E+18",\n', {}, ["order_id is rounded in 1 row, such as 9,1E+18"]),
        ("3e45,2020-01-01,1,5E23,\n", {}, []),
        # Statuses that are written otherwise: their money would count as bought.
        *(
            (
                "a,2020-01-01,1,1,Refunded\n",
                {"status": "status", "refund_statuses": [said]},
                [
                    f"refund_statuses has {said}, and no row of status has it; did you mean Refunded?"
                ],
            )
            for said in ("refunded", "Refunded ", "Refundet")
        ),
        ("a,2020-01-01,1,1,ok\n", {"status": "status", "refund_statuses": ["refunded"]}, []),
    ],
)
def test_bad_input_is_refused_in_sentences(
    tmp_path: Path, rows: str, changes: dict[str, object], sentences: list[str]
) -> None:
    found = problems_of(shop_of(tmp_path, rows, **changes), **NEEDS)
    assert bool(found) == bool(sentences), found
    for sentence in sentences:
        assert sentence in "\n".join(found)


def test_a_shop_of_guests_is_told_so(tmp_path: Path) -> None:
    """A column of customers that is mostly empty is no error of the file, and too few customers are left."""
    rows = "a,2020-01-01,1,1,\n" + "".join(f",2020-01-02,1,{n},\n" for n in range(2, 1202))
    shop = shop_of(tmp_path, rows)
    (found,) = problems_of(shop, project=PROJECT, minimum_customers=500, minimum_history_days=90)
    assert "has 1 customer, and 1,200 orders without a customer id, in 1 day" in found


def test_too_few_customers_or_days_are_told_with_what_is_needed(tmp_path: Path) -> None:
    shop = shop_of(tmp_path, "a,2020-01-01,1,1,\nb,2020-01-31,1,2,\n")
    (found,) = problems_of(shop, project=PROJECT, minimum_customers=500, minimum_history_days=90)
    assert "has 2 customers in 31 days (2020-01-01 to 2020-01-31)" in found
    assert "need 500 customers and 90 days" in found


@pytest.mark.parametrize(("first", "is_refused"), [("2020-02-01", False), ("2021-01-01", True)])
def test_a_first_date_outside_of_the_orders_is_refused(
    tmp_path: Path, first: str, is_refused: bool
) -> None:
    shop = shop_of(tmp_path, "a,2020-01-01,1,1,\nb,2020-03-15,1,2,\n")
    day = datetime.date.fromisoformat(first)
    found = problems_of(shop, first_as_of_date=day, **NEEDS)
    assert bool(found) == is_refused
    if is_refused:
        assert "name the first of a month from 2020-02-01 to 2020-03-01" in found[0]


def test_as_of_dates_begin_with_enough_customers_and_days(tmp_path: Path) -> None:
    # The third customer comes on 1 April, so the first date that knows three is 1 May.
    rows = "a,2020-01-05,1,1,\nb,2020-02-05,1,2,\nc,2020-04-01,1,3,\na,2020-06-10,1,4,\n"
    shop = shop_of(tmp_path, rows)
    look = look_at(shop, project=PROJECT, minimum_customers=3, minimum_history_days=30)
    assert [str(day) for day in look.as_of_dates] == ["2020-05-01", "2020-06-01", "2020-06-11"]
    later = look_at(shop, project=PROJECT, minimum_customers=1, minimum_history_days=100)
    # 100 days after 5 January is 14 April.
    assert str(later.as_of_dates[0]) == "2020-05-01"


def test_orders_come_from_files_of_every_kind_and_from_databases(tmp_path: Path) -> None:
    rows = "a,2020-01-01,1.5,1,\na,2020-02-01,2.5,2,\n"
    shop = shop_of(tmp_path, rows)
    expected = events(shop)
    path = str(shop["orders"])
    with gzip.open(tmp_path / "orders.csv.gz", "wt") as file:
        file.write(HEADER + rows)
    database = str(tmp_path / "shop.duckdb")
    with duckdb.connect(database) as connection:
        connection.execute(f"create schema sales; create table sales.lines as from '{path}'")
        connection.execute(f"copy sales.lines to '{tmp_path / 'orders.parquet'}'")
    lite = str(tmp_path / "shop.sqlite")
    with sqlite3.connect(lite) as connection:
        connection.execute('create table lines (who text, "when" text, what real, "order" text)')
        connection.execute("insert into lines values ('a', '2020-01-01', 1.5, '1')")
        connection.execute("insert into lines values ('a', '2020-02-01', 2.5, '2')")
    for orders in (
        f"{path}.gz",
        str(tmp_path / "orders.parquet"),
        [path],
        str(tmp_path / "ord*.csv"),
        {"database": database, "table": "sales.lines"},
        {"database": lite, "table": "lines"},
    ):
        assert events({**shop, "orders": orders}) == expected, orders
    with pytest.raises(ShopError, match=r"has no table lines; it has sales\.lines"):
        events({**shop, "orders": {"database": database, "table": "lines"}})


@pytest.mark.parametrize(
    ("header", "row", "expected"),
    [
        (
            "InvoiceNo,StockCode,Quantity,InvoiceDate,UnitPrice,CustomerID,Country",
            "5,x,2,2020-01-0{n},1.5,{n},United Kingdom",
            {
                "customer_id": "CustomerID",
                "ordered_at": "InvoiceDate",
                "amount": "Quantity * UnitPrice",
                "order_id": "InvoiceNo",
                "currency": "GBP",
            },
        ),
        (
            "Order ID,Order Date,Ship Date,Customer ID,Customer Name,Sales,Quantity,Discount,Profit",
            "o{n},11/2{n}/2017,11/2{n}/2017,c{n},Ann,9.99,1,0.2,3.5",
            {
                "customer_id": "Customer ID",
                "ordered_at": "Order Date",
                "amount": "Sales",
                "order_id": "Order ID",
            },
        ),
        (
            "TRANSACTION_DT,CUSTOMER_ID,PRODUCT_ID,AMOUNT,ASSET,SALES_PRICE",
            "11/2{n}/2000,c{n},p,1,30,44",
            {"customer_id": "CUSTOMER_ID", "ordered_at": "TRANSACTION_DT", "amount": "SALES_PRICE"},
        ),
        (
            "Bestellnummer;Kundennummer;Bestelldatum;Lieferdatum;Gesamtbetrag (€);Versandart",
            "B{n};K{n};2{n}.01.2022;2{n}.02.2022;1.040,6{n};DHL",
            {
                "customer_id": "Kundennummer",
                "ordered_at": "Bestelldatum",
                "amount": WITH_COMMA.format('"Gesamtbetrag (€)"'),
                "order_id": "Bestellnummer",
                "currency": "EUR",
            },
        ),
        (
            "N° commande;Numéro client;Date de commande;Quantité;Prix unitaire",
            "F{n};C{n};2{n}/01/2022;{n};12,5{n} €",
            {
                "customer_id": "Numéro client",
                "ordered_at": "Date de commande",
                "amount": '"Quantité" * ' + WITH_COMMA.format('"Prix unitaire"'),
                "order_id": "N° commande",
                "currency": "EUR",
            },
        ),
        (
            "Invoice,Member,Date,Total",
            '{n},m{n},"Jan 2{n}, 2023","$1,234.5{n}"',
            {
                "customer_id": "Member",
                "ordered_at": "Date",
                "amount": "try_cast(regexp_replace(\"Total\", '[^0-9.-]', '', 'g') as double)",
                "order_id": "Invoice",
                "currency": "USD",
            },
        ),
        (
            "receipt,customer name,day,total",
            "{n},Ann {n},2023-01-0{n},5.{n}",
            {
                "customer_id": "customer name",
                "ordered_at": "day",
                "amount": "total",
                "order_id": "receipt",
            },
        ),
        (
            "customer_id,date,number_of_cds,dollar_value",
            "0{n},1997-01-0{n},1,11.77",
            {
                "customer_id": "customer_id",
                "ordered_at": "date",
                "amount": "dollar_value",
                "currency": "USD",
            },
        ),
    ],
)
def test_columns_are_guessed_by_names_and_values(
    tmp_path: Path, header: str, row: str, expected: dict[str, str]
) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("\n".join([header, *(row.format(n=n) for n in range(1, 8))]), encoding="utf-8")
    with duckdb.connect() as connection:
        guess = guess_mapping(connection, open_source(connection, str(path)))
    assert guess.shop == expected
    shop = {"orders": str(path), **guess.shop}
    mapping_from(shop)
    assert events(shop), "the guess cannot be read"


@pytest.mark.parametrize(
    ("header", "row", "expected"),
    [
        # What describes customers is not who they are.
        (
            "DocumentNo,Company,AccountCode,PostingDate,Units,NetUnitPrice,CustomerGroup,Customer class",
            "PO{n},ACME {n},AC{n},0{n}-Jan-2021,3,1.25,Retail,A",
            {
                "customer_id": "AccountCode",
                "amount": "Units * NetUnitPrice",
                "order_id": "DocumentNo",
            },
        ),
        # A name that ends in "id", "tax" and "count" within a word.
        ("member,when,paid", "{n},2020-01-0{n},1.5", {"customer_id": "member", "amount": "paid"}),
        (
            "customerid,orderid,taxi_date,total incl. tax,tax",
            "{n},{n},2020-01-0{n},12.5,2.5",
            {"customer_id": "customerid", "order_id": "orderid", "amount": "total incl. tax"},
        ),
        # Numbers that are times, and such that are none.
        ("household_key,ts,spend", "{n},160945920{n},1.5", {"ordered_at": "ts", "amount": "spend"}),
        (
            "card,sold_at,cents,phone",
            "{n},160945920{n}000,15{n},4930123456",
            {"customer_id": "card", "ordered_at": "sold_at", "amount": "cents / 100"},
        ),
        ("client,date,amount", "{n},4419{n}.5,40000.5", {"ordered_at": "date", "amount": "amount"}),
        # An export of Shopify.
        (
            "Name,Email,Financial Status,Created at,Total,Billing Name",
            "#100{n},p{n}@x.org,paid,2023-01-0{n} 10:00:00 +0100,1.5,Ann",
            {
                "customer_id": "Email",
                "ordered_at": "Created at",
                "amount": "Total",
                "order_id": "Name",
            },
        ),
        ("name,day,total", "Ann {n},2023-01-0{n},1.5", {"customer_id": "name", "amount": "total"}),
    ],
)
def test_names_that_hold_other_words_are_not_taken_for_them(
    tmp_path: Path, header: str, row: str, expected: dict[str, str]
) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("\n".join([header, *(row.format(n=n) for n in range(1, 8))]), encoding="utf-8")
    with duckdb.connect() as connection:
        guess = guess_mapping(connection, open_source(connection, str(path)))
    assert expected.items() <= guess.shop.items()
    assert ("order_id" in guess.shop) == ("order_id" in expected)
    assert events({"orders": str(path), **guess.shop}), "the guess cannot be read"


@pytest.mark.parametrize(
    ("said", "time", "zone"),
    [
        ("1609502400", "2021-01-01 12:00:00", "UTC"),
        ("1609502400.5", "2021-01-01 12:00:00.5", "UTC"),
        ("1609502400000", "2021-01-01 13:00:00", "Europe/Paris"),
        ("1609502400000000", "2021-01-01 12:00:00", "UTC"),
        # A spreadsheet has no time zone.
        ("44197.5", "2021-01-01 12:00:00", "Europe/Paris"),
        ("44197", "2021-01-01 00:00:00", "UTC"),
        ("20210101", "2021-01-01 00:00:00", "UTC"),
    ],
)
def test_times_that_are_numbers_are_read(tmp_path: Path, said: str, time: str, zone: str) -> None:
    shop = shop_of(tmp_path, f"a,{said},1,1,\n", time_zone=zone)
    assert [row[1] for row in events(shop)] == [time]


@pytest.mark.parametrize(
    ("encodings", "sign"),
    [(("utf-8",), "€"), (("cp1252",), "€"), (("latin-1",), "é"), (("utf-16",), "€"), (("cp1252", "utf-8"), "€"),
     (("utf-8-sig", "utf-16"), "é")],
)  # fmt: skip
def test_files_of_any_encoding_are_read_each_as_it_is(
    tmp_path: Path, encodings: tuple[str, ...], sign: str
) -> None:
    for number, encoding in enumerate(encodings):
        text = f"who,when,what,order {sign}\nMüller,2020-01-0{number + 1},1,{number}\n"
        (tmp_path / f"{number}.csv").write_text(text, encoding=encoding)
    shop = {**SHOP, "orders": str(tmp_path / "*.csv"), "order_id": f"order {sign}"}
    assert [row[0] for row in events(shop)] == ["Müller"] * len(encodings)


def test_people_who_differ_in_capitals_are_told_how_to_be_one(tmp_path: Path) -> None:
    shop = shop_of(tmp_path, "A@x.org,2020-01-01,1,1,\na@X.org,2020-01-01,1,1,\n")
    (found,) = problems_of(shop, **NEEDS)
    assert "differ in capitals only, such as 1 of" in found
    assert problems_of({**shop, "customer_id": "lower(who)"}, **NEEDS) == []


@pytest.mark.parametrize(
    ("values", "sums"),
    [
        (["1.234,56", "7,00", "12"], "1253.56"),
        (["1 234,5", "-0,50"], "1234.00"),
        (["€ 1'000,25", "3,75 EUR"], "1004.00"),
        (["$1,234.50", "-$0.50"], "1234.00"),
        (["USD 2,000", "1.5"], "2001.50"),
    ],
)
def test_written_amounts_are_read_and_the_reading_is_told(
    tmp_path: Path, values: list[str], sums: str
) -> None:
    path = tmp_path / "orders.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(
            [
                ["customer", "date", "order", "total"],
                *(["a", "2020-01-01", "1", one] for one in values),
            ]
        )
    with duckdb.connect() as connection:
        guess = guess_mapping(connection, open_source(connection, str(path)))
    found = events({"orders": str(path), **guess.shop})
    assert [row[-1] for row in found] == [sums]
    assert any(" is read as " in note for note in guess.notes)


@pytest.mark.parametrize(
    ("first", "later", "said"),
    [
        ("$1,234.50", "($5.00)", ["'($5.00)' is read as 5.00", "'$1,234.50' as 1,234.50"]),
        ("$1,234.50", "1.234,50", ["'1.234,50' is read as 1.23", "written in several ways"]),
        ("1.234,50 €", "1,234.50", ["'1,234.50' is read as 1.23"]),
        ("$1,234.50", "5.00-", ["1 of 2 amounts in total", "are lost, such as '5.00-'"]),
        ("1,5", "(1,5)", ["'(1,5)' is read as 1.50"]),
    ],
)
@pytest.mark.parametrize("column", ["total", "unit price"])
def test_a_later_file_that_writes_amounts_otherwise_is_refused(
    tmp_path: Path, first: str, later: str, said: list[str], column: str
) -> None:
    for name, amount in (("1", first), ("2", later)):
        with (tmp_path / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows(
                [
                    ["customer", "date", "order", column, "quantity"],
                    ["a", f"2020-01-0{name}", name, amount, name],
                ]
            )
    with duckdb.connect() as connection:
        guess = guess_mapping(connection, open_source(connection, str(tmp_path / "1.csv")))
    assert problems_of({"orders": str(tmp_path / "1.csv"), **guess.shop}, **NEEDS) == []
    (found,) = problems_of({"orders": str(tmp_path / "*.csv"), **guess.shop}, **NEEDS)
    for part in said:
        assert part.replace("total", column) in found


@pytest.mark.parametrize(
    "amount",
    [
        "try_cast(replace(what, ',', '.') as double)",
        "case when what like '(%' then -1 else 1 end * regexp_replace(what, '[^0-9]', '', 'g')::double / 119",
        "try_cast(regexp_replace(what, '[^0-9]', '', 'g') as double) / 100 - \"order\"",
    ],
)
def test_an_expression_that_reads_amounts_as_they_are_meant_is_taken(
    tmp_path: Path, amount: str
) -> None:
    minus = "(3.10)" if "like" in amount else "3.10"
    shop = shop_of(tmp_path, f'a,2020-01-01,"2,00",1,\na,2020-01-02,{minus},2,\n', amount=amount)
    assert problems_of(shop, **NEEDS) == []


@pytest.mark.parametrize("values", [["1.2.3", "4"], ["12,5,6", "3"], ["1,23", "4.5"], ["about 5"]])
def test_what_may_be_no_amount_is_not_taken_for_one(tmp_path: Path, values: list[str]) -> None:
    path = tmp_path / "orders.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(
            [["customer", "date", "total"], *(["a", "2020-01-01", one] for one in values)]
        )
    with duckdb.connect() as connection, pytest.raises(ShopError, match="looks like amount"):
        guess_mapping(connection, open_source(connection, str(path)))


def test_what_cannot_be_guessed_is_named_with_the_header(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("colour,size\nred,big\nblue,small\n", encoding="utf-8")
    with (
        duckdb.connect() as connection,
        pytest.raises(ShopError, match=r"customer_id .* ordered_at .* amount .* colour, size"),
    ):
        guess_mapping(connection, open_source(connection, str(path)))


def test_an_engine_that_is_not_duckdb_reads_a_typed_copy(tmp_path: Path) -> None:
    from customer_segmentation.shop import ShopAnswers

    rows = "a,2020-01-01 10:00:00,2.0000005,1,paid\n,2020-01-02,-0.1,2,refunded\na,never,x,3,\n"
    shop = shop_of(tmp_path, rows, status="status", traits={"state": "status"})
    shop["amount"] = "try_cast(what as double)"
    shop["ordered_at"] = 'try_cast("when" as timestamp)'
    (tmp_path / "scores.csv").write_text("order,stars,at\n1,4,2020-01-03\n2,,2020-01-03\n")
    shop["reviews"] = {
        "from": str(tmp_path / "scores.csv"),
        "order_id": "order",
        "score": "stars",
        "answered_at": "at",
    }
    answers = ShopAnswers(PROJECT, copies=True)
    lines = json.loads(answers.reading(json.dumps(shop), "{}", str(tmp_path / "lines")))
    reviews = json.loads(answers.reviews(json.dumps(shop), str(tmp_path / "reviews")))
    assert dict(
        duckdb.sql(f"select column_name, column_type from (describe {lines['sql']})").fetchall()
    ) == {
        "order_id": "VARCHAR",
        "customer_id": "VARCHAR",
        "status": "VARCHAR",
        "trait_state": "VARCHAR",
        "ordered_at": "TIMESTAMP",
        "review_answered_at": "TIMESTAMP",
        "amount": "DECIMAL(24,6)",
        "review_score": "INTEGER",
    }
    # Rounded by DuckDB, as in its own model.
    assert duckdb.sql(
        f"select customer_id, cast(amount as varchar), status from ({lines['sql']}) order by order_id"
    ).fetchall() == [("a", "2.000001", "paid"), (None, "-0.100000", "refunded"), ("a", None, None)]
    assert duckdb.sql(
        f"select order_id, review_score from ({reviews['sql']}) order by 1"
    ).fetchall() == [("1", 4), ("2", None)]
    assert Path(lines["file"]).parent != Path(reviews["file"]).parent
    none = {key: value for key, value in shop.items() if key != "reviews"}
    assert json.loads(answers.reviews(json.dumps(none), str(tmp_path / "no"))) == {"sql": None}
    gone = json.loads(answers.reading(json.dumps({**shop, "orders": "gone.csv"}), "{}", "x"))
    assert "there is no file gone.csv" in gone["problems"][0]
