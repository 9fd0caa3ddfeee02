"""Measure the published marginals that the synthetic sample follows.

Run once against the real set, when the generator needs a further marginal::

    python -m tools.measure_marginals data/olist

It rewrites ``python/olist/sample/marginals.json``. Only aggregates leave the data: counts, medians
and quantiles of groups. No row, no identifier and no text of a person is kept.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from olist import files

TARGET = Path("python/olist/sample/marginals.json")
CITIES_PER_REGION = 6
# Finer at both ends: the upper tail makes the big spenders.
PROBABILITIES = [0, 0.01, 0.025, 0.05, *np.arange(0.1, 0.91, 0.05), 0.95, 0.975, 0.99, 0.999, 1]
FEW_PROBABILITIES = [0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 1]
GAP_PROBABILITIES = [0.0, *np.round(np.arange(0.025, 1, 0.025), 3).tolist(), 0.99, 1.0]


def connect(folder: Path) -> duckdb.DuckDBPyConnection:
    """Open an in-memory database with one table per file that has measures.

    Parameters
    ----------
    folder : Path
        Folder with the nine real files.

    Returns
    -------
    duckdb.DuckDBPyConnection
        Tables customers, orders, items, payments, reviews, products, sellers, geolocation, and
        ``delivered`` (delivered orders with their state and durations in days).
    """
    connection = duckdb.connect()
    names = {
        "customers": files.CUSTOMERS,
        "orders": files.ORDERS,
        "items": files.ORDER_ITEMS,
        "payments": files.ORDER_PAYMENTS,
        "reviews": files.ORDER_REVIEWS,
        "products": files.PRODUCTS,
        "sellers": files.SELLERS,
        "geolocation": files.GEOLOCATION,
    }
    for table, name in names.items():
        connection.execute(
            f"create table {table} as select * from read_csv($path, sample_size = -1)",
            {"path": str(folder / name)},
        )
    connection.execute("""
        create table delivered as
        select
            customer_state as state,
            strftime(order_purchase_timestamp, '%Y-%m') as month,
            epoch(order_delivered_customer_date - order_purchase_timestamp) / 86400 as total,
            epoch(order_delivered_carrier_date - order_purchase_timestamp) / 86400 as carrier,
            epoch(order_estimated_delivery_date - order_purchase_timestamp) / 86400 as estimate
        from orders join customers using (customer_id)
        where order_status = 'delivered' and order_delivered_customer_date is not null
    """)
    return connection


def rounded(values: Any, digits: int = 4) -> Any:
    """Round floats inside nested lists, so that the data file stays small."""
    if isinstance(values, (list, tuple)):
        return [rounded(value, digits) for value in values]
    if isinstance(values, float):
        return float(f"{values:.{digits}g}") if abs(values) < 1 else round(values, digits)
    return values


def column(connection: duckdb.DuckDBPyConnection, query: str) -> list[Any]:
    """Return the first column of a query's rows."""
    return [row[0] for row in connection.sql(query).fetchall()]


def pairs(connection: duckdb.DuckDBPyConnection, query: str) -> list[list[Any]]:
    """Return a query's rows as lists, which JSON has."""
    return [list(row) for row in connection.sql(query).fetchall()]


def quantiles(
    connection: duckdb.DuckDBPyConnection,
    expression: str,
    source: str,
    *,
    probabilities: list[float] = PROBABILITIES,
    digits: int | None = 4,
) -> Any:
    """Return the quantiles of an expression over a table or subquery, rounded unless digits is None."""
    listed = [float(p) for p in probabilities]
    found = connection.sql(f"select quantile_cont({expression}, {listed}) from {source}").fetchall()
    return found[0][0] if digits is None else rounded(found[0][0], digits)


