"""Items of orders: products, sellers, prices and freight."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from olist.sample import marginals
from olist.sample.cast import (
    BIG_SPENDER,
    BIG_SPENDER_FREIGHT_CENTS,
    BIG_SPENDER_ITEMS,
    MANY_SELLERS_BUYER,
    Cast,
)
from olist.sample.catalogue import World
from olist.sample.marginals import DAY, choose, cumulative, quantiles
from olist.sample.orders import Orders

OTHER_PRODUCT_SHARE = 0.13
SIBLING_PRODUCT_SHARE = 0.20
CHEAPER_OF_TWO_SHARE = 0.75
FREE_FREIGHT_SHARE = 383 / 112_650


PRICE_FACTORS = np.array([0.9, 0.95, 1.0, 1.05, 1.1])
PRICE_FACTOR_SHARES = cumulative([0.06, 0.08, 0.72, 0.08, 0.06])
# No order but the cast one comes near the largest payment of the set.
PRICE_CAP_CENTS = 800_000
FREIGHT_CAP_CENTS = 40_968
FREIGHT_OF_ORDER_CAP_CENTS = 300_000


@dataclass
class Items:
    """Items of a block; arrays of shape (items,), money in centavos."""

    order: np.ndarray
    line: np.ndarray
    product: np.ndarray
    shipping_limit: np.ndarray
    price: np.ndarray
    freight: np.ndarray


def build_items(world: World, orders: Orders, cast: Cast, generator: np.random.Generator) -> Items:
    """Draw product, price and freight of every item."""
    tables = marginals.load()
    calendar = marginals.calendar()
    counts = orders.item_count
    order = np.repeat(np.arange(len(counts)), counts)
    starts = np.cumsum(counts) - counts
    line = np.arange(len(order)) - starts[order]
    size = counts[order]
    month = calendar.month_of_day[orders.purchased[order] // DAY - marginals.FIRST_DAY]

    product = world.products.draw(month, generator.random(len(order)))
    # Who buys several buys cheaper things: the cheaper of two draws has the real prices.
    several = np.flatnonzero((size > 1) & (generator.random(len(order)) < CHEAPER_OF_TWO_SHARE))
    second = world.products.draw(month[several], generator.random(len(several)))
    cheaper = world.products.price[second] < world.products.price[product[several]]
    product[several[cheaper]] = second[cheaper]

    basket = generator.random(len(counts))
    many = np.zeros(len(counts), dtype=bool)
    many[cast.order(MANY_SELLERS_BUYER)] = True
    own = (line == 0) | many[order] | (basket[order] < OTHER_PRODUCT_SHARE)
    lead = np.where(own, np.arange(len(order)), starts[order])
    sibling = (
        ~own & (line == size - 1) & (basket[order] < OTHER_PRODUCT_SHARE + SIBLING_PRODUCT_SHARE)
    )
    product = product[lead]
    product[sibling] = world.products.sibling[product[sibling]]
    separate_sellers(world, product=product, many=np.flatnonzero(many[order]))

    factor = PRICE_FACTORS[choose(PRICE_FACTOR_SHARES, generator.random(len(order)))][lead]
    price = np.round(world.products.price[product] * factor).astype(np.int64)
    price = np.clip(price, 85, PRICE_CAP_CENTS // size)

    state_table = np.array([row[1:] for row in tables["states"]])
    customer_state = world.places.state_index[orders.place[order]]
    seller = world.products.seller[product]
    seller_state = world.places.state_index[world.sellers.place[seller]]
    uniforms = generator.random(len(order))[lead]
    residual = np.where(
        seller_state == customer_state,
        quantiles(tables["freight_residual_same_state"]).at(uniforms),
        quantiles(tables["freight_residual_other_state"]).at(uniforms),
    )
    freight = 100 * state_table[customer_state, 2] * np.exp(residual) * (price / 7_500) ** 0.2
    freight = np.minimum(freight, np.minimum(FREIGHT_CAP_CENTS, FREIGHT_OF_ORDER_CAP_CENTS // size))
    freight[(generator.random(len(order)) < FREE_FREIGHT_SHARE)[lead]] = 0
    freight = np.round(freight).astype(np.int64)

    big = np.flatnonzero(np.isin(order, cast.order(BIG_SPENDER)))
    freight[big] = BIG_SPENDER_FREIGHT_CENTS
    price[big] = marginals.LARGEST_PAYMENT_CENTS // BIG_SPENDER_ITEMS - BIG_SPENDER_FREIGHT_CENTS

    limit_days = choose(cumulative(tables["shipping_limit_days"]), generator.random(len(counts)))
    approved = np.where(orders.has_approved, orders.approved, orders.purchased)
    shipping_limit = (approved + limit_days * DAY)[order]
    return Items(order, line, product, shipping_limit, price, freight)


def separate_sellers(world: World, *, product: np.ndarray, many: np.ndarray) -> None:
    """Give each of the lines ``many`` another seller, in place."""
    for position, item in enumerate(many):
        taken = world.products.seller[product[many[:position]]]
        while world.products.seller[product[item]] in taken:
            product[item] = (product[item] + 1) % len(world.products.price)


def seller_counts(world: World, items: Items, orders: int) -> np.ndarray:
    """Return the number of sellers of every order.

    Returns
    -------
    ndarray of int, shape (orders,)
        0 for an order without items.
    """
    pairs = np.unique(items.order * len(world.sellers.place) + world.products.seller[items.product])
    return np.bincount(pairs // len(world.sellers.place), minlength=orders)
