"""What marks the segments beyond the features that made them, in Polars."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import pandas as pd
import polars as pl

from benchmarks.plain.traits import BANDS, trait_table

CUSTOMER = "customer_unique_id"


def main_value(rows: pl.LazyFrame, *, value: str, amount: str) -> pl.LazyFrame:
    """Return the value on which each customer has spent most; a tie goes to the first name."""
    return (
        rows.drop_nulls(value)
        .group_by(CUSTOMER, value)
        .agg(pl.sum(amount).round(2))
        .sort(amount, value, descending=[True, False])
        .group_by(CUSTOMER, maintain_order=False)
        .agg(pl.first(value))
    )


def customer_traits(
    tables: Mapping[str, pl.DataFrame],
    orders: pl.DataFrame,
    scores: pl.DataFrame,
    regions: pl.DataFrame,
    *,
    as_of_date: datetime,
) -> pl.DataFrame:
    """Collect what is known of each customer at a date.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        From `benchmarks.expert.tables.read_tables`.
    orders : DataFrame
        From `benchmarks.expert.tables.make_orders`.
    scores : DataFrame with columns customer_unique_id, cluster and average_review_score
    regions : DataFrame with columns state_code and region
    as_of_date : datetime

    Returns
    -------
    DataFrame
        One row per customer, with its cluster and one column per trait; numbers as numbers.
    """
    day = pl.lit(as_of_date)
    known = orders.lazy().filter(pl.col("purchased_at") < day).sort("purchased_at", "order_id")
    days_late = pl.col("delivered_at").dt.date() - pl.col("estimated_delivery_at").dt.date()
    customers = (
        known.with_columns(
            delay=pl.when(pl.col("delivered_at") < day).then(days_late.dt.total_days()),
            paid=pl.col("items_value") + pl.col("freight_value"),
        )
        .group_by(CUSTOMER)
        .agg(
            pl.last("customer_state", "customer_city"),
            last_purchase=pl.last("purchased_at"),
            first_purchase=pl.min("purchased_at"),
            payment_installments=pl.max("payment_installments"),
            delivery_delay_days=pl.mean("delay"),
            freight=pl.sum("freight_value").round(2),
            paid=pl.sum("paid").round(2),
        )
    )
    of_orders = known.select("order_id", CUSTOMER)
    category = "product_category_name"
    products = (
        tables["olist_products_dataset"]
        .lazy()
        .join(tables["product_category_name_translation"].lazy(), on=category, how="left")
        .select(
            "product_id",
            product_category=pl.coalesce(
                "product_category_name_english", category, pl.lit("unknown")
            ),
        )
    )
    lines = (
        tables["olist_order_items_dataset"]
        .lazy()
        .join(of_orders, on="order_id")
        .join(products, on="product_id", how="left")
    )
    payments = tables["olist_order_payments_dataset"].lazy().join(of_orders, on="order_id")
    return (
        customers.join(
            main_value(lines, value="product_category", amount="price"), on=CUSTOMER, how="left"
        )
        .join(
            main_value(payments, value="payment_type", amount="payment_value"),
            on=CUSTOMER,
            how="left",
        )
        .join(scores.lazy(), on=CUSTOMER, how="left")
        .join(regions.lazy(), left_on="customer_state", right_on="state_code", how="left")
        .select(
            "cluster",
            state="customer_state",
            region=pl.col("region").fill_null("unknown"),
            product_category=pl.col("product_category").fill_null("none"),
            payment_type=pl.col("payment_type").fill_null("none"),
            last_purchase_weekday=pl.col("last_purchase").dt.strftime("%A"),
            first_order_quarter=pl.format(
                "{}-Q{}",
                pl.col("first_purchase").dt.year(),
                pl.col("first_purchase").dt.quarter(),
            ),
            payment_installments="payment_installments",
            review_score="average_review_score",
            delivery_delay_days="delivery_delay_days",
            freight_share=pl.when(pl.col("paid") != 0).then(pl.col("freight") / pl.col("paid")),
            city_size_customers=pl.len().over("customer_state", "customer_city"),
            last_purchase_hour=pl.col("last_purchase").dt.hour(),
        )
        .collect()
    )


def banded(name: str) -> pl.Expr:
    """Put a number into named bands."""
    limits = BANDS[name]
    value = pl.col(name)
    band = pl.when(value.is_null()).then(pl.lit("unknown"))
    for number, limit in enumerate(limits, start=1):
        low = f"above {limits[number - 2]} " if number > 1 else ""
        band = band.when(value <= limit).then(pl.lit(f"{number}. {low}up to {limit}"))
    return band.otherwise(pl.lit(f"{len(limits) + 1}. above {limits[-1]}")).alias(name)


def segment_traits(traits: pl.DataFrame) -> pd.DataFrame:
    """Compare the values of each trait in each segment with all customers.

    Parameters
    ----------
    traits : DataFrame
        From `customer_traits`.

    Returns
    -------
    DataFrame
        As `benchmarks.plain.traits.segment_traits`.
    """
    names = [name for name in traits.columns if name != "cluster"]
    values = traits.lazy().select(
        "cluster", *(banded(name) if name in BANDS else pl.col(name) for name in names)
    )
    counts = pl.collect_all([values.group_by("cluster", name).len() for name in names])
    numbers = pl.collect_all(
        [
            traits.lazy()
            .select("cluster", pl.col(name).cast(pl.Float64))
            .drop_nulls(name)
            .group_by("cluster")
            .agg(size=pl.len(), mean=pl.mean(name), variance=pl.var(name, ddof=0))
            for name in BANDS
        ]
    )
    etas = {name: eta_squared(groups) for name, groups in zip(BANDS, numbers, strict=True)}
    return pd.concat(
        [
            trait_table(
                name,
                table.to_pandas()
                .pivot_table(index="cluster", columns=name, values="len", fill_value=0)
                .astype(int),
                eta=etas.get(name, float("nan")),
            )
            for name, table in zip(names, counts, strict=True)
        ],
        ignore_index=True,
    )


def eta_squared(groups: pl.DataFrame) -> float:
    """Compute the share of a number's variance that lies between groups, from their moments."""
    size, mean, variance = (groups[name].to_numpy() for name in ("size", "mean", "variance"))
    between = (size * (mean - (size * mean).sum() / size.sum()) ** 2).sum()
    total = between + (size * variance).sum()
    return float(between / total) if total else float("nan")
