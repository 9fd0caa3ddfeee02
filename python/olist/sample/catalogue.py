"""The world of a sample: places, sellers, products and what sells in which month."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from olist.sample import marginals, words
from olist.sample.columns import digit_strings, identifiers

GOLDEN = (5**0.5 - 1) / 2
MINIMUM_PLACES_PER_REGION = 1
PREFIXES_PER_TOWN = 2
# Shares of the real set: prefixes of customers that the geolocation does not know, points outside
# the country, rows that repeat the one before.
UNKNOWN_PREFIX_SHARE = 0.008
OUTSIDE_SHARE = 4.2e-5
REPEATED_POINT_SHARE = 0.26
ACCENTED_SHARE = 0.15
# The first sellers of the list sell from the first month on, so that every month has an offer.
EVERGREEN_SELLERS = 3
# The largest seller against the middle one, before luck with its products.
LARGEST_SELLER = 130.0


@dataclass(frozen=True)
class Places:
    """Zip prefixes, ordered by region.

    Attributes
    ----------
    prefixes, cities, states : pyarrow.Array of string, shape (places,)
        Prefix with leading zero, city, two-letter state.
    state_index : ndarray of int, shape (places,)
        Row of the state in the table of delays and freight.
    customer_shares, seller_shares : ndarray of float, shape (places,)
        Cumulative shares.
    latitude, longitude : ndarray of float, shape (places,)
        Centre of the prefix, in degrees.
    """

    prefixes: pa.Array
    cities: pa.Array
    states: pa.Array
    state_index: np.ndarray
    customer_shares: np.ndarray
    seller_shares: np.ndarray
    latitude: np.ndarray
    longitude: np.ndarray


@dataclass(frozen=True)
class Products:
    """Products, with the seller of each.

    Attributes
    ----------
    identifiers : pyarrow.Array of string, shape (products,)
        Product identifiers.
    category : ndarray of int, shape (products,)
        Row of the category in ``marginals.json``; the last row is "no category".
    price : ndarray of int, shape (products,)
        Centavos.
    seller : ndarray of int, shape (products,)
        Index of the seller.
    sibling : ndarray of int, shape (products,)
        Another product of the same seller, or itself.
    month_shares : ndarray of float, shape (months * products,)
        Cumulative share of the items of a month, plus the number of the month.
    """

    identifiers: pa.Array
    category: np.ndarray
    price: np.ndarray
    seller: np.ndarray
    sibling: np.ndarray
    month_shares: np.ndarray

    def draw(self, month: np.ndarray, uniforms: np.ndarray) -> np.ndarray:
        """Return the product each uniform number falls on in its month."""
        count = len(self.price)
        found = np.searchsorted(self.month_shares, month + uniforms, side="right")
        return np.minimum(found, (month + 1) * count - 1) - month * count


@dataclass(frozen=True)
class Sellers:
    """Sellers, with the place of each."""

    identifiers: pa.Array
    place: np.ndarray


@dataclass(frozen=True)
class World:
    """Everything the blocks of customers have in common."""

    customers: int
    seed: int
    places: Places
    sellers: Sellers
    products: Products


def scaled(real: int, customers: int, *, below: float, above: float) -> int:
    """Scale a number of the real set to a number of customers.

    Parameters
    ----------
    real : int
        The number at 96,096 customers.
    customers : int
        Customers of the sample.
    below, above : float
        Powers of the ratio below and above the real size: a marketplace with a hundred times the
        customers has not a hundred times the products.

    Returns
    -------
    int
        At least 1.
    """
    ratio = customers / marginals.REAL_CUSTOMERS
    return max(1, round(real * ratio ** (below if ratio < 1 else above)))


def golden_sequence(count: int, offset: float) -> np.ndarray:
    """Return an evenly spread sequence in [0, 1): any run of it covers the interval."""
    return (offset + np.arange(count) * GOLDEN) % 1.0


def build_places(customers: int, generator: np.random.Generator) -> Places:
    """Lay out zip prefixes by postal region, the larger cities of a region first."""
    tables = marginals.load()
    states = [row[0] for row in tables["states"]]
    towns = [
        f"{first} {second}{last}"
        for first in words.TOWN_FIRST
        for second in words.TOWN_SECOND
        for last in words.TOWN_LAST
    ]
    ratio = min(1.0, customers / marginals.REAL_CUSTOMERS) ** 0.7
    taken: set[int] = set()
    prefixes: list[np.ndarray] = []
    cities: list[str] = []
    state_names: list[str] = []
    customer_weights: list[np.ndarray] = []
    seller_weights: list[np.ndarray] = []
    latitude: list[np.ndarray] = []
    longitude: list[np.ndarray] = []
    for region in tables["regions"]:
        (_, state, region_customers, region_sellers, known, lowest, highest) = region[:7]
        centre_latitude, centre_longitude, tall, wide, region_cities = region[7:]
        free = np.array([p for p in range(int(lowest), int(highest) + 1) if p not in taken])
        count = min(len(free), max(MINIMUM_PLACES_PER_REGION, round(known * ratio)))
        chosen = np.sort(free[generator.permutation(len(free))[:count]])
        taken.update(chosen.tolist())

        prefix_total = max(known, sum(prefix_count for *_, prefix_count in region_cities))
        names: list[str] = []
        shares: list[float] = []
        for city, city_customers, prefix_count in region_cities:
            width = max(1, round(count * prefix_count / prefix_total))
            width = min(width, count - len(names))
            names += [city] * width
            shares += [city_customers / width] * width if width else []
        rest = count - len(names)
        if rest:
            listed = sum(city_customers for _, city_customers, _ in region_cities)
            remaining = max(region_customers - listed, 0.02 * region_customers)
            town_order = generator.permutation(len(towns))
            names += [towns[town_order[k // PREFIXES_PER_TOWN % len(towns)]] for k in range(rest)]
            shares += [remaining / rest] * rest
        # Prefixes differ in size, but a city keeps its share of the customers.
        noise = np.exp(0.7 * generator.standard_normal(count))
        city_index = np.unique(names, return_inverse=True)[1]
        noise *= (np.bincount(city_index) / np.bincount(city_index, weights=noise))[city_index]
        weights = np.array(shares) * noise
        weights *= region_customers / weights.sum()
        prefixes.append(chosen)
        cities += names
        state_names += [state] * count
        customer_weights.append(weights)
        seller_weights.append(weights * region_sellers / region_customers)
        latitude.append(centre_latitude + 0.6 * tall * generator.standard_normal(count))
        longitude.append(centre_longitude + 0.6 * wide * generator.standard_normal(count))
    return Places(
        prefixes=digit_strings(np.concatenate(prefixes), 5),
        cities=pa.array(cities),
        states=pa.array(state_names),
        state_index=np.array([states.index(name) for name in state_names]),
        customer_shares=marginals.cumulative(np.concatenate(customer_weights)),
        seller_shares=marginals.cumulative(np.concatenate(seller_weights)),
        latitude=np.concatenate(latitude),
        longitude=np.concatenate(longitude),
    )


def build_world(*, customers: int, seed: int, generator: np.random.Generator) -> World:
    """Build places, sellers and products.

    Parameters
    ----------
    customers : int
        People of the sample; sets the size of the rest.
    seed : int
        Seed of the identifiers.
    generator : numpy.random.Generator
        Source of every draw.

    Returns
    -------
    World
        The same for the same arguments.
    """
    tables = marginals.load()
    places = build_places(customers, generator)
    product_count = max(40, scaled(marginals.REAL_PRODUCTS, customers, below=0.85, above=0.5))
    seller_count = max(12, scaled(marginals.REAL_SELLERS, customers, below=0.75, above=0.3))

    categories = tables["categories"]
    category_shares = marginals.cumulative([row[1] for row in categories])
    # The first products are one of each seller, so that no seller is without an offer; the golden
    # sequence keeps the shares of the categories in any prefix of the list.
    category = marginals.choose(category_shares, golden_sequence(product_count, generator.random()))

    seller_size = np.minimum(np.exp(1.7 * generator.standard_normal(seller_count)), LARGEST_SELLER)
    main_category = category[:seller_count]
    by_category = np.argsort(main_category, kind="stable")
    ordered_size = np.cumsum(seller_size[by_category])
    ordered_category = main_category[by_category]
    start = np.searchsorted(ordered_category, category, side="left")
    stop = np.searchsorted(ordered_category, category, side="right")
    # One product in four is outside the main category of its seller.
    anywhere = (generator.random(product_count) < 0.25) | (start == stop)
    start[anywhere], stop[anywhere] = 0, seller_count
    below = np.where(start > 0, ordered_size[start - 1], 0.0)
    position = below + generator.random(product_count) * (ordered_size[stop - 1] - below)
    seller = by_category[np.minimum(np.searchsorted(ordered_size, position), seller_count - 1)]
    seller[:seller_count] = np.arange(seller_count)

    popularity = marginals.quantiles(tables["items_per_product"]).at(
        generator.random(product_count)
    )
    shares = offer_by_month(
        category=category,
        popularity=popularity,
        seller=seller,
        seller_count=seller_count,
        generator=generator,
    )
    expected_items = marginals.calendar().orders @ shares
    price = draw_prices(category, expected_items, generator)
    shares = np.cumsum(shares, axis=1, out=shares)
    shares /= shares[:, -1:]
    month_shares = (shares + np.arange(len(shares))[:, None]).ravel()
    return World(
        customers=customers,
        seed=seed,
        places=places,
        sellers=Sellers(
            identifiers=identifiers(np.arange(seller_count), kind="seller", seed=seed),
            place=marginals.choose(places.seller_shares, generator.random(seller_count)),
        ),
        products=Products(
            identifiers=identifiers(np.arange(product_count), kind="product", seed=seed),
            category=category,
            price=price,
            seller=seller,
            sibling=siblings(seller),
            month_shares=month_shares,
        ),
    )


def draw_prices(
    category: np.ndarray, expected_items: np.ndarray, generator: np.random.Generator
) -> np.ndarray:
    """Give every product a price such that the items of a category follow its quantiles.

    Parameters
    ----------
    category : ndarray of int, shape (products,)
        Category of each product.
    expected_items : ndarray of float, shape (products,)
        Items of each product over all months, up to a factor.
    generator : numpy.random.Generator
        Source of the order of the products.

    Returns
    -------
    ndarray of int, shape (products,)
        Centavos.
    """
    price = np.empty(len(category), dtype=np.int64)
    shuffled = generator.permutation(len(category))
    for index, row in enumerate(marginals.load()["categories"]):
        members = shuffled[category[shuffled] == index]
        if not len(members):
            continue
        # Laid end to end, each product takes the width of its items, so the prices of the items
        # follow the quantiles however much one product sells.
        width = expected_items[members] + 1e-12
        middle = (np.cumsum(width) - width / 2) / width.sum()
        price[members] = np.round(100 * marginals.quantiles(row[3]).at(middle))
    return price


def offer_by_month(
    *,
    category: np.ndarray,
    popularity: np.ndarray,
    seller: np.ndarray,
    seller_count: int,
    generator: np.random.Generator,
) -> np.ndarray:
    """Return the share of every product in the items of every month.

    Sellers come and go as in the real set; within a month every category has its published share.

    Parameters
    ----------
    category, popularity, seller : ndarray, shape (products,)
        Attributes of the products.
    seller_count : int
        Number of sellers.
    generator : numpy.random.Generator
        Source of every draw.

    Returns
    -------
    ndarray of float, shape (months, products)
        Rows that sum to 1.
    """
    tables = marginals.load()
    calendar = marginals.calendar()
    months = len(calendar.orders)
    first_month = np.array([marginals.months_since(month) for month, _ in tables["seller_months"]])
    seller_shares = marginals.cumulative([count for _, count in tables["seller_months"]])
    opens = first_month[marginals.choose(seller_shares, generator.random(seller_count))]
    # The larger of two draws: sellers with one sale have a life of zero days in the table, but
    # were there for longer.
    life = marginals.quantiles(tables["seller_life_days"]).at(
        generator.random((2, seller_count)).max(axis=0)
    )
    closes = opens + 1 + np.ceil(life / 30).astype(int)
    opens[:EVERGREEN_SELLERS], closes[:EVERGREEN_SELLERS] = 0, months

    category_items = np.array([row[2] for row in tables["categories"]], dtype=float)
    shares = np.empty((months, len(category)))
    for month in range(months):
        on_offer = (opens <= month) & (month < closes)
        weights = popularity * on_offer[seller]
        offered = np.bincount(category, weights=weights, minlength=len(category_items))
        scale = np.divide(category_items, offered, out=np.zeros_like(offered), where=offered > 0)
        shares[month] = weights * scale[category]
        shares[month] /= shares[month].sum()
    return shares


def siblings(seller: np.ndarray) -> np.ndarray:
    """Return for every product the next one of the same seller, the last one's being the first."""
    order = np.argsort(seller, kind="stable")
    ordered = seller[order]
    following = np.roll(order, -1)
    ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
    starts = np.append(0, ends[:-1] + 1)
    following[ends] = order[starts]
    result = np.empty_like(order)
    result[order] = following
    return result


