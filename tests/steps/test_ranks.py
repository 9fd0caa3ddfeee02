"""Names of a shop's clusters by their ranks: one each, whatever their numbers."""

from __future__ import annotations

import csv
import re

import duckdb
import numpy as np
import pandas as pd
import pytest

from conftest import PROJECT
from customer_segmentation.steps import ranks_from, rules_from
from customer_segmentation.steps.naming import naming_failure, segments_by_rank

SEEDS = PROJECT / "seeds"
PLAYBOOK = pd.read_csv(SEEDS / "own_orders" / "segment_playbook.csv")
LABELS = pd.read_csv(SEEDS / "own_orders" / "segment_labels.csv")
SEGMENT_RANKS = pd.read_csv(SEEDS / "segment_ranks.csv")
RULES = rules_from(PLAYBOOK, LABELS)
RANKS = ranks_from(SEGMENT_RANKS)
COUNTS = range(2, 11)
MEASURES = ["monetary_ratio", "frequency", "recency_ratio"]


def in_python(clusters: pd.DataFrame) -> list[str | None]:
    measures = clusters[MEASURES].to_dict("records")
    segments = segments_by_rank(measures, RULES, RANKS)
    assert naming_failure(measures, segments) == ""
    return [one.segment_code if one else None for one in segments]


def in_sql(clusters: pd.DataFrame) -> list[str | None]:
    """Rank with windows, two clusters a tier."""
    with duckdb.connect() as connection:
        connection.register("clusters", clusters)
        connection.register("segment_ranks", SEGMENT_RANKS)
        found = connection.sql("""
            with rounded as (
                select
                    cluster,
                    round(monetary_ratio, 9) as money,
                    round(frequency, 9) as orders,
                    round(recency_ratio, 9) as days
                from clusters
            ),
            ranked as (
                select
                    *,
                    rank() over (order by money desc) as money_rank,
                    rank() over (order by orders desc) as order_rank
                from rounded
            ),
            tiered as (
                select
                    *,
                    (1 + row_number() over (
                        order by money_rank + order_rank, money_rank, days, cluster
                    )) // 2 as tier
                from ranked
            ),
            placed as (
                select
                    *,
                    row_number() over (
                        partition by tier order by days, money_rank, order_rank, cluster
                    ) as place
                from tiered
            )
            select segment_ranks.segment_code
            from placed
            left join segment_ranks
                on segment_ranks.n_clusters = (select count(*) from clusters)
                and placed.tier = segment_ranks.tier
                and placed.place = segment_ranks.place
            order by placed.cluster
        """)
        return [code for (code,) in found.fetchall()]


def clusters_of(kind: str, count: int, seed: int) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    values = generator.choice([0.25, 0.5, 1.0, 2.0], (count, 3))
    if kind == "different":
        values = generator.lognormal(size=(count, 3))
    elif kind == "ordered once":
        # As a centroid comes back from its logarithm.
        values[:, 1] = 1 + generator.choice([-2e-16, 0, 2e-16], count)
        values[:, [0, 2]] = generator.lognormal(size=(count, 2))
    elif kind == "spent the same":
        values[:, 0] = 1 + generator.choice([-2e-16, 0, 2e-16], count)
        values[:, [1, 2]] = generator.lognormal(size=(count, 2))
    frame = pd.DataFrame(values, columns=MEASURES)
    return frame.assign(cluster=range(count))


@pytest.mark.parametrize("kind", ["different", "ordered once", "spent the same", "many ties"])
@pytest.mark.parametrize("count", COUNTS)
def test_each_cluster_has_one_name_that_of_its_rank(kind: str, count: int) -> None:
    for seed in range(3):
        clusters = clusters_of(kind, count, seed)
        codes = in_python(clusters)
        assert len(set(codes)) == count
        assert in_sql(clusters) == codes


@pytest.mark.parametrize("kind", ["different", "ordered once", "spent the same"])
def test_a_cluster_has_its_name_whatever_its_number(kind: str) -> None:
    for count in COUNTS:
        clusters = clusters_of(kind, count, 7)
        order = np.random.default_rng(count).permutation(count)
        turned = clusters.iloc[order].assign(cluster=range(count))
        assert in_python(turned) == [in_python(clusters)[place] for place in order]


def test_the_best_have_the_most_money_and_orders_and_the_recent_ordered_last() -> None:
    clusters = pd.DataFrame(
        [(5.0, 9.0, 0.2), (4.0, 8.0, 0.9), (0.5, 1.0, 1.8), (0.4, 1.5, 0.3)], columns=MEASURES
    ).assign(cluster=range(4))
    assert in_python(clusters) == ["best_recent", "best_quiet", "small_quiet", "small_recent"]


def test_there_is_a_name_in_every_language_for_every_number_of_clusters() -> None:
    for count in COUNTS:
        places = [(count, 1 + one // 2, 1 + one % 2) for one in range(count)]
        codes = [RANKS[place] for place in places]
        assert len(set(codes)) == count
        for language in ("en", "fr"):
            of_language = LABELS[LABELS["language"] == language].set_index("segment_code")["name"]
            assert of_language[codes].is_unique


def rows_of(name: str) -> list[dict[str, str]]:
    """Return the rows of a seed of somebody's own orders."""
    with (PROJECT / "seeds" / "own_orders" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_name_compares_and_claims_no_age() -> None:
    """The rule of the more recent half may be “more than 58 days ago”: where that is, the shop decides."""
    compared = {
        ("recent", "en"): "more recent", ("quiet", "en"): "less recent",
        ("recent", "fr"): "plus récents", ("quiet", "fr"): "moins récents",
    }  # fmt: skip
    names = rows_of("segment_labels.csv")
    assert len({row["name"] for row in names}) == len(names)
    for row in names:
        _, _, place = row["segment_code"].partition("_")
        said = compared.get((place, row["language"]))
        assert row["name"].endswith(f", {said}") if said else "," not in row["name"]


def test_who_is_spoken_to_of_the_last_order_remembers_it() -> None:
    for row in rows_of("segment_actions.csv"):
        if re.search(
            r"How was your|Welcome|remembered|took with it|vous plaît|Bienvenue|encore fraîche|ont ajouté",
            row["action"] + row["message"],
        ):
            assert int(row["maximum_recency_days"]) <= 90, row
