"""Values and rows that must go into the quarantine, with their reason, and nothing else with them."""

from __future__ import annotations

from torture.damage import (
    CATEGORIES,
    CUSTOMERS,
    GEOLOCATION,
    ITEMS,
    ORDERS,
    PAYMENTS,
    PRODUCTS,
    REVIEWS,
    SELLERS,
)
from torture.kinds import QUARANTINED, Cell, Kind, Line

BOUGHT = "order_purchase_timestamp"
ZIP = "customer_zip_code_prefix"
PERSON = "customer_unique_id"
PAID = "payment_value"


def shown(value: str) -> str:
    """Return a value as a name of a kind shows it."""
    words = {"": "nothing", " ": "a blank", "\u00a0": "a no-break space"}
    return words.get(value, f"`{value}`")


def cell(area: str, name: str, table: str, column: str, value: str | bytes, reason: str) -> Kind:
    """Return a kind of one wrong value in one row."""
    return Kind(area, name, QUARANTINED, cells=(Cell(table, column, value),), reason=reason)


def times() -> list[Kind]:
    """Purchases and other events at times that cannot be."""
    area = "Times"
    not_a_time = f"{BOUGHT} is not a time"
    years = f"{BOUGHT} is not between the years"
    later = f"{BOUGHT} is later than the clock"
    far = f"{BOUGHT} is more than"
    purchases = {
        "2108-07-10 10:00:00": later,
        "2081-03-05 21:00:54": later,
        "9999-12-31 00:00:00": years,
        "infinity": years,
        "-infinity": years,
        "1018-03-05 21:00:54": years,
        "0218-03-05 21:00:54": years,
        "1900-01-01 00:00:00": far,
        "1970-01-01 00:00:00": far,
        "2008-03-05 21:00:54": far,
        "2018-02-30 10:00:00": not_a_time,
        "2018-13-05 10:00:00": not_a_time,
        "yesterday": not_a_time,
        "05/03/2018 21:00": not_a_time,
        "43164.875": not_a_time,
        "1520283654": not_a_time,
        "NULL": not_a_time,
        "": not_a_time,
    }
    others = {
        (ORDERS, "order_approved_at", "soon"): "order_approved_at is not a time",
        (ORDERS, "order_delivered_customer_date", "0000-00-00 00:00:00"): (
            "order_delivered_customer_date is not a time"
        ),
        (ORDERS, "order_delivered_carrier_date", "9999-12-31 00:00:00"): (
            "order_delivered_carrier_date is not between the years"
        ),
        (ORDERS, "order_estimated_delivery_date", "30.02.2018"): (
            "order_estimated_delivery_date is not a time"
        ),
        (ITEMS, "shipping_limit_date", "n/a"): "shipping_limit_date is not a time",
        (REVIEWS, "review_answer_timestamp", "tomorrow"): "review_answer_timestamp is not a time",
        (REVIEWS, "review_creation_date", "2108-01-01 00:00:00"): "review_creation_date is later",
    }
    return [
        *(
            cell(area, f"a purchase at {shown(value)}", ORDERS, BOUGHT, value, reason)
            for value, reason in purchases.items()
        ),
        *(
            cell(area, f"{column} `{value}`", table, column, value, reason)
            for (table, column, value), reason in others.items()
        ),
    ]


def amounts() -> list[Kind]:
    """Amounts and counts that are none."""
    area = "Amounts and numbers"
    wrong, negative, high = "is not an amount", "is negative", "is above"
    payments = {
        "1_000": wrong,
        "1e2": wrong,
        "+5": wrong,
        "0x1F": wrong,
        "nan": wrong,
        "inf": wrong,
        "ten": wrong,
        "12.345": wrong,
        "1,000.50": wrong,
        "R$ 10.00": wrong,
        "10.00 BRL": wrong,
        "(10.00)": wrong,
        "10.00-": wrong,
        "": wrong,
        "-0.01": negative,
        "999999999999.99": high,
        "99999999999999999999": wrong,
    }
    others = {
        (ITEMS, "price", "1_000"): f"price {wrong}",
        (ITEMS, "price", "-10.00"): f"price {negative}",
        (ITEMS, "price", "999999999999.99"): f"price {high}",
        (ITEMS, "price", "58,90"): f"price {wrong}",
        (ITEMS, "freight_value", "free"): f"freight_value {wrong}",
        (ITEMS, "order_item_id", "1.5"): "order_item_id is not a whole number",
        (PAYMENTS, "payment_sequential", "1e0"): "payment_sequential is not a whole number",
        (PAYMENTS, "payment_installments", "-1"): "payment_installments is negative",
        (REVIEWS, "review_score", "6"): "review_score is not between 1 and 5",
        (REVIEWS, "review_score", "4.5"): "review_score is not a whole number",
        (REVIEWS, "review_score", "five"): "review_score is not a whole number",
        (PRODUCTS, "product_name_lenght", "x"): "product_name_lenght is not a whole number",
        (PRODUCTS, "product_weight_g", "1_000"): "product_weight_g is not a whole number",
        (GEOLOCATION, "geolocation_lat", "inf"): "geolocation_lat is not a latitude",
        (GEOLOCATION, "geolocation_lat", "91"): "geolocation_lat is not a latitude",
        (GEOLOCATION, "geolocation_lng", "1_0"): "geolocation_lng is not a longitude",
    }
    return [
        *(
            cell(area, f"a payment of {shown(value)}", PAYMENTS, PAID, value, f"{PAID} {reason}")
            for value, reason in payments.items()
        ),
        *(
            cell(area, f"{column} `{value}`", table, column, value, reason)
            for (table, column, value), reason in others.items()
        ),
    ]


