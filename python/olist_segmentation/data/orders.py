"""Histories of people: a block of customers with their orders, items, payments and reviews."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import ndtr

from olist_segmentation.data import files, marginals, words
from olist_segmentation.data.catalogue import World
from olist_segmentation.data.identifiers import identifiers
from olist_segmentation.data.marginals import DAY, choose, cumulative, quantiles

MAXIMUM_ORDERS = 17
# Room for the orders of a person in the counter of orders, and for the reviews of an order.
ORDER_STRIDE = 32
REVIEW_STRIDE = 4
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
OTHER_PRODUCT_SHARE = 0.13
SIBLING_PRODUCT_SHARE = 0.20
CHEAPER_OF_TWO_SHARE = 0.75
FREE_FREIGHT_SHARE = 383 / 112_650
SURCHARGE_SHARE = 303 / 98_665
REVIEWED_SHARE = 98_673 / 99_441
SECOND_REVIEW_SHARE = 547 / 98_673
SHARED_REVIEW_SHARE = 748 / 961
ASKED_BEFORE_DELIVERY_SHARE = 0.65
NOT_DEFINED_SHARE = 3 / 164
ZERO_VOUCHER_SHARE = 0.002
PRICE_FACTORS = np.array([0.9, 0.95, 1.0, 1.05, 1.1])
PRICE_FACTOR_SHARES = cumulative([0.06, 0.08, 0.72, 0.08, 0.06])
# No order but the cast one comes near the largest payment of the set.
PRICE_CAP_CENTS = 800_000
FREIGHT_CAP_CENTS = 40_968
FREIGHT_OF_ORDER_CAP_CENTS = 300_000
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
MAXIMUM_PAYMENTS = 29
INSTALMENT_LIMITS_CENTS = np.array([5_000, 10_000, 20_000, 50_000])

BROKEN_COMMENT = 'Produto excelente.\r\n\r\nChegou antes do prazo, recomendo a "loja".'

# People who play a part, so that even a small sample has every awkward row.
FIRST_BUYER, LAST_BUYER = 0, 1
SMALLEST_CAST = 200
(
    DECEMBER_BUYER,
    MOVER,
    SAME_INSTANT_BUYER,
    SPLIT_PAYER,
    MANY_SELLERS_BUYER,
    CANCELED_DELIVERED_BUYER,
    NO_ITEMS_BUYER,
    NO_PAYMENT_BUYER,
    LINE_BREAK_WRITER,
) = range(2, 11)
LARGE_CAST = 2_000
MOST_ORDERS_BUYER, BIG_SPENDER = 11, 12
BIG_SPENDER_ITEMS = 8
BIG_SPENDER_FREIGHT_CENTS = 2_801


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


class Cast:
    """Finds the first order of the people who play a part in this block."""

    def __init__(self, *, customers: int, start: int, first_order: np.ndarray) -> None:
        self.customers = customers
        self.start = start
        self.first_order = first_order

    def person(self, role: int) -> np.ndarray:
        """Return the position of the person in the block: one number, or none."""
        smallest = (
            role + 1
            if role <= LAST_BUYER
            else SMALLEST_CAST
            if role < MOST_ORDERS_BUYER
            else LARGE_CAST
        )
        here = self.customers >= smallest and 0 <= role - self.start < len(self.first_order)
        return np.array([role - self.start] if here else [], dtype=np.int64)

    def order(self, role: int) -> np.ndarray:
        """Return the position of the first order of the person: one number, or none."""
        return self.first_order[self.person(role)]


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
    # Nor had happened what would have been after the end of the last day.
    end = (marginals.LAST_PURCHASE // DAY + 1) * DAY
    status[(status == names.index("shipped")) & (to_carrier >= end)] = names.index("invoiced")
    denied = np.array([NOT_APPROVED_SHARE.get(name, 0.0) for name in names])
    has_approved = generator.random(total) >= denied[status]
    has_approved &= approved < end
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


def blank_where(missing: np.ndarray, values: pa.Array) -> pa.Array:
    """Return the values with nulls where they are missing."""
    return pc.if_else(pa.array(missing), pa.scalar(None, values.type), values)


def timestamps(seconds: np.ndarray, present: np.ndarray | None = None) -> pa.Array:
    """Return Arrow timestamps in seconds, null where not present."""
    mask = None if present is None else ~present
    return pa.array(seconds.astype(np.int64), mask=mask).cast(pa.timestamp("s"))


def money(centavos: np.ndarray) -> pa.Array:
    """Return exact decimals (10, 2) from centavos that are not negative."""
    words_of_16_bytes = np.zeros((len(centavos), 2), dtype="<i8")
    words_of_16_bytes[:, 0] = centavos
    return pa.Array.from_buffers(
        pa.decimal128(10, 2), len(centavos), [None, pa.py_buffer(words_of_16_bytes)]
    )


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
