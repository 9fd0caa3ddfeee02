"""The figures that are known of the real data."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from conftest import query

pytestmark = [pytest.mark.build, pytest.mark.real]

LATEST = "2018-10-18"


def test_customers_orders_and_payments(real_database: Path) -> None:
    assert query(real_database, "select count(*), max(order_count) from marts.customers") == [
        (96_096, 17)
    ]
    assert query(real_database, "select count(*), sum(payment_value) from marts.orders") == [
        (99_441, Decimal("16008872.12"))
    ]
    # One order has no payment; its lines and freight stand in.
    assert query(
        real_database,
        "select sum(total_paid), sum(total_spent) - sum(total_paid),"
        " count(*) filter (where is_total_imputed) from marts.customers",
    ) == [(Decimal("16008872.12"), Decimal("143.46"), 1)]
    assert query(real_database, "select count(*), sum(total_achat) from bi.clients") == [
        (96_096, Decimal("16009015.58"))
    ]


def test_periods(real_database: Path) -> None:
    rows = query(
        real_database,
        "select as_of_date::text, is_latest, is_sparse from marts.periods order by as_of_date",
    )
    assert len(rows) == 20
    assert rows[0] == ("2017-04-01", False, False)
    assert rows[-2:] == [("2018-10-01", False, True), (LATEST, True, True)]


def test_the_four_known_groups_are_found(real_database: Path) -> None:
    found = {
        name: (customers, frequency)
        for name, customers, frequency in query(
            real_database,
            "select segment_name, count(*), min(frequency) from segmentation.customer_segments"
            f" inner join marts.rfm using (as_of_date, customer_unique_id)"
            f" where as_of_date = '{LATEST}' group by segment_name",
        )
    }
    expected = {
        "Recent one-time buyers": 52_100,
        "Lapsed one-time buyers": 38_500,
        "Repeat buyers": 3_000,
        "Big spenders": 2_500,
    }
    assert found.keys() == expected.keys()
    for name, customers in expected.items():
        assert found[name][0] == pytest.approx(customers, rel=0.02)
    assert found["Repeat buyers"][1] == 2


def test_every_date_has_a_fit_of_its_own_and_is_segmented_by_the_model_in_force(
    real_database: Path,
) -> None:
    assert query(
        real_database,
        "select count(*), count(*) filter (where is_accepted), count(distinct as_of_date)"
        " from segmentation.model_registry",
    ) == [(20, 20, 20)]
    assert query(
        real_database,
        "select count(*), count(model_id), count(*) filter (where is_fallback), any_value(refresh_mode)"
        " from segmentation.period_models",
    ) == [(20, 20, 0, "as_decided")]


def test_rfm_equals_pandas(real_folder: Path, real_database: Path) -> None:
    import pandas as pd

    as_of_date = pd.Timestamp("2018-03-01")
    orders = pd.read_csv(
        real_folder / "olist_orders_dataset.csv", parse_dates=["order_purchase_timestamp"]
    )
    people = pd.read_csv(real_folder / "olist_customers_dataset.csv")
    payments = pd.read_csv(real_folder / "olist_order_payments_dataset.csv")
    paid = payments.groupby("order_id")["payment_value"].sum()
    counted = orders[orders["order_purchase_timestamp"] < as_of_date].merge(
        people, on="customer_id"
    )
    counted["paid"] = counted["order_id"].map(paid).fillna(143.46)
    expected = counted.groupby("customer_unique_id").agg(
        recency_days=("order_purchase_timestamp", lambda times: (as_of_date - times.max()).days),
        frequency=("order_id", "size"),
        monetary=("paid", "sum"),
    )
    found = pd.DataFrame(
        query(
            real_database,
            "select customer_unique_id, recency_days, frequency, monetary::double from marts.rfm"
            f" where as_of_date = '{as_of_date:%Y-%m-%d}'",
        ),
        columns=["customer_unique_id", "recency_days", "frequency", "monetary"],
    ).set_index("customer_unique_id")
    pd.testing.assert_frame_equal(
        found.sort_index(), expected.sort_index(), check_dtype=False, rtol=1e-9
    )
