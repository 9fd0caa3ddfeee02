"""Transforms of features: ranks in SQL against scipy and scikit-learn, and the way back to own units."""

from __future__ import annotations

import duckdb
import jinja2
import numpy as np
import pandas as pd
import pytest
from scipy.stats import percentileofscore, rankdata
from sklearn.preprocessing import QuantileTransformer

from conftest import PROJECT
from customer_segmentation.cluster.transforms import own_units, robust_columns
from customer_segmentation.steps.engines import engine_of
from customer_segmentation.steps.frames import quantile_reader


def mid_ranks(rows: pd.DataFrame) -> np.ndarray:
    """Run macro mid_rank on rows of as_of_date, x and is_in_fit, and keep their order."""
    macros = (PROJECT / "macros" / "features.sql").read_text(encoding="utf-8")
    environment = jinja2.Environment(extensions=["jinja2.ext.do"])
    share = environment.from_string(macros).module.mid_rank("x", "is_in_fit", "as_of_date")
    with duckdb.connect() as connection:
        connection.register("customers", rows.assign(place=range(len(rows))))
        found = connection.sql(f"select {share} as share from customers order by place")
        return np.ma.filled(found.fetchnumpy()["share"].astype(float), np.nan)


def test_ranks_are_those_of_scipy_and_scikit_learn() -> None:
    generator = np.random.default_rng(3)
    dates = []
    for number, n in enumerate((1, 2, 400, 801)):
        money = np.round(generator.lognormal(size=n), 1)  # many ties
        frame = pd.DataFrame({"as_of_date": number, "x": money, "is_in_fit": True})
        dates.append(frame)
    rows = pd.concat(dates).sample(frac=1, random_state=0)
    rows = rows.assign(share=mid_ranks(rows))
    for _, date in rows.groupby("as_of_date"):
        x, n = date["x"].to_numpy(), len(date)
        np.testing.assert_allclose(date["share"], (rankdata(x) - 0.5) / n, rtol=1e-15)
        assert date["share"].mean() == pytest.approx(0.5)
        # scikit-learn divides by n - 1 (a difference of at most 0.5 / n), may lose an end of a tie to
        # rounding (as much again), and sends the lowest and the highest value to 0 and 1.
        theirs = QuantileTransformer(n_quantiles=n, subsample=None).fit_transform(x[:, None])[:, 0]
        is_inner = (x > x.min()) & (x < x.max())
        assert np.abs(date["share"].to_numpy() - theirs)[is_inner].max(initial=0) <= 1 / n


def test_a_constant_feature_has_one_rank_and_a_missing_value_none() -> None:
    rows = pd.DataFrame({"as_of_date": 1, "x": [7.0, 7.0, np.nan, 7.0], "is_in_fit": True})
    np.testing.assert_array_equal(mid_ranks(rows), [0.5, 0.5, np.nan, 0.5])


def test_a_customer_outside_the_fit_is_ranked_among_those_inside_and_changes_nothing() -> None:
    x = np.array([1.0, 1.0, 1.0, 2.0, 5.0, 0.5, 1.0, 3.0, 99.0])
    rows = pd.DataFrame({"as_of_date": 1, "x": x, "is_in_fit": np.arange(9) < 5})
    expected = percentileofscore(x[:5], x, kind="mean") / 100
    np.testing.assert_allclose(mid_ranks(rows), expected, rtol=1e-15)
    np.testing.assert_array_equal(mid_ranks(rows[:5]), mid_ranks(rows)[:5])


def test_own_units_undo_the_transforms() -> None:
    features = ["recency_days", "frequency", "monetary", "tenure_days"]
    transforms = {"recency_days": "quantile", "monetary": "log1p", "tenure_days": "robust"}
    with duckdb.connect() as connection:
        customers = connection.sql(
            "select date '2018-01-01' as as_of_date, share as recency_days, days as recency_days_in_own_unit, is_in_fit"
            " from (values (0.75, 90.0, true), (0.25, 10.0, true), (0.25, 10.0, true), (1.0, 400.0, false))"
            " as customers (share, days, is_in_fit)"
        )
        read = quantile_reader(
            engine_of(connection), customers, features=features, transforms=transforms
        )
        quantiles = read(pd.Timestamp("2018-01-01"))
    rows = np.array([[0.25, 1, np.log1p(99), 5], [0.5, 1, 0, 5], [0.9, 2, 0, 5], [np.nan] * 4])
    back = own_units(rows, features=features, transforms=transforms, quantiles=quantiles)
    np.testing.assert_allclose(back[:, 0], [10, 50, 90, np.nan])
    np.testing.assert_allclose(back[:3, 2], [99, 0, 0])
    np.testing.assert_array_equal(back[:, [1, 3]], rows[:, [1, 3]])
    assert robust_columns(features, transforms) == (3,)
