"""What marks a segment beyond the features that made it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from customer_segmentation.measure import cramers_v, eta_squared, trait_shares
from customer_segmentation.steps.engines import Engine
from customer_segmentation.steps.study.origins import (
    NO_CAUSES,
    Causes,
    causes_of,
    dependence,
    origin,
)

TRAIT_COLUMNS = {
    "as_of_date": "date",
    "cluster": "int",
    "segment_name": "string",
    "trait": "string",
    "unit": "string",
    "value": "string",
    "customers": "bigint",
    "cases": "bigint",
    "cases_in_segment": "bigint",
    "share_in_segment": "double",
    "share_overall": "double",
    "share_difference": "double",
    "lift": "double",
    "share_low": "double",
    "share_high": "double",
    "cramers_v": "double",
    "eta_squared": "double",
    "origin": "string",
    "origin_reason": "string",
    "dependence": "double",
    "dependence_feature": "string",
}

COUNT_COLUMNS = [
    *("as_of_date", "cluster", "segment_name", "trait", "unit", "value", "customers", "cases")
]


class Trait(NamedTuple):
    """What a customer may have in common with others.

    Attributes
    ----------
    name : str
    expression : str
        SQL, on a customer's row of marts.customer_facts and marts.rfm.
    limits : tuple of float
        Of a number: the upper limits of its bands, the last band being open.
    causes : Causes
    feature : str
        The feature that it is, when it is one.
    """

    name: str
    expression: str
    limits: tuple[float, ...] = ()
    causes: Causes = NO_CAUSES
    feature: str = ""

    def value(self) -> str:
        """Return the SQL of what is counted; bands begin with their number, so that they sort."""
        if not self.limits:
            return self.expression
        lower = ["", *(f"above {limit} " for limit in self.limits)]
        bands = " ".join(
            f"when {self.expression} <= {limit} then '{number}. {above}up to {limit}'"
            for number, (above, limit) in enumerate(zip(lower, self.limits, strict=False), start=1)
        )
        last = f"{len(self.limits) + 1}. above {self.limits[-1]}"
        return f"case when {self.expression} is null then 'unknown' {bands} else '{last}' end"


# What a customer has of whom nothing is known.
UNKNOWN = ("unknown", "none")
# Those that are no features; the others are stated with the features.
FACTS = (
    Trait("state", "coalesce(customer_state, 'unknown')"),
    Trait("region", "coalesce(region, 'unknown')"),
    Trait("product_category", "coalesce(main_category, 'none')"),
    Trait("payment_type", "coalesce(main_payment_type, 'none')"),
    Trait(
        "first_order_quarter",
        "year(first_purchased_at) || '-Q' || quarter(first_purchased_at)",
        causes=Causes(
            ("recency_days", "tenure_days", "frequency"),
            "the only order of most customers is their last one",
        ),
    ),
    Trait(
        "last_purchase_weekday",
        "last_purchase_weekday",
        causes=Causes(("recency_days",), "days since the last order tell its weekday"),
    ),
    Trait("last_purchase_hour", "hour(last_purchased_at)", (5, 11, 17)),
)


# Of Olist's customers.
NO_OTHERS: Mapping[str, str] = {}


def other_traits(engine: Engine, customer_facts: Any) -> dict[str, str]:
    """Return the traits in column ``other_traits``, which somebody's own orders have.

    Parameters
    ----------
    engine : Engine
    customer_facts : relation
        ``marts.customer_facts``.

    Returns
    -------
    dict of str to str
        SQL of each by its name, sorted.
    """
    rows = engine.rows(customer_facts, ["distinct other_traits"], where="other_traits is not null")
    names = rows.project("unnest(json_keys(other_traits)) as name").distinct().order("name")
    return {name: engine.json_text("other_traits", name) for (name,) in names.fetchall()}


def traits_of(
    features: Mapping[str, Mapping[str, Any]], *, others: Mapping[str, str] = NO_OTHERS
) -> tuple[Trait, ...]:
    """Return every trait.

    Parameters
    ----------
    features : mapping of str to mapping
        The features as dbt_project.yml states them; those with bands are traits.
    others : mapping of str to str
        As `other_traits` gives it. With a country among them, the region is either one of them
        or that country again, and is left out.
    """
    facts = [fact for fact in FACTS if fact.name != "region" or "country" not in others]
    named = [Trait(name, f"coalesce({value}, 'unknown')") for name, value in others.items()]
    banded = [
        Trait(
            one.get("trait", name),
            one.get("column", name),
            tuple(one["bands"]),
            causes_of(one),
            name,
        )
        for name, one in features.items()
        if "bands" in one
    ]
    return (*facts, *named, *banded)


class OrderTrait(NamedTuple):
    """What an order or a review has in common with others: each counts, and not a customer's mean.

    Attributes
    ----------
    name : str
    unit : str
        What is counted.
    counts : tuple of (str, str)
        Value, and the SQL of how many of a customer's orders or reviews have it.
    causes : Causes
    """

    name: str
    unit: str
    counts: tuple[tuple[str, str], ...]
    causes: Causes = NO_CAUSES


ORDER_TRAITS = (
    OrderTrait(
        "review_of_an_order",
        "review",
        (("1 or 2", "bad_reviews"), ("3 to 5", "reviews - bad_reviews")),
        Causes(("average_review_score",), "the mean is made of it"),
    ),
    OrderTrait(
        "delivery_of_an_order",
        "delivered order",
        (("late", "late_orders"), ("on time", "delivered_orders - late_orders")),
    ),
)


def described_customers(engine: Engine, features: Sequence[str] = (), **relations: Any) -> Any:
    """Return the customers of the described date with what traits are made of.

    Parameters
    ----------
    engine : Engine
    features : sequence of str
        Columns of ``marts.rfm`` that are wanted besides what traits are made of.
    relations : relation
        periods, segments, facts and rfm: the tables ``marts.periods``,
        ``segmentation.customer_segments``, ``marts.customer_facts`` and ``marts.rfm``.

    Returns
    -------
    relation
        One row per customer.
    """
    weekday = engine.weekday_name("last_purchased_at")
    keys = "as_of_date, customer_unique_id"
    columns = ", ".join({"average_review_score": None} | dict.fromkeys(features))
    return engine.query(
        f"select *, {weekday} as last_purchase_weekday from {{facts}} as facts"
        f" inner join (select as_of_date from {{periods}} where is_described) as described using (as_of_date)"
        f" inner join (select {keys}, cluster, segment_name from {{segments}}) as segments using ({keys})"
        f" inner join (select {keys}, {columns} from {{rfm}}) as rfm using ({keys})",
        **relations,
    )


def count_traits(engine: Engine, customers: Any, traits: Sequence[Trait]) -> pd.DataFrame:
    """Count the customers of each segment by the value of each trait.

    Parameters
    ----------
    engine : Engine
    customers : relation
        One row per customer, as `described_customers` gives them.
    traits : sequence of Trait

    Returns
    -------
    DataFrame with columns as_of_date, cluster, segment_name, trait, unit, value, customers, cases
        ``cases`` are what is counted: customers, or their reviews and orders; ``customers`` those
        who have at least one.
    """
    counted_traits = [(trait.name, "customer", trait.value(), "1") for trait in traits]
    counted_traits += [
        (trait.name, trait.unit, f"'{value}'", cases)
        for trait in ORDER_TRAITS
        for value, cases in trait.counts
    ]
    # A row of each customer and trait is grouped by numbers; names of traits and segments are added to the few groups.
    values = [(value, cases) for _, _, value, cases in counted_traits]
    row_of_each = engine.row_of_each(
        [
            {
                "trait_position": str(position),
                "value": f"cast({value} as string)",
                "cases": f"cast({cases} as bigint)",
            }
            for position, (value, cases) in enumerate([*values, ("segment_name", "1")])
        ]
    )
    rows = engine.frame(
        engine.query(
            "select as_of_date, cluster, trait_position, value, count(*) as customers,"
            " cast(sum(cases) as bigint) as cases"
            f" from (select as_of_date, cluster, {row_of_each} from {{customers}} as customers) as valued"
            " where cases > 0 group by as_of_date, cluster, trait_position, value",
            customers=customers,
        )
    )
    is_name = rows["trait_position"] == len(values)
    names = rows[is_name].set_index("cluster")["value"]
    counts = rows[~is_name].reset_index(drop=True)
    named = pd.DataFrame(
        [(name, unit) for name, unit, _, _ in counted_traits], columns=["trait", "unit"]
    ).iloc[counts["trait_position"]]
    return counts.assign(
        segment_name=counts["cluster"].map(names),
        trait=named["trait"].to_numpy(),
        unit=named["unit"].to_numpy(),
    )[COUNT_COLUMNS]


def known_traits(counts: pd.DataFrame) -> pd.DataFrame:
    """Leave out the traits of which nothing is known of anybody.

    Parameters
    ----------
    counts : DataFrame
        As `count_traits` gives it.
    """
    is_known = counts["value"].notna() & ~counts["value"].isin(UNKNOWN)
    return counts[counts["trait"].isin(counts.loc[is_known, "trait"])].reset_index(drop=True)


def trait_numbers(engine: Engine, customers: Any, traits: Sequence[Trait]) -> pd.DataFrame:
    """Read the number behind each banded trait, in the order of the customers' numbers.

    Parameters
    ----------
    engine : Engine
    customers : relation
        As in `count_traits`.
    traits : sequence of Trait

    Returns
    -------
    DataFrame with column cluster and one for each banded trait
    """
    numbers = [f"{trait.expression} as {trait.name}" for trait in traits if trait.limits]
    return engine.frame(customers, ["cluster", *numbers], order="customer_unique_id")


def trait_origins(
    engine: Engine, customers: Any, traits: Sequence[Trait], *, made_by: Sequence[str]
) -> pd.DataFrame:
    """Say of each trait what it owes to the features that made the clusters.

    Parameters
    ----------
    engine : Engine
    customers : relation
        As in `count_traits`, with the features.
    traits : sequence of Trait
    made_by : sequence of str

    Returns
    -------
    DataFrame with columns trait, origin, origin_reason, dependence, dependence_feature
        One row per trait; see `origin` and `dependence`. That of orders and reviews is not
        measured, because a customer may have several.
    """
    values = [f"{trait.expression} as {trait.name}" for trait in traits]
    features = [f"{feature} as made_by_{feature}" for feature in made_by]
    rows = engine.frame(customers, [*values, *features], order="customer_unique_id")
    made = rows[[f"made_by_{feature}" for feature in made_by]]
    made.columns = list(made_by)
    found = []
    described: list[Trait | OrderTrait] = [*traits, *ORDER_TRAITS]
    for trait in described:
        name = (trait.feature if isinstance(trait, Trait) else "") or trait.name
        state, reason = origin(name, made_by, trait.causes)
        depends, on = np.nan, None
        if isinstance(trait, Trait):
            depends, on = dependence(rows[trait.name], made, is_category=not trait.limits)
        found.append((trait.name, state, reason, depends, on))
    return pd.DataFrame(
        found, columns=["trait", "origin", "origin_reason", "dependence", "dependence_feature"]
    )


def segment_traits(
    counts: pd.DataFrame,
    numbers: pd.DataFrame,
    origins: pd.DataFrame,
    *,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Compare each value of each trait in each segment with all customers.

    Parameters
    ----------
    counts : DataFrame
        Of one date, from `count_traits`: one row per segment, trait and value that occurs
        together; every case has one value.
    numbers : DataFrame with columns cluster and, named like its trait, each trait that is a number
        One row per customer, in a fixed order; missing values allowed.
    origins : DataFrame
        From `trait_origins`.
    confidence : float
        Of the Wilson intervals.

    Returns
    -------
    DataFrame with the columns of `TRAIT_COLUMNS`
        One row per segment, trait and value, also those that do not occur together; in each
        segment those that it has more often than all come first, by the difference of the shares.
        Shares, of cases, and their interval from 0 to 1; ``cramers_v`` (bias-corrected) says how much a trait has to do
        with the segments as a whole, 0 to 1, and ``eta_squared`` the same for the number behind a
        banded trait (NaN for the others).

    Notes
    -----
    Sources: Wilson (1927), Cramér (1946) with the correction of Bergsma (2013), Fisher (1925); see
    `customer_segmentation.measure.association`.
    """
    tables = []
    names = counts.drop_duplicates("cluster").set_index("cluster")["segment_name"].sort_index()
    for trait, rows in counts.groupby("trait", sort=True):
        of_value, values = pd.factorize(rows["value"], sort=True)
        is_known = of_value >= 0
        place = (names.index.get_indexer(rows["cluster"])[is_known], of_value[is_known])
        table, customers = (np.zeros((len(names), len(values)), dtype=np.int64) for _ in range(2))
        np.add.at(table, place, rows["cases"].to_numpy()[is_known])
        np.add.at(customers, place, rows["customers"].to_numpy()[is_known])
        shares = trait_shares(table, confidence=confidence)
        n_values = len(values)
        tables.append(
            pd.DataFrame(
                {
                    "as_of_date": rows["as_of_date"].iloc[0],
                    "cluster": np.repeat(names.index.to_numpy(), n_values),
                    "segment_name": np.repeat(names.to_numpy(dtype=object), n_values),
                    "trait": trait,
                    "unit": rows["unit"].iloc[0],
                    "value": np.tile(np.asarray(values, dtype=object), len(names)),
                    "customers": customers.ravel(),
                    "cases": table.ravel(),
                    "cases_in_segment": np.repeat(table.sum(axis=1), n_values),
                    "share_in_segment": shares.share_in_segment.ravel(),
                    "share_overall": shares.share_overall.ravel(),
                    "share_difference": (shares.share_in_segment - shares.share_overall).ravel(),
                    "lift": shares.lift.ravel(),
                    "share_low": shares.low.ravel(),
                    "share_high": shares.high.ravel(),
                    "cramers_v": cramers_v(table),
                    "eta_squared": (
                        number_eta_squared(numbers[trait], numbers["cluster"])
                        if trait in numbers.columns
                        else np.nan
                    ),
                }
            )
        )
    if not tables:
        return pd.DataFrame(columns=list(TRAIT_COLUMNS))
    return (
        pd.concat(tables, ignore_index=True)
        .merge(origins, on="trait", how="left")
        .sort_values(
            ["cluster", "share_difference", "trait", "value"],
            ascending=[True, False, True, True],
            ignore_index=True,
        )[list(TRAIT_COLUMNS)]
    )


def number_eta_squared(values: pd.Series, clusters: pd.Series) -> float:
    """Return the share of a number's variance that lies between the clusters, 0 to 1.

    Parameters
    ----------
    values : Series of shape (n_customers,)
        Missing values are left out.
    clusters : Series of shape (n_customers,)

    Returns
    -------
    float
        NaN when the number does not vary.
    """
    groups = pd.DataFrame({"value": values.astype(float), "cluster": clusters}).dropna()
    by_cluster = groups.groupby("cluster")["value"]
    return eta_squared(by_cluster.size(), by_cluster.mean(), by_cluster.var(ddof=0))
