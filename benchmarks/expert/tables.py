"""The raw files as Polars frames, and the orders and reviews that the study is made from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from benchmarks.plain.tables import BRAZIL, EARTH_RADIUS_KM, FILES, TIMES, ZIP_CODES

TIME_FORMAT = "%Y-%m-%d %H:%M:%S"


def read_tables(folder: Path) -> dict[str, pl.DataFrame]:
    """Read the nine files, CSV or Parquet, all at once.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    dict of str to DataFrame
        By file name without its ending.
    """
    plans = []
    for name in FILES:
        times = TIMES.get(name, [])
        path = folder / f"{name}.csv"
        if path.exists():
            text = dict.fromkeys([*ZIP_CODES, *times], pl.String)
            plan = pl.scan_csv(path, schema_overrides=text)
        else:
            plan = pl.scan_parquet(path.with_suffix(".parquet"))
        # A format that is stated need not be guessed.
        plans.append(plan.with_columns(pl.col(times).str.to_datetime(TIME_FORMAT)))
    return dict(zip(FILES, pl.collect_all(plans), strict=True))


def make_orders(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Join customers, payments and items to the orders, each summed per order first.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        From `read_tables`.

    Returns
    -------
    DataFrame
        As `benchmarks.plain.tables.make_orders`.
    """
    items = (
        tables["olist_order_items_dataset"]
        .lazy()
        .group_by("order_id")
        .agg(items_value=pl.sum("price"), freight_value=pl.sum("freight_value"))
    )
    payments = (
        tables["olist_order_payments_dataset"]
        .lazy()
        .group_by("order_id")
        .agg(pl.sum("payment_value"), pl.max("payment_installments"))
    )
    return (
        tables["olist_orders_dataset"]
        .lazy()
        .join(tables["olist_customers_dataset"].lazy(), on="customer_id")
        .join(items, on="order_id", how="left")
        .join(payments, on="order_id", how="left")
        .with_columns(pl.col("items_value", "freight_value").fill_null(0.0))
        .select(
            "order_id",
            "customer_unique_id",
            "customer_state",
            "customer_city",
            purchased_at="order_purchase_timestamp",
            delivered_at="order_delivered_customer_date",
            estimated_delivery_at="order_estimated_delivery_date",
            items_value="items_value",
            freight_value="freight_value",
            payment_value="payment_value",
            payment_installments="payment_installments",
            order_value=pl.col("payment_value").fill_null(
                pl.col("items_value") + pl.col("freight_value")
            ),
            is_value_imputed=pl.col("payment_value").is_null(),
        )
        .collect()
    )


def make_reviews(tables: Mapping[str, pl.DataFrame], orders: pl.DataFrame) -> pl.DataFrame:
    """Give each review its customer and the moment from which it is known.

    Parameters
    ----------
    tables : mapping of str to DataFrame
    orders : DataFrame
        From `make_orders`.

    Returns
    -------
    DataFrame with columns order_id, customer_unique_id, review_score, known_at
    """
    return (
        tables["olist_order_reviews_dataset"]
        .lazy()
        .unique(["review_id", "order_id"], keep="first", maintain_order=True)
        .drop_nulls("review_answer_timestamp")
        .join(orders.lazy().select("order_id", "customer_unique_id", "purchased_at"), on="order_id")
        .select(
            "order_id",
            "customer_unique_id",
            "review_score",
            known_at=pl.max_horizontal("review_answer_timestamp", "purchased_at"),
        )
        .collect()
    )


def make_centres(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Find the centre of each zip-code prefix, and how far its points are from it.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        From `read_tables`.

    Returns
    -------
    DataFrame
        As `benchmarks.plain.tables.make_centres`.
    """
    south, north, west, east = BRAZIL
    points = tables["olist_geolocation_dataset"].select(
        zip_code_prefix="geolocation_zip_code_prefix",
        lat="geolocation_lat",
        lng="geolocation_lng",
        state="geolocation_state",
        is_inside=pl.col("geolocation_lat").is_between(south, north)
        & pl.col("geolocation_lng").is_between(west, east),
    )
    counts = (
        points.lazy()
        .group_by("zip_code_prefix")
        .agg(point_count=pl.len(), points_outside_brazil=(~pl.col("is_inside")).sum())
    )
    states = (
        points.lazy()
        .group_by("zip_code_prefix", "state")
        .len()
        .group_by("zip_code_prefix")
        .agg(pl.col("state").sort_by(["len", "state"], descending=[True, False]).first())
    )
    latitude, centre = (pl.col(name).radians() for name in ("lat", "latitude"))
    sines = [
        ((pl.col(name) - pl.col(middle)).radians() / 2).sin() ** 2
        for name, middle in (("lat", "latitude"), ("lng", "longitude"))
    ]
    root = (sines[0] + latitude.cos() * centre.cos() * sines[1]).sqrt()
    inside = points.lazy().filter("is_inside")
    centres = inside.group_by("zip_code_prefix").agg(
        latitude=pl.median("lat"), longitude=pl.median("lng")
    )
    spreads = (
        inside.join(centres, on="zip_code_prefix")
        .group_by("zip_code_prefix")
        .agg(spread_km=(2 * EARTH_RADIUS_KM * root.arcsin()).median())
    )
    return (
        counts.join(states, on="zip_code_prefix")
        .join(centres, on="zip_code_prefix", how="left")
        .join(spreads, on="zip_code_prefix", how="left")
        .sort("zip_code_prefix")
        .collect()
    )
