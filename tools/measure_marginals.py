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

    def rows(query: str) -> list[tuple[Any, ...]]:
        return connection.sql(query).fetchall()

    def column(query: str) -> list[Any]:
        return [row[0] for row in rows(query)]

    def quantiles(expression: str, source: str, probabilities: list[float] = PROBABILITIES) -> Any:
        listed = [float(p) for p in probabilities]
        return rows(f"select quantile_cont({expression}, {listed}) from {source}")[0][0]

    connection.execute("""
        create table histories as
        select
            customer_unique_id as person,
            order_id,
            order_purchase_timestamp as placed_at,
            lag(placed_at) over (partition by person order by placed_at, order_id) as previous,
            row_number() over (partition by person order by placed_at, order_id) as number,
            count(*) over (partition by person) as orders,
            first(placed_at) over (partition by person order by placed_at, order_id) as first_at
        from orders join customers using (customer_id)
    """)
    months = rows("""
        select
            strftime(placed_at, '%Y-%m') as month,
            count(*) filter (number = 1) as people,
            count(*) as all_orders,
            count(*) filter (number = 1 and orders > 1) as repeat_people,
            -- a few orders before and after the real trade of a month say nothing about it
            quantile_disc(day(placed_at), 0.004) as first_day,
            quantile_disc(day(placed_at), 0.996) as last_day
        from histories group by 1 order by 1
    """)
    delays = {
        month: (total, estimate)
        for month, total, estimate in rows(
            "select month, median(total), median(estimate) from delivered group by 1"
        )
    }
    typical_total, typical_estimate = rows(
        "select median(total), median(estimate) from delivered where month >= '2017-01'"
    )[0]
    regions = rows("""
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
    """)
    cities: dict[tuple[str, str], list[list[Any]]] = {}
    for region, state, city, customers, prefixes in rows(f"""
        select customer_zip_code_prefix[1:2], customer_state, customer_city,
            count(*), count(distinct customer_zip_code_prefix)
        from customers group by 1, 2, 3
        qualify row_number() over (
            partition by customer_zip_code_prefix[1:2], customer_state
            order by count(*) desc, customer_city
        ) <= {CITIES_PER_REGION}
        order by 1, 2, 4 desc, 3
    """):
        cities.setdefault((region, state), []).append([city, customers, prefixes])
    states = rows("""
        with delivery as (
            select state, median(total) as total, median(estimate) as estimate
            from delivered group by 1
        ),
        freight as (
            select customer_state as state, median(freight_value) as freight
            from items join orders using (order_id) join customers using (customer_id) group by 1
        )
        select * from delivery join freight using (state) order by state
    """)
    connection.execute(
        "create table state_delay as "
        "select state, median(total) as total, median(estimate) as estimate "
        "from delivered group by 1"
    )
    connection.execute(
        "create table month_delay as "
        "select month, median(total) as total, median(estimate) as estimate, count(*) as n "
        "from delivered group by 1"
    )
    connection.execute(f"""
        create table residual as
        select
            ln(delivered.total / (s.total * m.total / {typical_total})) as total,
            ln(delivered.estimate / (s.estimate * m.estimate / {typical_estimate})) as estimate,
            least(1, greatest(0, carrier / delivered.total)) as carrier
        from delivered
        join state_delay as s using (state)
        join month_delay as m using (month)
        where m.n > 500
    """)
    connection.execute("""
        create table item_freight as
        select
            i.price,
            customer_state = seller_state as same_state,
            ln(freight_value / f.freight) - 0.2 * ln(price / 75) as residual
        from items as i
        join orders using (order_id) join customers using (customer_id)
        join sellers using (seller_id)
        join (
            select customer_state, median(freight_value) as freight
            from items join orders using (order_id) join customers using (customer_id) group by 1
        ) as f using (customer_state)
        where freight_value > 3
    """)
    categories = [
        [name or "", products, items, rounded(prices, 2), rounded(weight, 0), rounded(size, 0)]
        for name, products, items, prices, weight, size in rows(f"""
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
        """)
    ]
    lateness = """
        case
            when order_delivered_customer_date is not null and sellers > 1 then 5
            when order_delivered_customer_date is null then 0
            when order_delivered_customer_date <= order_estimated_delivery_date then 1
            when order_delivered_customer_date::date - order_estimated_delivery_date::date <= 2
                then 2
            when order_delivered_customer_date::date - order_estimated_delivery_date::date <= 7
                then 3
            else 4
        end
    """
    scores = [[0] * 5 for _ in range(6)]
    for bucket, score, count in rows(
        f"select {lateness}, review_score, count(*) "
        "from reviews join orders using (order_id) left join "
        "(select order_id, count(distinct seller_id) as sellers from items group by 1) "
        "using (order_id) group by all"
    ):
        scores[bucket][score - 1] = count
    instalments = [[0] * 25 for _ in range(5)]
    for bucket, number, count in rows("""
        select case when payment_value < 50 then 0 when payment_value < 100 then 1
            when payment_value < 200 then 2 when payment_value < 500 then 3 else 4 end,
            payment_installments, count(*)
        from payments where payment_type = 'credit_card' group by all
    """):
        instalments[bucket][number] = count
    hours = [[0] * 24 for _ in range(7)]
    for weekday, hour, count in rows(
        "select isodow(order_purchase_timestamp) - 1, hour(order_purchase_timestamp), count(*) "
        "from orders group by all"
    ):
        hours[weekday][hour] = count
    return {
        "source": "Aggregates of the Brazilian E-Commerce Public Dataset by Olist "
        "(Kaggle olistbr/brazilian-ecommerce); written by tools.measure_marginals",
        "probabilities": rounded([float(p) for p in PROBABILITIES]),
        "few_probabilities": FEW_PROBABILITIES,
        "gap_probabilities": GAP_PROBABILITIES,
        "months": [
            [
                month,
                people,
                all_orders,
                repeat,
                first,
                last,
                rounded(delays.get(month, (typical_total, typical_estimate))[0] / typical_total),
                rounded(delays.get(month, (typical_total, typical_estimate))[1] / typical_estimate),
            ]
            for month, people, all_orders, repeat, first, last in months
        ],
        "orders_per_person": [
            list(row)
            for row in rows(
                "select orders, count(*) from histories where number = 1 group by 1 order by 1"
            )
        ],
        "hours": hours,
        "gap_days": rounded(
            quantiles(
                "epoch(placed_at - previous) / 86400",
                "histories where previous is not null",
                GAP_PROBABILITIES,
            )
        ),
        "regions": [[*rounded(list(row), 3), cities[row[0], row[1]]] for row in regions],
        "states": [rounded(list(row), 3) for row in states],
        "categories": categories,
        "items_per_product": quantiles(
            "n", "(select count(*)::double as n from items group by product_id)"
        ),
        "items_per_order": [
            list(row)
            for row in rows(
                "select n, count(*) from (select count(*) as n from items group by order_id) "
                "group by 1 order by 1"
            )
        ],
        "statuses": [
            list(row)
            for row in rows("select order_status, count(*) from orders group by 1 order by 2 desc")
        ],
        "seller_months": [
            list(row)
            for row in rows("""
            with life as (
                select seller_id, min(order_purchase_timestamp) as a,
                    max(order_purchase_timestamp) as b
                from items join orders using (order_id) group by 1
            )
            select strftime(a, '%Y-%m'), count(*) from life group by 1 order by 1""")
        ],
        "seller_life_days": rounded(
            quantiles(
                "n",
                """(
            select epoch(max(order_purchase_timestamp) - min(order_purchase_timestamp)) / 86400 as n
            from items join orders using (order_id) group by seller_id)""",
                FEW_PROBABILITIES,
            ),
            1,
        ),
        "freight_residual_same_state": rounded(
            quantiles("residual", "item_freight where same_state")
        ),
        "freight_residual_other_state": rounded(
            quantiles("residual", "item_freight where not same_state")
        ),
        "total_residual": rounded(quantiles("total", "residual")),
        "estimate_residual": rounded(quantiles("estimate", "residual")),
        "carrier_fraction": rounded(quantiles("carrier", "residual")),
        "approval_hours": {
            kind: rounded(
                quantiles(
                    "epoch(order_approved_at - order_purchase_timestamp) / 3600",
                    "orders join payments using (order_id) where payment_sequential = 1 "
                    f"and payment_type = '{kind}'",
                    FEW_PROBABILITIES,
                ),
                3,
            )
            for kind in ("credit_card", "boleto", "debit_card", "voucher")
        },
        "shipping_limit_days": column("""
            select count(*) from items join orders using (order_id)
            join (select unnest(range(0, 31)) as d) on
                greatest(0, least(30, round(epoch(
                    shipping_limit_date - order_approved_at) / 86400))) = d
            group by d order by d"""),
        "instalments": instalments,
        "payment_value_without_items": rounded(
            quantiles(
                "v",
                """(
            select sum(payment_value) as v from payments
            where order_id not in (select order_id from items) group by order_id)""",
            ),
            2,
        ),
        "review_scores": scores,
        "review_titles": rounded(
            column(
                "select count(review_comment_title) / count(*) "
                "from reviews group by review_score order by review_score"
            )
        ),
        "review_messages": rounded(
            column(
                "select count(review_comment_message) / count(*) "
                "from reviews group by review_score order by review_score"
            )
        ),
        "answer_days": rounded(
            quantiles("epoch(review_answer_timestamp - review_creation_date) / 86400", "reviews"), 3
        ),
        "points_per_prefix": quantiles(
            "n",
            "(select count(*)::double as n from geolocation group by geolocation_zip_code_prefix)",
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