def products_table(world: World, generator: np.random.Generator) -> pa.Table:
    """Return the products as in ``olist_products_dataset``."""
    categories = marginals.load()["categories"]
    category = world.products.category
    count = len(category)
    weight_quantiles = np.array([row[4] for row in categories], dtype=float)
    uniforms = generator.random(count)
    levels = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
    step = np.clip(np.searchsorted(levels, uniforms) - 1, 0, 3)
    share = (uniforms - levels[step]) / (levels[step + 1] - levels[step])
    lower = weight_quantiles[category, step]
    upper = weight_quantiles[category, step + 1]
    weight = np.clip(np.round(lower + share * (upper - lower)), 50, 30_000).astype(np.int64)

    typical_length = np.array([row[5] for row in categories], dtype=float)[category]
    length = np.clip(
        np.round(typical_length * np.exp(0.35 * generator.standard_normal(count))), 16, 105
    ).astype(np.int64)
    height = np.clip(np.round(13 * np.exp(0.7 * generator.standard_normal(count))), 2, 105).astype(
        np.int64
    )
    width = np.clip(np.round(20 * np.exp(0.4 * generator.standard_normal(count))), 6, 118).astype(
        np.int64
    )
    no_category = category == len(categories) - 1
    unmeasured = generator.random(count) < 2 / marginals.REAL_PRODUCTS

    def unless(missing: np.ndarray, values: np.ndarray) -> pa.Array:
        return pa.array(values.astype(np.int64), mask=missing)

    name_length = np.clip(np.round(48.5 + 10 * generator.standard_normal(count)), 5, 76)
    description = np.clip(np.round(595 * np.exp(0.8 * generator.standard_normal(count))), 4, 3992)
    photos = np.clip(1 + np.floor(generator.exponential(1.5, count)), 1, 20)
    names = pa.array([row[0] or None for row in categories])
    return pa.table(
        {
            "product_id": world.products.identifiers,
            "product_category_name": names.take(pa.array(category)),
            "product_name_lenght": unless(no_category, name_length),
            "product_description_lenght": unless(no_category, description),
            "product_photos_qty": unless(no_category, photos),
            "product_weight_g": unless(unmeasured, weight),
            "product_length_cm": unless(unmeasured, length),
            "product_height_cm": unless(unmeasured, height),
            "product_width_cm": unless(unmeasured, width),
        }
    )


