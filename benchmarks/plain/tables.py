"""The raw files as typed frames, and the orders and reviews that the study is made from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

TIMES = {
    "olist_orders_dataset": [
        "order_purchase_timestamp",
        "order_approved_at",
        "order_delivered_carrier_date",
        "order_delivered_customer_date",
        "order_estimated_delivery_date",
    ],
    "olist_order_items_dataset": ["shipping_limit_date"],
    "olist_order_reviews_dataset": ["review_creation_date", "review_answer_timestamp"],
}
FILES = (
    "olist_customers_dataset",
    "olist_geolocation_dataset",
    "olist_order_items_dataset",
    "olist_order_payments_dataset",
    "olist_order_reviews_dataset",
    "olist_orders_dataset",
    "olist_products_dataset",
    "olist_sellers_dataset",
    "product_category_name_translation",
)
# Brazil's extent: south, north, west, east; as model int_zip_code_centres has it.
BRAZIL = (-33.75, 5.28, -73.99, -28.84)
EARTH_RADIUS_KM = 6371
ZIP_CODES = ("customer_zip_code_prefix", "seller_zip_code_prefix", "geolocation_zip_code_prefix")


def read_tables(folder: Path) -> dict[str, pd.DataFrame]:
    """Read the nine files, CSV or Parquet.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    dict of str to DataFrame
        By file name without its ending.
    """
    tables = {}
    for name in FILES:
        times = TIMES.get(name, [])
        path = folder / f"{name}.csv"
        if path.exists():
            tables[name] = pd.read_csv(
                path,
                parse_dates=times,
                dtype=dict.fromkeys(ZIP_CODES, str),
                encoding="utf-8-sig",
            )
        else:
            table = pd.read_parquet(path.with_suffix(".parquet"))
            tables[name] = table.assign(**{time: pd.to_datetime(table[time]) for time in times})
    return tables


def make_orders(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Join customers, payments and items to the orders, each summed per order first.

    Parameters
    ----------
    tables : dict of str to DataFrame
        From `read_tables`.

    Returns
    -------
    DataFrame
        One row per order: order_id, customer_unique_id, customer_state, customer_city,
        purchased_at, delivered_at, estimated_delivery_at, items_value, freight_value,
        payment_value, payment_installments, order_value, is_value_imputed.
    """
    items = (
        tables["olist_order_items_dataset"]
        .groupby("order_id")
        .agg(items_value=("price", "sum"), freight_value=("freight_value", "sum"))
    )
    payments = (
        tables["olist_order_payments_dataset"]
        .groupby("order_id")
        .agg(
            payment_value=("payment_value", "sum"),
            payment_installments=("payment_installments", "max"),
        )
    )
    orders = (
        tables["olist_orders_dataset"]
        .rename(
            columns={
                "order_purchase_timestamp": "purchased_at",
                "order_delivered_customer_date": "delivered_at",
                "order_estimated_delivery_date": "estimated_delivery_at",
            }
        )
        .merge(tables["olist_customers_dataset"], on="customer_id")
        .merge(items, on="order_id", how="left")
        .merge(payments, on="order_id", how="left")
    )
    orders["items_value"] = orders["items_value"].fillna(0)
    orders["freight_value"] = orders["freight_value"].fillna(0)
    orders["is_value_imputed"] = orders["payment_value"].isna()
    orders["order_value"] = orders["payment_value"].fillna(
        orders["items_value"] + orders["freight_value"]
    )
    columns = [
        "order_id",
        "customer_unique_id",
        "customer_state",
        "customer_city",
        "purchased_at",
        "delivered_at",
        "estimated_delivery_at",
        "items_value",
        "freight_value",
        "payment_value",
        "payment_installments",
        "order_value",
        "is_value_imputed",
    ]
    return orders[columns]


def make_reviews(tables: dict[str, pd.DataFrame], orders: pd.DataFrame) -> pd.DataFrame:
    """Give each review its customer and the moment from which it is known.

    Parameters
    ----------
    tables : dict of str to DataFrame
    orders : DataFrame
        From `make_orders`.

    Returns
    -------
    DataFrame with columns order_id, customer_unique_id, review_score, known_at
    """
    reviews = (
        tables["olist_order_reviews_dataset"]
        .drop_duplicates(["review_id", "order_id"])
        .dropna(subset="review_answer_timestamp")
        .merge(orders[["order_id", "customer_unique_id", "purchased_at"]], on="order_id")
    )
    reviews["known_at"] = reviews[["review_answer_timestamp", "purchased_at"]].max(axis=1)
    return reviews[["order_id", "customer_unique_id", "review_score", "known_at"]]


def make_centres(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Find the centre of each zip-code prefix, and how far its points are from it.

    Parameters
    ----------
    tables : dict of str to DataFrame
        From `read_tables`.

    Returns
    -------
    DataFrame
        One row per prefix, sorted: zip_code_prefix, state (of most points; of equals the first), latitude,
        longitude (medians of the points in Brazil), spread_km (median distance from there), point_count,
        points_outside_brazil.
    """
    points = tables["olist_geolocation_dataset"].rename(columns=lambda name: name[12:])
    south, north, west, east = BRAZIL
    is_inside = points["lat"].between(south, north) & points["lng"].between(west, east)
    inside = points[is_inside]
    by_prefix = inside.groupby("zip_code_prefix")
    centres = by_prefix[["lat", "lng"]].median()
    of_point = centres.loc[inside["zip_code_prefix"]]
    north_south, east_west = (
        np.sin(np.radians(inside[name].to_numpy() - of_point[name].to_numpy()) / 2) ** 2
        for name in ("lat", "lng")
    )
    cosines = np.cos(np.radians(inside["lat"].to_numpy())) * np.cos(
        np.radians(of_point["lat"].to_numpy())
    )
    distances = 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(north_south + cosines * east_west))
    spreads = pd.Series(distances).groupby(inside["zip_code_prefix"].to_numpy()).median()
    counts = points.groupby(["zip_code_prefix", "state"]).size().reset_index(name="points")
    states = counts.sort_values(
        ["zip_code_prefix", "points", "state"], ascending=[True, False, True]
    ).drop_duplicates("zip_code_prefix")
    found = pd.DataFrame(
        {
            "state": states.set_index("zip_code_prefix")["state"],
            "point_count": points.groupby("zip_code_prefix").size(),
            "points_outside_brazil": (~is_inside).groupby(points["zip_code_prefix"]).sum(),
        }
    )
    found["latitude"], found["longitude"] = centres["lat"], centres["lng"]
    found["spread_km"] = spreads
    return found.reset_index(names="zip_code_prefix")
