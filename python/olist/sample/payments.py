"""Payments of orders."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from olist.sample import marginals
from olist.sample.baskets import Items
from olist.sample.cast import BIG_SPENDER, NO_PAYMENT_BUYER, Cast
from olist.sample.marginals import cumulative, quantiles
from olist.sample.orders import CREDIT_CARD, NOT_DEFINED, PAYMENT_PATTERNS, Orders

SURCHARGE_SHARE = 303 / 98_665


NOT_DEFINED_SHARE = 3 / 164
ZERO_VOUCHER_SHARE = 0.002


MAXIMUM_PAYMENTS = 29
INSTALMENT_LIMITS_CENTS = np.array([5_000, 10_000, 20_000, 50_000])


@dataclass
class Payments:
    """Payments of a block; arrays of shape (payments,), money in centavos."""

    order: np.ndarray
    sequence: np.ndarray
    kind: np.ndarray
    instalments: np.ndarray
    value: np.ndarray


def build_payments(
    orders: Orders, items: Items, cast: Cast, generator: np.random.Generator
) -> Payments:
    """Split the total of every order over its payments."""
    tables = marginals.load()
    count = len(orders.person)
    total = np.bincount(items.order, weights=items.price + items.freight, minlength=count).astype(
        np.int64
    )
    surcharge = (generator.random(count) < SURCHARGE_SHARE) & (orders.item_count > 0)
    surcharge[cast.order(BIG_SPENDER)] = False
    total[surcharge] += (0.08 * generator.random(count) * total)[surcharge].astype(np.int64)
    empty = orders.item_count == 0
    alone = quantiles(tables["payment_value_without_items"]).at(generator.random(count))
    total[empty] = np.round(100 * np.maximum(alone[empty], 1)).astype(np.int64)

    patterns = np.array(PAYMENT_PATTERNS)
    number = patterns[orders.pattern, 2]
    long = number == 4
    number[long] += generator.exponential(2.5, count)[long].astype(np.int64)
    number = np.minimum(number, MAXIMUM_PAYMENTS)
    names = [name for name, _ in tables["statuses"]]
    undefined = (
        empty
        & (orders.status == names.index("canceled"))
        & (generator.random(count) < NOT_DEFINED_SHARE)
    )
    number[undefined] = 1
    total[undefined] = 0
    number[cast.order(NO_PAYMENT_BUYER)] = 0

    order = np.repeat(np.arange(count), number)
    starts = np.cumsum(number) - number
    sequence = np.arange(len(order)) - starts[order]
    kind = patterns[orders.pattern[order], np.where(sequence == 0, 0, 1)]
    kind[undefined[order]] = NOT_DEFINED

    weights = generator.exponential(1.0, len(order)) + 0.05
    # A voucher already used up stays in the list with the value 0.
    weights[(sequence > 0) & (generator.random(len(order)) < ZERO_VOUCHER_SHARE)] = 0
    running = np.cumsum(weights)
    before = np.append(0.0, running)[starts[order]]
    sums = np.bincount(order, weights=weights, minlength=count)
    share = np.where(sequence == number[order] - 1, 1.0, (running - before) / sums[order])
    upper = np.round(share * total[order]).astype(np.int64)
    value = upper - np.where(sequence == 0, 0, np.append(0, upper[:-1]))

    instalment_shares = np.stack([cumulative(row) for row in tables["instalments"]])
    bucket = np.searchsorted(INSTALMENT_LIMITS_CENTS, value, side="right")
    flat = (instalment_shares + np.arange(5)[:, None]).ravel()
    width = instalment_shares.shape[1]
    slot = np.searchsorted(flat, bucket + generator.random(len(order)), side="right")
    instalments = np.minimum(slot, bucket * width + width - 1) % width
    instalments[kind != CREDIT_CARD] = 1
    instalments[np.isin(order, cast.order(BIG_SPENDER))] = 1
    return Payments(order, sequence + 1, kind, instalments, value)
