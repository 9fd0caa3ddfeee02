"""What marks the segments beyond the features that made them."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
from scipy.stats import chi2_contingency, norm

BANDS = {
    "payment_installments": [1, 3, 6],
    "review_score": [2, 3, 4],
    "delivery_delay_days": [-15, -8, 0, 7],
    "freight_share": [0.1, 0.2, 0.3],
    "city_size_customers": [10, 100, 1000],
    "last_purchase_hour": [5, 11, 17],
}


def main_value(rows: pd.DataFrame, *, value: str, amount: str) -> pd.Series:
    """Return the value on which each customer has spent most; a tie goes to the first name."""
    sums = rows.groupby(["customer_unique_id", value], as_index=False)[amount].sum()
    sums[amount] = sums[amount].round(2)
    ordered = sums.sort_values([amount, value], ascending=[False, True])
    return ordered.drop_duplicates("customer_unique_id").set_index("customer_unique_id")[value]


def customer_traits(
    tables: dict[str, pd.DataFrame],
    orders: pd.DataFrame,
    scores: pd.Series,
    regions: pd.Series,
    *,
    as_of_date: pd.Timestamp,
) -> pd.DataFrame:
    """Collect what is known of each customer at a date.

    Parameters
    ----------
    tables : dict of str to DataFrame
        From `benchmarks.plain.tables.read_tables`.
    orders : DataFrame
        From `benchmarks.plain.tables.make_orders`.
    scores : Series
        Average review score by customer_unique_id.
    regions : Series
        Region by state.
    as_of_date : Timestamp

    Returns
    -------
    DataFrame
        One row per customer, one column per trait; numbers as numbers.
    """
    known = orders[orders["purchased_at"] < as_of_date].copy()
    is_delivered = known["delivered_at"] < as_of_date
    delay = known["estimated_delivery_at"].dt.normalize() - known["delivered_at"].dt.normalize()
    # Positive when late.
    known["delay"] = (-delay.dt.days).where(is_delivered)
    known["paid"] = known["items_value"] + known["freight_value"]
    known = known.sort_values(["purchased_at", "order_id"])
    by_customer = known.groupby("customer_unique_id")
    last = by_customer.last(skipna=False)
    sums = by_customer[["freight_value", "paid"]].sum()
    first_quarter = by_customer["purchased_at"].min().dt.to_period("Q")

    lines = tables["olist_order_items_dataset"].merge(
        known[["order_id", "customer_unique_id"]], on="order_id"
    )
    products = tables["olist_products_dataset"].merge(
        tables["product_category_name_translation"], on="product_category_name", how="left"
    )
    products["category"] = (
        products["product_category_name_english"]
        .fillna(products["product_category_name"])
        .fillna("unknown")
    )
    lines = lines.merge(products[["product_id", "category"]], on="product_id", how="left")
    payments = tables["olist_order_payments_dataset"].merge(
        known[["order_id", "customer_unique_id"]], on="order_id"
    )
    traits = pd.DataFrame(
        {
            "state": last["customer_state"],
            "region": last["customer_state"].map(regions).fillna("unknown"),
            "product_category": main_value(lines, value="category", amount="price"),
            "payment_type": main_value(payments, value="payment_type", amount="payment_value"),
            "last_purchase_weekday": last["purchased_at"].dt.day_name(),
            "first_order_quarter": first_quarter.dt.strftime("%Y-Q%q"),
            "payment_installments": by_customer["payment_installments"].max(),
            "review_score": scores,
            "delivery_delay_days": by_customer["delay"].mean(),
            "freight_share": sums["freight_value"].round(2)
            / sums["paid"].round(2).replace(0, np.nan),
            "city_size_customers": last.groupby(["customer_state", "customer_city"])[
                "order_id"
            ].transform("size"),
            "last_purchase_hour": last["purchased_at"].dt.hour,
        }
    )
    return traits.fillna({"product_category": "none", "payment_type": "none"})


def banded(values: pd.Series, limits: list[float]) -> pd.Series:
    """Put a number into named bands."""
    edges = [-np.inf, *limits, np.inf]
    names = [f"1. up to {limits[0]}"]
    names += [
        f"{number}. above {low} up to {high}"
        for number, (low, high) in enumerate(itertools.pairwise(limits), start=2)
    ]
    names.append(f"{len(limits) + 1}. above {limits[-1]}")
    return pd.cut(values, edges, labels=names).astype(object).fillna("unknown")


def cramers_v(counts: pd.DataFrame) -> float:
    """Compute the bias-corrected association of two categories (Bergsma)."""
    n = counts.to_numpy().sum()
    rows, columns = counts.shape
    if min(rows, columns) < 2:
        return float("nan")
    phi = chi2_contingency(counts, correction=False).statistic / n
    phi = max(phi - (rows - 1) * (columns - 1) / (n - 1), 0)
    rows -= (rows - 1) ** 2 / (n - 1)
    columns -= (columns - 1) ** 2 / (n - 1)
    return float(np.sqrt(phi / (min(rows, columns) - 1)))


def eta_squared(values: pd.Series, clusters: pd.Series) -> float:
    """Compute the share of a number's variance that lies between the clusters."""
    is_known = values.notna()
    values, clusters = values[is_known].astype(float), clusters[is_known]
    means = values.groupby(clusters).transform("mean")
    total = ((values - values.mean()) ** 2).sum()
    return float(((means - values.mean()) ** 2).sum() / total) if total else float("nan")


def segment_traits(traits: pd.DataFrame, clusters: pd.Series) -> pd.DataFrame:
    """Compare the values of each trait in each segment with all customers.

    Parameters
    ----------
    traits : DataFrame
        From `customer_traits`.
    clusters : Series
        Cluster by customer_unique_id.

    Returns
    -------
    DataFrame
        cluster, trait, value, customers, shares, lift, Wilson interval, cramers_v, eta_squared.
    """
    clusters = clusters.reindex(traits.index)
    tables = []
    for trait in traits.columns:
        is_number = trait in BANDS
        values = banded(traits[trait], BANDS[trait]) if is_number else traits[trait]
        eta = eta_squared(traits[trait], clusters) if is_number else float("nan")
        tables.append(trait_table(trait, pd.crosstab(clusters, values), eta=eta))
    return pd.concat(tables, ignore_index=True)


def trait_table(trait: str, counts: pd.DataFrame, *, eta: float) -> pd.DataFrame:
    """Write the rows of one trait.

    Parameters
    ----------
    trait : str
    counts : DataFrame of shape (n_clusters, n_values)
        Customers.
    eta : float
        Of the number behind a banded trait.

    Returns
    -------
    DataFrame
        As `segment_traits`.
    """
    z = norm.ppf(0.975)
    counts = counts.rename_axis(index="cluster", columns="value")
    sizes = counts.sum(axis=1)
    share = counts.div(sizes, axis=0)
    overall = counts.sum() / counts.to_numpy().sum()
    centre = counts.add(z**2 / 2).div(sizes + z**2, axis=0)
    reach = ((share * (1 - share)).mul(sizes, axis=0).add(z**2 / 4).pow(0.5).mul(z)).div(
        sizes + z**2, axis=0
    )
    table = pd.DataFrame(
        {
            "customers": counts.stack(),
            "share_in_segment": share.stack(),
            "lift": share.div(overall, axis=1).stack(),
            "share_low": (centre - reach).stack(),
            "share_high": (centre + reach).stack(),
        }
    )
    return table.reset_index().assign(trait=trait, cramers_v=cramers_v(counts), eta_squared=eta)
