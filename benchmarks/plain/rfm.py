"""Recency, frequency and monetary value of every customer at every as-of date."""

from __future__ import annotations

import pandas as pd


def as_of_dates(orders: pd.DataFrame, *, first: str) -> list[pd.Timestamp]:
    """List the first of each month with data, and the day after the last purchase.

    Parameters
    ----------
    orders : DataFrame with column purchased_at
    first : str
        ISO date of the first one.

    Returns
    -------
    list of Timestamp
    """
    last = orders["purchased_at"].max().normalize()
    months = pd.date_range(first, last, freq="MS")
    return sorted({*months, last + pd.Timedelta(days=1)})


def rfm_at(orders: pd.DataFrame, reviews: pd.DataFrame, as_of_date: pd.Timestamp) -> pd.DataFrame:
    """Measure every customer by what is known before a date.

    Parameters
    ----------
    orders : DataFrame
        From `benchmarks.plain.tables.make_orders`.
    reviews : DataFrame
        From `benchmarks.plain.tables.make_reviews`.
    as_of_date : Timestamp

    Returns
    -------
    DataFrame
        One row per customer with the columns of marts.rfm.
    """
    known = orders[orders["purchased_at"] < as_of_date]
    rfm = known.groupby("customer_unique_id").agg(
        last_purchase=("purchased_at", "max"),
        first_purchase=("purchased_at", "min"),
        frequency=("order_id", "count"),
        monetary=("order_value", "sum"),
        is_monetary_imputed=("is_value_imputed", "any"),
    )
    scores = (
        reviews[reviews["known_at"] < as_of_date]
        .groupby("customer_unique_id")["review_score"]
        .agg(average_review_score="mean", review_count="count")
    )
    rfm = rfm.join(scores)
    rfm["recency_days"] = (as_of_date - rfm["last_purchase"]).dt.days
    rfm["tenure_days"] = (as_of_date - rfm["first_purchase"]).dt.days
    rfm["monetary"] = rfm["monetary"].round(2)
    rfm["review_count"] = rfm["review_count"].fillna(0).astype(int)
    rfm.insert(0, "as_of_date", as_of_date)
    return rfm.drop(columns=["last_purchase", "first_purchase"]).reset_index()


def rfm_at_all_dates(orders: pd.DataFrame, reviews: pd.DataFrame, *, first: str) -> pd.DataFrame:
    """Stack `rfm_at` of every as-of date."""
    dates = as_of_dates(orders, first=first)
    return pd.concat([rfm_at(orders, reviews, date) for date in dates], ignore_index=True)
