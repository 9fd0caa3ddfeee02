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
        "Newer one-time buyers": 43_900,
        "Older one-time buyers": 46_600,
        "Repeat buyers": 3_000,
        "Big spenders": 2_560,
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


def test_three_ifs_reproduce_every_model(real_database: Path) -> None:
    rules = {
        str(date): (count, fidelity, orders, money, days)
        for date, count, fidelity, orders, money, days in query(
            real_database,
            "select as_of_date, count(*), min(fidelity), min(minimum_frequency), min(minimum_monetary),"
            " min(below_recency_days) - 1 from segmentation.segment_rules group by 1",
        )
    }
    assert len(rules) == 20
    for count, fidelity, orders, money, _ in rules.values():
        assert count == 4
        assert fidelity >= 0.996
        assert orders == 2
        assert 590 <= money <= 1_050
    # The border of a date's own fit moves with the clock.
    for date, days in {"2017-05-01": 66, "2018-01-01": 156, LATEST: 308}.items():
        assert rules[date][4] == pytest.approx(days, abs=2)
    assert rules[LATEST][1] >= 0.997


def test_no_border_moves_between_models(real_database: Path) -> None:
    found = query(
        real_database,
        "select model_id, min(fidelity), max(fidelity) from segmentation_work.segment_rules_in_force group by 1",
    )
    assert found
    for _, lowest, highest in found:
        assert lowest > 0.996
        assert highest - lowest < 0.002


def test_repeat_buyers_order_again_and_big_spenders_do_not(real_database: Path) -> None:
    found = {
        code: (customers, ordering, 100 * ordering / customers)
        for code, customers, ordering in query(
            real_database,
            "select segment_code, sum(customers), sum(customers_ordering) from segmentation.segment_outcomes"
            " where horizon_days = 90"
            " and as_of_date in ('2017-10-01', '2018-01-01', '2018-04-01', '2018-05-01') group by 1",
        )
    }
    # As published at each date; who has ordered twice is nearly the same with any model.
    assert found["repeat"][0] == pytest.approx(6_036, abs=5)
    assert found["repeat"][1] == 154
    assert found["repeat"][2] == pytest.approx(2.55, abs=0.01)
    assert found["recent"][2] == pytest.approx(0.72, abs=0.01)
    assert found["lapsed"][2] == pytest.approx(0.56, abs=0.02)
    assert found["big"][1] == pytest.approx(17, abs=1)
    assert found["big"][2] == pytest.approx(0.29, abs=0.03)
    assert min(found, key=lambda code: found[code][2]) == "big"


def test_kmeans_says_no_more_of_later_orders_than_plain_limits(real_database: Path) -> None:
    rows = {
        name: values
        for name, *values in query(
            real_database,
            "select alternative, auc, auc_difference_low, auc_difference_high, explained_variance_share"
            " from segmentation.segmentation_alternatives",
        )
    }
    # Nobody is told well: 0.5 says nothing.
    assert all(0.55 < auc < 0.6 for auc, *_ in rows.values())
    for name in ("thresholds", "rfm_boxes", "recency_fifths", "recency_days"):
        assert rows[name][1] < 0 < rows[name][2]
    assert rows["thresholds"][2] < 0.02
    # Spectral clustering says a little more, and two plain facts together say most.
    assert 0 < rows["spectral"][1] < rows["spectral"][2] < 0.03
    assert rows["repeat_then_recency"][1] > 0
    assert max(rows, key=lambda name: rows[name][0]) == "repeat_then_recency"
    # What K-means is best at is what it was made for.
    assert max(rows, key=lambda name: rows[name][3] or 0) == "kmeans"


def test_a_fifth_more_orders_cannot_be_seen_in_a_segment_of_this_size(real_database: Path) -> None:
    rows = query(
        real_database,
        "select treated_customers + control_customers, customers_needed,"
        " 0 between difference_low and difference_high from segmentation.control_outcomes"
        " where horizon_days = 30 and not is_sparse",
    )
    assert all(needed is None or needed > customers for customers, needed, _ in rows)
    # Nobody was treated: the two groups are alike.
    assert sum(holds for *_, holds in rows) / len(rows) > 0.9