def derive_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Create what several marginals read: histories, delays of states and months, residuals."""
    connection.execute("""
        create table histories as
        select
            customer_unique_id as person,
            order_id,
            order_purchase_timestamp as placed_at,
            lag(placed_at) over (partition by person order by placed_at, order_id) as previous,
            row_number() over (partition by person order by placed_at, order_id) as number,
            count(*) over (partition by person) as orders
        from orders join customers using (customer_id)
    """)
    connection.execute("""
        create table typical_delay as
        select median(total) as total, median(estimate) as estimate
        from delivered where month >= '2017-01'
    """)
    for key in ("state", "month"):
        connection.execute(f"""
            create table {key}_delay as
            select {key}, median(total) as total, median(estimate) as estimate, count(*) as n
            from delivered group by 1
        """)
    connection.execute("""
        create table residual as
        select
            ln(d.total / (s.total * m.total / t.total)) as total,
            ln(d.estimate / (s.estimate * m.estimate / t.estimate)) as estimate,
            least(1, greatest(0, carrier / d.total)) as carrier
        from delivered as d
        join state_delay as s using (state)
        join month_delay as m using (month)
        cross join typical_delay as t
        where m.n > 500
    """)
    connection.execute("""
        create table state_freight as
        select customer_state, median(freight_value) as freight
        from items join orders using (order_id) join customers using (customer_id) group by 1
    """)
    connection.execute("""
        create table item_freight as
        select
            customer_state = seller_state as same_state,
            ln(freight_value / f.freight) - 0.2 * ln(price / 75) as residual
        from items
        join orders using (order_id) join customers using (customer_id)
        join sellers using (seller_id)
        join state_freight as f using (customer_state)
        where freight_value > 3
    """)


def months(connection: duckdb.DuckDBPyConnection) -> list[list[Any]]:
    """Count people and orders of each month, and compare its delays with the typical ones."""
    return [
        [*counts, rounded(total), rounded(estimate)]
        for *counts, total, estimate in connection.sql("""
            with trade as (
                select
                    strftime(placed_at, '%Y-%m') as month,
                    count(*) filter (number = 1) as people,
                    count(*) as all_orders,
                    count(*) filter (number = 1 and orders > 1) as repeat_people,
                    -- a few orders before and after the real trade of a month say nothing about it
                    quantile_disc(day(placed_at), 0.004) as first_day,
                    quantile_disc(day(placed_at), 0.996) as last_day
                from histories group by 1
            )
            select
                trade.*,
                coalesce(m.total, t.total) / t.total,
                coalesce(m.estimate, t.estimate) / t.estimate
            from trade left join month_delay as m using (month) cross join typical_delay as t
            order by month
        """).fetchall()
    ]


def regions(connection: duckdb.DuckDBPyConnection) -> list[list[Any]]:
    """Measure places by the first two digits of the postcode, with their largest cities."""
    cities: dict[tuple[str, str], list[list[Any]]] = {}
    for region, state, *city in connection.sql(f"""
        select customer_zip_code_prefix[1:2], customer_state, customer_city,
            count(*), count(distinct customer_zip_code_prefix)
        from customers group by 1, 2, 3
        qualify row_number() over (
            partition by customer_zip_code_prefix[1:2], customer_state
            order by count(*) desc, customer_city
        ) <= {CITIES_PER_REGION}
        order by 1, 2, 4 desc, 3
    """).fetchall():
        cities.setdefault((region, state), []).append(city)
    found = pairs(
        connection,
        """
        with region as (
            select customer_zip_code_prefix[1:2] as region, customer_state as state,
                count(*) as customers, count(distinct customer_unique_id) as people
            from customers group by all having count(*) > 5
        ),
        place as (
            select geolocation_zip_code_prefix[1:2] as region, geolocation_state as state,
                count(distinct geolocation_zip_code_prefix) as prefixes,
                quantile_disc(geolocation_zip_code_prefix, 0.001) as lowest,
                quantile_disc(geolocation_zip_code_prefix, 0.999) as highest,
                median(geolocation_lat) as latitude, median(geolocation_lng) as longitude,
                quantile_cont(geolocation_lat, 0.75) - quantile_cont(geolocation_lat, 0.25) as tall,
                quantile_cont(geolocation_lng, 0.75) - quantile_cont(geolocation_lng, 0.25) as wide
            from geolocation group by all
        ),
        seller as (
            select seller_zip_code_prefix[1:2] as region, seller_state as state, count(*) as sellers
            from sellers group by all
        )
        select region, state, customers, coalesce(sellers, 0), prefixes, lowest, highest,
            latitude, longitude, tall, wide
        from region join place using (region, state) left join seller using (region, state)
        order by region, state
        """,
    )
    return [[*rounded(row, 3), cities[row[0], row[1]]] for row in found]


def categories(connection: duckdb.DuckDBPyConnection) -> list[list[Any]]:
    """Measure the products of each category: how many, how often sold, price, weight, length."""
    return [
        [name or "", products, items, rounded(prices, 2), rounded(weight, 0), rounded(size, 0)]
        for name, products, items, prices, weight, size in connection.sql(f"""
            select
                product_category_name,
                count(distinct product_id),
                count(*),
                quantile_cont(price, {[float(p) for p in PROBABILITIES]})
                    filter (order_item_id = 1),
                quantile_cont(product_weight_g, [0.05, 0.25, 0.5, 0.75, 0.95]),
                median(product_length_cm)
            from items join products using (product_id)
            group by 1 order by 1 nulls last
        """).fetchall()
    ]


def table_of_counts(
    connection: duckdb.DuckDBPyConnection, query: str, *, rows: int, columns: int
) -> list[list[int]]:
    """Return counts as a dense table from a query of row number, column number and count."""
    counts = [[0] * columns for _ in range(rows)]
    for row, place, count in connection.sql(query).fetchall():
        counts[row][place] = count
    return counts


def trade_marginals(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Measure who orders, when, where and what."""
    return {
        "months": months(connection),
        "orders_per_person": pairs(
            connection,
            "select orders, count(*) from histories where number = 1 group by 1 order by 1",
        ),
        "hours": table_of_counts(
            connection,
            "select isodow(order_purchase_timestamp) - 1, hour(order_purchase_timestamp), count(*) "
            "from orders group by all",
            rows=7,
            columns=24,
        ),
        "gap_days": quantiles(
            connection,
            "epoch(placed_at - previous) / 86400",
            "histories where previous is not null",
            probabilities=GAP_PROBABILITIES,
        ),
        "regions": regions(connection),
        "states": [
            rounded(row, 3)
            for row in pairs(
                connection,
                """
                select s.state, s.total, s.estimate, f.freight
                from state_delay as s join state_freight as f on s.state = f.customer_state
                order by s.state
                """,
            )
        ],
        "categories": categories(connection),
        "items_per_product": quantiles(
            connection,
            "n",
            "(select count(*)::double as n from items group by product_id)",
            digits=None,
        ),
        "items_per_order": pairs(
            connection,
            "select n, count(*) from (select count(*) as n from items group by order_id) "
            "group by 1 order by 1",
        ),
        "statuses": pairs(
            connection, "select order_status, count(*) from orders group by 1 order by 2 desc"
        ),
    }


