"""Reviews of orders: their score from lateness and number of sellers, their text from the score."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from olist.sample import marginals, words
from olist.sample.baskets import Items, seller_counts
from olist.sample.cast import BROKEN_COMMENT, LINE_BREAK_WRITER, SAME_INSTANT_BUYER, Cast
from olist.sample.catalogue import World
from olist.sample.columns import blank_where, identifiers, timestamps
from olist.sample.marginals import DAY, cumulative, quantiles
from olist.sample.orders import ORDER_STRIDE, Orders

REVIEW_STRIDE = 4


REVIEWED_SHARE = 98_673 / 99_441
SECOND_REVIEW_SHARE = 547 / 98_673
SHARED_REVIEW_SHARE = 748 / 961
ASKED_BEFORE_DELIVERY_SHARE = 0.65


def build_reviews(
    world: World, orders: Orders, items: Items, cast: Cast, generator: np.random.Generator
) -> pa.Table:
    """Draw reviews: their score from lateness and number of sellers, their text from the score."""
    tables = marginals.load()
    count = len(orders.person)
    late_days = (orders.delivered // DAY * DAY - orders.estimated) // DAY
    lateness = np.select(
        [
            ~orders.has_delivered,
            seller_counts(world, items, count) > 1,
            orders.delivered <= orders.estimated,
            late_days <= 2,
            late_days <= 7,
        ],
        [0, 5, 1, 2, 3],
        4,
    )
    reviewed = generator.random(count) < REVIEWED_SHARE
    twice = reviewed & (generator.random(count) < SECOND_REVIEW_SHARE)
    # Orders of one person within a day: the shop asks once, and the answer counts for each.
    follows = orders.number > 0
    follows[1:] &= orders.purchased[1:] - orders.purchased[:-1] < DAY
    shared = follows & (generator.random(count) < SHARED_REVIEW_SHARE)
    same_instant = cast.order(SAME_INSTANT_BUYER)
    for step in range(3):
        reviewed[same_instant + step] = True
        shared[same_instant + step] = step > 0
    reviewed[cast.order(LINE_BREAK_WRITER)] = True
    source = np.maximum.accumulate(np.where(shared, 0, np.arange(count)))

    order = np.concatenate([np.flatnonzero(reviewed), np.flatnonzero(twice)])
    second = np.arange(len(order)) >= np.count_nonzero(reviewed)
    origin = np.where(second, order, source[order])
    score_shares = np.stack([cumulative(row) for row in tables["review_scores"]])
    flat = (score_shares + np.arange(len(score_shares))[:, None]).ravel()

    # Drawn per order and taken from the origin, so that a shared review is the same everywhere.
    draws = generator.random((7, 2, count))
    draw = draws[:, second.astype(np.int64), origin]
    bucket = lateness[origin]
    slot = np.searchsorted(flat, bucket + draw[0], side="right")
    score = np.minimum(slot, 5 * bucket + 4) % 5

    asked_early = (orders.delivered[origin] > orders.estimated[origin] + 2 * DAY) & (
        draw[1] < ASKED_BEFORE_DELIVERY_SHARE
    )
    waits_for_delivery = orders.has_delivered[origin] & ~asked_early
    created = np.where(
        waits_for_delivery,
        orders.delivered[origin] // DAY * DAY + DAY,
        orders.estimated[origin] + 2 * DAY,
    )
    created += np.where(second, DAY * (1 + (20 * draw[2]).astype(np.int64)), 0)
    answer_days = quantiles(tables["answer_days"]).at(draw[3])
    answered = created + (answer_days * DAY).astype(np.int64)

    has_title = draw[4] < np.array(tables["review_titles"])[score]
    has_message = draw[5] < np.array(tables["review_messages"])[score]
    title, message = comment_texts(score, draw[4], draw[6])
    writer = np.isin(order, cast.order(LINE_BREAK_WRITER))
    has_message[writer] = True
    message = pc.if_else(pa.array(writer), pa.scalar(BROKEN_COMMENT), message)

    counters = (
        orders.person[origin] * ORDER_STRIDE + orders.number[origin]
    ) * REVIEW_STRIDE + second
    order_counters = orders.person[order] * ORDER_STRIDE + orders.number[order]
    table = pa.table(
        {
            "review_id": identifiers(counters, kind="review", seed=world.seed),
            "order_id": identifiers(order_counters, kind="order", seed=world.seed),
            "review_score": score + 1,
            "review_comment_title": blank_where(~has_title, title),
            "review_comment_message": blank_where(~has_message, message),
            "review_creation_date": timestamps(created),
            "review_answer_timestamp": timestamps(answered),
        }
    )
    return table.take(pa.array(generator.permutation(len(order))))


def comment_texts(
    score: np.ndarray, for_title: np.ndarray, for_message: np.ndarray
) -> tuple[pa.Array, pa.Array]:
    """Pick a title and a message for every score (0 to 4) by a uniform number."""
    titles = [list(words.TITLES[index]) for index in range(5)]
    texts = [words.messages(index + 1) for index in range(5)]

    def pick(pools: list[list[str]], uniforms: np.ndarray) -> pa.Array:
        sizes = np.array([len(pool) for pool in pools])
        begins = np.cumsum(sizes) - sizes
        # The low digits: the high ones have already decided whether there is a text.
        fresh = (uniforms * 4_096) % 1.0
        index = begins[score] + (fresh * sizes[score]).astype(np.int64)
        return pa.array([text for pool in pools for text in pool]).take(pa.array(index))

    return pick(titles, for_title), pick(texts, for_message)