def names() -> list[Kind]:
    """Names of people, orders and places that name nobody and nothing."""
    area = "Ids, people and places"
    nobody = f"{PERSON} is empty"
    people = ("NULL", "null", "nan", "None", "N/A", " ", "\u00a0", "-", "")
    zips = ("12.34", "1e003", "0x1F2", " 1234", "123", "123456", "1234a", "-1234", "+1234", "1_234")
    return [
        *(
            cell(area, f"a person whose id is {shown(person)}", CUSTOMERS, PERSON, person, nobody)
            for person in people
        ),
        *(
            cell(
                area,
                f"a customer's zip prefix `{value}`",
                CUSTOMERS,
                ZIP,
                value,
                f"{ZIP} is not five digits",
            )
            for value in zips
        ),
        cell(
            area,
            "a zip prefix in Arabic digits",
            CUSTOMERS,
            ZIP,
            "\u0661\u0662\u0663\u0664\u0665",
            f"{ZIP} is not five digits",
        ),
        cell(
            area,
            "a seller's zip prefix `130231`",
            SELLERS,
            "seller_zip_code_prefix",
            "130231",
            "seller_zip_code_prefix is not five digits",
        ),
        cell(area, "an order without id", ORDERS, "order_id", "", "order_id is empty"),
        cell(area, "an order without status", ORDERS, "order_status", "", "order_status is empty"),
        cell(
            area,
            "an order of an unknown customer",
            ORDERS,
            "customer_id",
            "nobody",
            "orphan: customer_id",
        ),
        cell(
            area,
            "an order whose customer is `NULL`",
            ORDERS,
            "customer_id",
            "NULL",
            "customer_id is empty",
        ),
        cell(area, "a product without id", PRODUCTS, "product_id", " ", "product_id is empty"),
        cell(area, "a seller without id", SELLERS, "seller_id", "", "seller_id is empty"),
        cell(area, "a review without id", REVIEWS, "review_id", "", "review_id is empty"),
        cell(
            area,
            "a payment of an unknown order",
            PAYMENTS,
            "order_id",
            "nowhere",
            "orphan: order_id",
        ),
        cell(area, "a line of an unknown order", ITEMS, "order_id", "nowhere", "orphan: order_id"),
        cell(
            area, "a review of an unknown order", REVIEWS, "order_id", "nowhere", "orphan: order_id"
        ),
        cell(
            area,
            "a category without English name",
            CATEGORIES,
            "product_category_name_english",
            "",
            "product_category_name_english is empty",
        ),
        cell(
            area,
            "a city with a line break",
            CUSTOMERS,
            "customer_city",
            "sao\npaulo",
            "customer_city has a line break",
        ),
    ]


def rows() -> list[Kind]:
    """Rows that the CSV reader cannot take, and rows that are there twice."""
    area = "Rows"
    few, many = "csv: missing columns", "csv: too many columns"
    header = "product_id,product_category_name," + ",".join(["product_name_lenght"] * 7)
    torn = '"torn,order,5,,,2018-01-01 00:00:00,2018-01-02 00:00:00'
    key = {ORDERS: "order_id", PAYMENTS: "order_id + payment_sequential", CUSTOMERS: "customer_id"}
    again = {
        "an order twice": (ORDERS, list),
        "an order twice, once with a blank after its id": (ORDERS, lambda r: [f"{r[0]} ", *r[1:]]),
        "a payment twice": (PAYMENTS, list),
        "a payment twice, once as number 01": (PAYMENTS, lambda r: [r[0], f"0{r[1]}", *r[2:]]),
        "a customer twice": (CUSTOMERS, list),
    }
    texts = {
        "a header within the file": (PRODUCTS, header, "product_name_lenght is not a whole number"),
        "too few values": (CUSTOMERS, "short,person,01001", few),
        "too many values": (CUSTOMERS, "long,person,01001,sao paulo,SP,and more", many),
        "a decimal comma between commas": (PAYMENTS, "comma,9,voucher,1,5,00", many),
        "one row in another encoding": (
            *(SELLERS, "latin,01001,s\udce3o paulo,SP", "csv: invalid encoding"),
        ),
        "a line without a meaning": (ITEMS, "garbage", few),
        "a quote that is not closed, at the end": (REVIEWS, torn, "csv: "),
    }
    return [
        *(
            Kind(
                area,
                name,
                QUARANTINED,
                cells=(Line(table, how),),
                reason=f"duplicate key: {key[table]}",
            )
            for name, (table, how) in again.items()
        ),
        *(
            Kind(area, name, QUARANTINED, cells=(Line(table, text, mark),), reason=reason)
            for name, (table, text, reason) in texts.items()
            # Every refused row of the file names its columns.
            for mark in [':"product_id"' if text == header else ""]
        ),
    ]


KINDS = [*times(), *amounts(), *names(), *rows()]
