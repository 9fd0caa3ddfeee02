"""Orders of people: when, where to, how far they got, and how they were paid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from scipy.special import ndtr

from olist.sample import marginals
from olist.sample.cast import (
    BIG_SPENDER,
    BIG_SPENDER_ITEMS,
    CANCELED_DELIVERED_BUYER,
    DECEMBER_BUYER,
    FIRST_BUYER,
    LAST_BUYER,
    LINE_BREAK_WRITER,
    MANY_SELLERS_BUYER,
    MOST_ORDERS_BUYER,
    MOVER,
    NO_ITEMS_BUYER,
    NO_PAYMENT_BUYER,
    SAME_INSTANT_BUYER,
    SPLIT_PAYER,
    Cast,
)
from olist.sample.catalogue import World
from olist.sample.marginals import DAY, choose, cumulative, quantiles

MAXIMUM_ORDERS = 17
# Room for the orders of a person in the counter of orders, and for the reviews of an order.
ORDER_STRIDE = 32

# Three numbers whose multiples fill the unit cube evenly: counts per person, month and place then
# follow their shares at any number of customers, better than independent draws would. Roots of
# quadratic equations are the hardest to approximate by fractions, the golden ratio most of all, so
# it serves the time, where a month may have four orders. Source: Kuipers and Niederreiter,
# "Uniform distribution of sequences" (1974), chapter 2.
SPREAD = np.array([2**0.5, (1 + 5**0.5) / 2, 3**0.5]) % 1.0

# Shares of the real set, counted on it (see the README of the data set for its size).
MOVED_SHARE = 250 / 2_997
MOVED_FAR_SHARE = 0.3
NO_ITEMS_SHARE = {
    "unavailable": 603 / 609,
    "canceled": 164 / 625,
    "created": 1.0,
    "invoiced": 2 / 314,
    "shipped": 1 / 1_107,
}
NOT_APPROVED_SHARE = {"canceled": 141 / 625, "created": 1.0, "delivered": 14 / 96_478}
CANCELED_AFTER_CARRIER_SHARE = 75 / 625
CANCELED_AFTER_DELIVERY_SHARE = 6 / 75
DELIVERED_WITHOUT_DATE_SHARE = 8 / 96_478


# Correlation of the promised with the actual days beyond what state and month explain; with it
# about 8 % of the deliveries are late.
ESTIMATE_CORRELATION = 0.39

CREDIT_CARD, BOLETO, VOUCHER, DEBIT_CARD, NOT_DEFINED = range(5)
PAYMENT_TYPES = pa.array(["credit_card", "boleto", "voucher", "debit_card", "not_defined"])
# Orders of the real set by type of the first payment, type of the others, number of payments.
# Four stands for "four or more, at most 29".
PAYMENT_PATTERNS = (
    (CREDIT_CARD, CREDIT_CARD, 1, 73_972),
    (BOLETO, BOLETO, 1, 19_784),
    (CREDIT_CARD, VOUCHER, 2, 1_869),
    (DEBIT_CARD, DEBIT_CARD, 1, 1_526),
    (VOUCHER, VOUCHER, 1, 1_194),
    (CREDIT_CARD, CREDIT_CARD, 2, 287),
    (VOUCHER, VOUCHER, 2, 224),
    (CREDIT_CARD, VOUCHER, 3, 215),
    (CREDIT_CARD, VOUCHER, 4, 161),
    (VOUCHER, VOUCHER, 4, 117),
    (VOUCHER, VOUCHER, 3, 86),
    (DEBIT_CARD, DEBIT_CARD, 2, 1),
    (CREDIT_CARD, DEBIT_CARD, 2, 1),
)
SPLIT_PATTERN = 7
SINGLE_CARD_PATTERN = 0


@dataclass
class Orders:
    """Orders of a block, those of a person side by side and in order of time.

    Every attribute is an array of shape (orders,); times are seconds since 1970, money centavos.
    """

    person: np.ndarray
    number: np.ndarray
    purchased: np.ndarray
    place: np.ndarray
    status: np.ndarray
    item_count: np.ndarray
    pattern: np.ndarray
    approved: np.ndarray
    to_carrier: np.ndarray
    delivered: np.ndarray
    estimated: np.ndarray
    has_approved: np.ndarray
    has_carrier: np.ndarray
    has_delivered: np.ndarray


def spread_uniforms(start: int, stop: int, offsets: np.ndarray) -> np.ndarray:
    """Return evenly spread points of the unit cube for people ``start`` to ``stop``.

    Returns
    -------
    ndarray of float, shape (3, stop - start)
        The same for a person whatever the block.
    """
    numbers = np.arange(start + 1, stop + 1, dtype=np.float64)
    return (offsets[:, None] + SPREAD[:, None] * numbers) % 1.0


def time_of_day(weekday: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Return seconds since midnight, following the hours of the weekday."""
    shares = marginals.calendar().hour_shares
    # One search for all weekdays: those of weekday w lie between w and w + 1.
    flat = (shares + np.arange(7)[:, None]).ravel()
    slot = np.searchsorted(flat, weekday + generator.random(len(weekday)), side="right")
    hour = np.minimum(slot, 24 * weekday + 23) % 24
    return hour * 3_600 + (3_600 * generator.random(len(weekday))).astype(np.int64)


