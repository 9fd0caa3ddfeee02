"""What is said of a date whose customers are too few or too alike for the segments asked for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from customer_segmentation.steps import FitSettings, fit_periods, with_reasons

FEATURES = ("recency_days", "frequency", "monetary")
SETTINGS = FitSettings(
    features=FEATURES,
    n_clusters=4,
    n_init=1,
    max_iter=10,
    seed=1,
    exact_silhouette_rows=100,
    smallest_cluster_share=0.0,
    minimum_silhouette=-1.0,
)
NEED = "4 segments need at least 4 customers who differ, and at this date "


@pytest.mark.parametrize(
    ("rows", "there"),
    [
        ([[1, 1, 9]], "there is only one customer: more orders are needed."),
        ([[1, 1, 9]] * 1200, "its 1,200 customers are all alike: more orders are needed."),
        (
            [[1, 1, 9], [2, 1, 9]],
            "there are only 2: set n_clusters to 2 or less, or wait for more orders.",
        ),
        (
            [[1, 1, 9], [2, 1, 9], [3, 1, 9]] * 300,
            "among its 900 customers only 3 do: set n_clusters to 3 or less, or wait for more orders.",
        ),
    ],
)
def test_too_few_customers_who_differ_are_counted(rows: list[list[float]], there: str) -> None:
    day = pd.Timestamp("2020-03-02")
    inputs = pd.DataFrame({"as_of_date": [day], "fit_fingerprint": ["a"]})
    matrix = np.array(rows, dtype=np.float64)
    fits = fit_periods(inputs, lambda as_of_date: matrix, settings=SETTINGS)
    told = with_reasons(fits, lambda as_of_date: matrix, n_clusters=4)
    assert told["gate_failures"].tolist() == [NEED + there]
    unsaid = [name for name in fits.columns if name != "gate_failures"]
    pd.testing.assert_frame_equal(told[unsaid], fits[unsaid])


def test_another_reason_stays() -> None:
    fits = pd.DataFrame(
        {"as_of_date": [1], "cluster": [None], "gate_failures": ["Could not be fitted: no."]}
    )
    told = with_reasons(fits, lambda day: np.arange(15.0).reshape(5, 3), n_clusters=4)
    assert told["gate_failures"].tolist() == ["Could not be fitted: no."]