def seller_marginals(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Measure when sellers come and how long they sell."""
    connection.execute("""
        create table life as
        select seller_id, min(order_purchase_timestamp) as first_sale,
            max(order_purchase_timestamp) as last_sale
        from items join orders using (order_id) group by 1
    """)
    return {
        "seller_months": pairs(
            connection,
            "select strftime(first_sale, '%Y-%m'), count(*) from life group by 1 order by 1",
        ),
        "seller_life_days": quantiles(
            connection,
            "epoch(last_sale - first_sale) / 86400",
            "life",
            probabilities=FEW_PROBABILITIES,
            digits=1,
        ),
    }


def delivery_marginals(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Measure freight and the times from purchase to delivery."""
    return {
        "freight_residual_same_state": quantiles(
            connection, "residual", "item_freight where same_state"
        ),
        "freight_residual_other_state": quantiles(
            connection, "residual", "item_freight where not same_state"
        ),
        "total_residual": quantiles(connection, "total", "residual"),
        "estimate_residual": quantiles(connection, "estimate", "residual"),
        "carrier_fraction": quantiles(connection, "carrier", "residual"),
        "approval_hours": {
            kind: quantiles(
                connection,
                "epoch(order_approved_at - order_purchase_timestamp) / 3600",
                "orders join payments using (order_id) where payment_sequential = 1 "
                f"and payment_type = '{kind}'",
                probabilities=FEW_PROBABILITIES,
                digits=3,
            )
            for kind in ("credit_card", "boleto", "debit_card", "voucher")
        },
        "shipping_limit_days": column(
            connection,
            """
            select count(*) from items join orders using (order_id)
            join (select unnest(range(0, 31)) as d) on
                greatest(0, least(30, round(epoch(
                    shipping_limit_date - order_approved_at) / 86400))) = d
            group by d order by d
            """,
        ),
    }


def payment_marginals(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Measure instalments by the size of a card payment, and payments of orders without items."""
    return {
        "instalments": table_of_counts(
            connection,
            """
            select case when payment_value < 50 then 0 when payment_value < 100 then 1
                when payment_value < 200 then 2 when payment_value < 500 then 3 else 4 end,
                payment_installments, count(*)
            from payments where payment_type = 'credit_card' group by all
            """,
            rows=5,
            columns=25,
        ),
        "payment_value_without_items": quantiles(
            connection,
            "v",
            "(select sum(payment_value) as v from payments "
            "where order_id not in (select order_id from items) group by order_id)",
            digits=2,
        ),
    }


def review_marginals(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Measure scores by lateness (0 undelivered … 4 over a week late, 5 several sellers), texts, answers."""
    shares = (
        "select count({text}) / count(*) from reviews group by review_score order by review_score"
    )
    return {
        "review_scores": table_of_counts(
            connection,
            """
            select
                case
                    when order_delivered_customer_date is not null and sellers > 1 then 5
                    when order_delivered_customer_date is null then 0
                    when late <= 0 then 1
                    when late_days <= 2 then 2
                    when late_days <= 7 then 3
                    else 4
                end,
                review_score - 1,
                count(*)
            from reviews
            join (
                select *,
                    epoch(order_delivered_customer_date - order_estimated_delivery_date) as late,
                    order_delivered_customer_date::date - order_estimated_delivery_date::date
                        as late_days
                from orders
            ) using (order_id)
            left join (
                select order_id, count(distinct seller_id) as sellers from items group by 1
            ) using (order_id)
            group by all
            """,
            rows=6,
            columns=5,
        ),
        "review_titles": rounded(column(connection, shares.format(text="review_comment_title"))),
        "review_messages": rounded(
            column(connection, shares.format(text="review_comment_message"))
        ),
        "answer_days": quantiles(
            connection,
            "epoch(review_answer_timestamp - review_creation_date) / 86400",
            "reviews",
            digits=3,
        ),
    }


def measure(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Collect every marginal the generator reads.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Result of :func:`connect`.

    Returns
    -------
    dict
        Plain JSON values; the keys are explained where ``marginals.py`` reads them.
    """
    derive_tables(connection)
    return {
        "source": "Aggregates of the Brazilian E-Commerce Public Dataset by Olist "
        "(Kaggle olistbr/brazilian-ecommerce); written by tools.measure_marginals",
        "probabilities": rounded([float(p) for p in PROBABILITIES]),
        "few_probabilities": FEW_PROBABILITIES,
        "gap_probabilities": GAP_PROBABILITIES,
        **trade_marginals(connection),
        **seller_marginals(connection),
        **delivery_marginals(connection),
        **payment_marginals(connection),
        **review_marginals(connection),
        "points_per_prefix": quantiles(
            connection,
            "n",
            "(select count(*)::double as n from geolocation group by geolocation_zip_code_prefix)",
            digits=None,
        ),
    }


def write_compact(values: dict[str, Any], target: Path) -> None:
    """Write one key per line: short, and still readable in a diff."""
    lines = [
        f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False, separators=(',', ':'))}"
        for key, value in values.items()
    ]
    target.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    write_compact(measure(connect(Path(sys.argv[1]))), TARGET)