def weekday_of(day: np.ndarray) -> np.ndarray:
    """Return the weekday, Monday being 0, of days since 1970-01-01 (a Thursday)."""
    return (day + 3) % 7


def purchase_times(
    uniforms: np.ndarray, generator: np.random.Generator, cast: Cast
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw how often and when each person buys.

    Parameters
    ----------
    uniforms : ndarray of float, shape (2, people)
        Evenly spread numbers for the count and the time of the first order.
    generator : numpy.random.Generator
        Source of the other draws.
    cast : Cast
        People who play a part; its ``first_order`` is filled in here.

    Returns
    -------
    counts : ndarray of int, shape (people,)
        Orders per person, 1 to 17.
    number : ndarray of int, shape (orders,)
        Number of the order within its person, from 0.
    purchased : ndarray of int, shape (orders,)
        Seconds since 1970, rising within a person.
    """
    tables = marginals.load()
    calendar = marginals.calendar()
    people = uniforms.shape[1]
    day = choose(calendar.day_shares, uniforms[1])
    first = (marginals.FIRST_DAY + day) * DAY + time_of_day(
        weekday_of(marginals.FIRST_DAY + day), generator
    )
    histogram = np.array(tables["orders_per_person"])
    # One person of the real set has 17 orders: that one is cast, not drawn.
    histogram = histogram[(histogram[:, 0] > 1) & (histogram[:, 0] < MAXIMUM_ORDERS)]
    repeat = calendar.repeat_share[calendar.month_of_day[day]]
    above = uniforms[0] - (1 - repeat)
    counts = np.ones(people, dtype=np.int64)
    again = above >= 0
    counts[again] = histogram[choose(cumulative(histogram[:, 1]), above[again] / repeat[again]), 0]

    for role, moment in (
        (FIRST_BUYER, marginals.FIRST_PURCHASE),
        (LAST_BUYER, marginals.LAST_PURCHASE),
        (DECEMBER_BUYER, marginals.ONLY_PURCHASE_OF_DECEMBER_2016),
        (MOVER, np.datetime64("2017-06-12T10:05:00", "s").astype(np.int64)),
        (SAME_INSTANT_BUYER, np.datetime64("2018-02-19T20:41:37", "s").astype(np.int64)),
        (MOST_ORDERS_BUYER, np.datetime64("2017-05-15T23:30:03", "s").astype(np.int64)),
        (BIG_SPENDER, np.datetime64("2017-09-29T15:24:52", "s").astype(np.int64)),
    ):
        first[cast.person(role)] = moment
    for role in range(BIG_SPENDER + 1):
        counts[cast.person(role)] = 1
    counts[cast.person(MOVER)] = 2
    counts[cast.person(SAME_INSTANT_BUYER)] = 3
    counts[cast.person(MOST_ORDERS_BUYER)] = MAXIMUM_ORDERS
    for role in (CANCELED_DELIVERED_BUYER, NO_ITEMS_BUYER, SPLIT_PAYER, MANY_SELLERS_BUYER):
        someone = cast.person(role)
        first[someone] = np.minimum(first[someone], marginals.LAST_REGULAR_PURCHASE - 60 * DAY)

    ends = np.cumsum(counts)
    starts = ends - counts
    cast.first_order = starts
    number = np.arange(ends[-1]) - np.repeat(starts, counts)
    purchased = np.repeat(first, counts)
    gaps = quantiles(tables["gap_days"])
    previous = first.copy()
    for step in range(1, int(counts.max())):
        who = np.flatnonzero(counts > step)
        room = np.maximum(0, marginals.LAST_REGULAR_PURCHASE - previous[who]) / DAY
        # Drawn from the gaps that still fit before the end of trade.
        gap = gaps.at(generator.random(len(who)) * gaps.probability_below(room))
        gap[np.isin(who, cast.person(SAME_INSTANT_BUYER))] = 0
        gap[np.isin(who, cast.person(MOVER))] = 90
        gap[np.isin(who, cast.person(MOST_ORDERS_BUYER))] = 28
        exact = previous[who] + np.rint(gap * DAY).astype(np.int64)
        later_day = exact // DAY
        open_day = calendar.next_open_day[later_day - marginals.FIRST_DAY] + marginals.FIRST_DAY
        redrawn = open_day * DAY + time_of_day(weekday_of(open_day), generator)
        # After a day or more the hour of the day is that of any other purchase.
        moment = np.where(gap < 1, exact, np.minimum(redrawn, marginals.LAST_REGULAR_PURCHASE))
        moment = np.maximum(moment, previous[who])
        purchased[starts[who] + step] = moment
        previous[who] = moment
    return counts, number, purchased


def correlated_uniforms(
    count: int, correlation: float, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return two arrays of uniform numbers tied by a Gaussian copula, each of shape (count,)."""
    first = generator.standard_normal(count)
    other = generator.standard_normal(count)
    second = correlation * first + np.sqrt(1 - correlation**2) * other
    return ndtr(first), ndtr(second)


def build_orders(
    world: World, *, start: int, stop: int, offsets: np.ndarray, generator: np.random.Generator
) -> tuple[Orders, Cast]:
    """Draw the orders of people ``start`` to ``stop`` up to their payment pattern and dates."""
    tables = marginals.load()
    calendar = marginals.calendar()
    uniforms = spread_uniforms(start, stop, offsets)
    cast = Cast(
        customers=world.customers, start=start, first_order=np.zeros(stop - start, dtype=np.int64)
    )
    counts, number, purchased = purchase_times(uniforms[:2], generator, cast)
    person = np.repeat(np.arange(start, stop), counts)
    total = len(person)

    home = choose(world.places.customer_shares, uniforms[2])
    place = homes_over_time(
        world, home=home, counts=counts, number=number, generator=generator, cast=cast
    )

    names = [name for name, _ in tables["statuses"]]
    delivered_index = names.index("delivered")
    canceled_index = names.index("canceled")
    status = choose(cumulative([n for _, n in tables["statuses"]]), generator.random(total))
    too_late = purchased > marginals.LAST_REGULAR_PURCHASE
    status[too_late] = canceled_index
    status[cast.order(FIRST_BUYER)] = names.index("shipped")
    for role in (
        SPLIT_PAYER,
        MANY_SELLERS_BUYER,
        LINE_BREAK_WRITER,
        NO_PAYMENT_BUYER,
        BIG_SPENDER,
        MOVER,
    ):
        status[cast.order(role)] = delivered_index
    status[cast.order(CANCELED_DELIVERED_BUYER)] = canceled_index
    status[cast.order(NO_ITEMS_BUYER)] = names.index("unavailable")
    same_instant = cast.order(SAME_INSTANT_BUYER)
    for step in range(3):
        status[same_instant + step] = delivered_index

    empty_share = np.array([NO_ITEMS_SHARE.get(name, 0.0) for name in names])
    empty = generator.random(total) < empty_share[status]
    item_table = np.array(tables["items_per_order"])
    item_count = item_table[choose(cumulative(item_table[:, 1]), generator.random(total)), 0]
    item_count[cast.order(MANY_SELLERS_BUYER)] = 3
    item_count[cast.order(BIG_SPENDER)] = BIG_SPENDER_ITEMS
    empty[cast.order(NO_ITEMS_BUYER)] = True
    empty[cast.order(CANCELED_DELIVERED_BUYER)] = False
    item_count[empty] = 0

    pattern = choose(cumulative([row[3] for row in PAYMENT_PATTERNS]), generator.random(total))
    pattern[cast.order(SPLIT_PAYER)] = SPLIT_PATTERN
    pattern[cast.order(BIG_SPENDER)] = SINGLE_CARD_PATTERN

    month = calendar.month_of_day[purchased // DAY - marginals.FIRST_DAY]
    state_table = np.array([row[1:] for row in tables["states"]])
    state = world.places.state_index[place]
    for_delivery, for_estimate = correlated_uniforms(total, ESTIMATE_CORRELATION, generator)
    days = (
        state_table[state, 0]
        * calendar.delivery_factor[month]
        * np.exp(quantiles(tables["total_residual"]).at(for_delivery))
    )
    promised = (
        state_table[state, 1]
        * calendar.estimate_factor[month]
        * np.exp(quantiles(tables["estimate_residual"]).at(for_estimate))
    )
    estimated = (purchased + (promised + 0.5) * DAY).astype(np.int64) // DAY * DAY
    delivered = purchased + np.maximum(days * DAY, 0.4 * DAY).astype(np.int64)

    approval = approval_hours(pattern, generator)
    approved = purchased + (approval * 3_600).astype(np.int64)
    fraction = quantiles(tables["carrier_fraction"]).at(generator.random(total))
    to_carrier = purchased + (fraction * (delivered - purchased)).astype(np.int64)
    # Mostly the parcel leaves after the approval; where the boleto is slow it does not.
    after_approval = approved + (0.1 * DAY * (1 + generator.random(total))).astype(np.int64)
    to_carrier = np.where(
        (to_carrier < approved) & (after_approval < delivered), after_approval, to_carrier
    )

    # What was not delivered when the set was drawn is still on its way.
    on_its_way = (status == delivered_index) & (delivered > marginals.LAST_PURCHASE)
    status[on_its_way] = names.index("shipped")
    denied = np.array([NOT_APPROVED_SHARE.get(name, 0.0) for name in names])
    has_approved = generator.random(total) >= denied[status]
    # What was not approved by the end of the last day had not been when the set was drawn.
    has_approved &= approved < (marginals.LAST_PURCHASE // DAY + 1) * DAY
    canceled = status == canceled_index
    canceled_at_carrier = canceled & (generator.random(total) < CANCELED_AFTER_CARRIER_SHARE)
    canceled_delivered = canceled_at_carrier & (
        generator.random(total) < CANCELED_AFTER_DELIVERY_SHARE
    )
    forced = cast.order(CANCELED_DELIVERED_BUYER)
    canceled_at_carrier[forced] = canceled_delivered[forced] = has_approved[forced] = True
    canceled_delivered &= delivered <= marginals.LAST_PURCHASE
    canceled_at_carrier &= to_carrier <= marginals.LAST_PURCHASE
    is_delivered = status == delivered_index
    without_date = is_delivered & (generator.random(total) < DELIVERED_WITHOUT_DATE_SHARE)
    return (
        Orders(
            person=person,
            number=number,
            purchased=purchased,
            place=place,
            status=status,
            item_count=item_count,
            pattern=pattern,
            approved=approved,
            to_carrier=to_carrier,
            delivered=delivered,
            estimated=estimated,
            has_approved=has_approved,
            has_carrier=is_delivered | (status == names.index("shipped")) | canceled_at_carrier,
            has_delivered=(is_delivered & ~without_date) | canceled_delivered,
        ),
        cast,
    )


def homes_over_time(
    world: World,
    *,
    home: np.ndarray,
    counts: np.ndarray,
    number: np.ndarray,
    generator: np.random.Generator,
    cast: Cast,
) -> np.ndarray:
    """Return the place of every order: the home, or after a move the new one.

    Returns
    -------
    ndarray of int, shape (orders,)
        Index of the place.
    """
    people = len(home)
    moved = (counts > 1) & (generator.random(people) < MOVED_SHARE)
    moved[cast.person(MOVER)] = True
    total_places = len(world.places.latitude)
    far = choose(world.places.customer_shares, generator.random(people))
    # Places are ordered by region: a few steps along the list is a move within the region.
    step = 1 + (generator.random(people) * min(25, max(1, total_places - 1))).astype(np.int64)
    near = (home + step) % total_places
    new_home = np.where(generator.random(people) < MOVED_FAR_SHARE, far, near)
    after = np.repeat(moved, counts) & (2 * number >= np.repeat(counts, counts))
    return np.where(after, np.repeat(new_home, counts), np.repeat(home, counts))


def approval_hours(pattern: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Return hours until the payment is approved, by the type of the first payment."""
    tables = marginals.load()["approval_hours"]
    first_type = np.array([row[0] for row in PAYMENT_PATTERNS])[pattern]
    uniforms = generator.random(len(pattern))
    hours = np.zeros(len(pattern))
    for index, name in enumerate(PAYMENT_TYPES.to_pylist()[:NOT_DEFINED]):
        of_type = first_type == index
        hours[of_type] = quantiles(tables[name]).at(uniforms[of_type])
    # The longest approval of the real set took half a year; nobody needs it here.
    return np.minimum(hours, 14 * 24)
