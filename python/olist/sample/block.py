"""Histories of people: a block of customers with their orders, items, payments and reviews."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from olist import files
from olist.sample import marginals
from olist.sample.baskets import build_items
from olist.sample.catalogue import World
from olist.sample.columns import identifiers, money, timestamps
from olist.sample.orders import ORDER_STRIDE, PAYMENT_TYPES, build_orders
from olist.sample.payments import build_payments
from olist.sample.reviews import build_reviews


def build_block(
    world: World, *, start: int, stop: int, offsets: np.ndarray, generator: np.random.Generator
) -> dict[str, pa.Table]:
    """Draw people ``start`` to ``stop`` with their whole histories.

    Parameters
    ----------
    world : World
        Places, sellers and products.
    start, stop : int
        People of the block.
    offsets : ndarray of float, shape (3,)
        Start of the spread sequence, the same for all blocks of a sample.
    generator : numpy.random.Generator
        The block's own stream.

    Returns
    -------
    dict of str to pyarrow.Table
        Five tables by Kaggle file name, their rows in no order of time or person.
    """
    orders, cast = build_orders(world, start=start, stop=stop, offsets=offsets, generator=generator)
    items = build_items(world, orders, cast, generator)
    payments = build_payments(orders, items, cast, generator)
    reviews = build_reviews(world, orders, items, cast, generator)

    counters = orders.person * ORDER_STRIDE + orders.number
    order_ids = identifiers(counters, kind="order", seed=world.seed)
    customer_ids = identifiers(counters, kind="customer", seed=world.seed)
    shuffle = generator.permutation(len(counters))
    rank = np.empty_like(shuffle)
    rank[shuffle] = np.arange(len(shuffle))
    place = pa.array(orders.place)
    statuses = pa.array([name for name, _ in marginals.load()["statuses"]])
    customers_table = pa.table(
        {
            "customer_id": customer_ids,
            "customer_unique_id": identifiers(orders.person, kind="person", seed=world.seed),
            "customer_zip_code_prefix": world.places.prefixes.take(place),
            "customer_city": world.places.cities.take(place),
            "customer_state": world.places.states.take(place),
        }
    )
    orders_table = pa.table(
        {
            "order_id": order_ids,
            "customer_id": customer_ids,
            "order_status": statuses.take(pa.array(orders.status)),
            "order_purchase_timestamp": timestamps(orders.purchased),
            "order_approved_at": timestamps(orders.approved, orders.has_approved),
            "order_delivered_carrier_date": timestamps(orders.to_carrier, orders.has_carrier),
            "order_delivered_customer_date": timestamps(orders.delivered, orders.has_delivered),
            "order_estimated_delivery_date": timestamps(orders.estimated),
        }
    )
    by_rank = np.argsort(rank[items.order], kind="stable")
    product = pa.array(items.product[by_rank])
    seller = pa.array(world.products.seller[items.product[by_rank]])
    items_table = pa.table(
        {
            "order_id": order_ids.take(pa.array(items.order[by_rank])),
            "order_item_id": items.line[by_rank] + 1,
            "product_id": world.products.identifiers.take(product),
            "seller_id": world.sellers.identifiers.take(seller),
            "shipping_limit_date": timestamps(items.shipping_limit[by_rank]),
            "price": money(items.price[by_rank]),
            "freight_value": money(items.freight[by_rank]),
        }
    )
    mixed = generator.permutation(len(payments.order))
    payments_table = pa.table(
        {
            "order_id": order_ids.take(pa.array(payments.order[mixed])),
            "payment_sequential": payments.sequence[mixed],
            "payment_type": PAYMENT_TYPES.take(pa.array(payments.kind[mixed])),
            "payment_installments": payments.instalments[mixed],
            "payment_value": money(payments.value[mixed]),
        }
    )
    return {
        files.CUSTOMERS: customers_table.take(pa.array(generator.permutation(len(counters)))),
        files.ORDERS: orders_table.take(pa.array(shuffle)),
        files.ORDER_ITEMS: items_table,
        files.ORDER_PAYMENTS: payments_table,
        files.ORDER_REVIEWS: reviews,
    }