def sellers_table(world: World) -> pa.Table:
    """Return the sellers as in ``olist_sellers_dataset``."""
    place = pa.array(world.sellers.place)
    return pa.table(
        {
            "seller_id": world.sellers.identifiers,
            "seller_zip_code_prefix": world.places.prefixes.take(place),
            "seller_city": world.places.cities.take(place),
            "seller_state": world.places.states.take(place),
        }
    )


def geolocation_table(world: World, generator: np.random.Generator) -> pa.Table:
    """Return noisy points of most prefixes as in ``olist_geolocation_dataset``."""
    places = world.places
    count = len(places.latitude)
    density = min(1.0, world.customers / marginals.REAL_CUSTOMERS) ** 0.2
    points = marginals.quantiles(marginals.load()["points_per_prefix"]).at(
        golden_sequence(count, generator.random())
    )
    points = np.maximum(1, np.round(points * density)).astype(np.int64)
    shares = np.diff(places.customer_shares, prepend=0.0)
    rare = shares <= np.median(shares)
    points[rare & (generator.random(count) < 2 * UNKNOWN_PREFIX_SHARE)] = 0
    points[0] = max(points[0], 2)  # even one customer needs a geolocation

    place = np.repeat(np.arange(count), points)
    total = len(place)
    latitude = places.latitude[place] + 0.006 * generator.standard_normal(total)
    longitude = places.longitude[place] + 0.006 * generator.standard_normal(total)
    outside = generator.random(total) < OUTSIDE_SHARE
    outside[0] = True
    latitude[outside] = generator.uniform(36, 45, outside.sum())
    longitude[outside] = generator.uniform(-9, 15, outside.sum())
    accented = generator.random(total) < ACCENTED_SHARE

    source = np.arange(total)
    source[1:][(generator.random(total - 1) < REPEATED_POINT_SHARE)] = 0
    source = np.maximum.accumulate(source)
    # A repeated row repeats a point of its own prefix, never of the one before.
    source = np.where(place[source] == place, source, np.arange(total))

    names, city_index = np.unique(places.cities.to_numpy(zero_copy_only=False), return_inverse=True)
    variants = pa.array([*names, *(words.ACCENTED_CITIES.get(name, name) for name in names)])
    city = city_index[place] + len(names) * accented[source]
    place = pa.array(place)
    return pa.table(
        {
            "geolocation_zip_code_prefix": places.prefixes.take(place),
            "geolocation_lat": latitude[source],
            "geolocation_lng": longitude[source],
            "geolocation_city": variants.take(pa.array(city)),
            "geolocation_state": places.states.take(place),
        }
    )
