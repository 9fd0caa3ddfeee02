"""Names of clusters by the rules of the playbook, and a gate when they give no names of their own."""

from __future__ import annotations

import dataclasses

import duckdb
import numpy as np
import pandas as pd
import pytest
from test_fits import SETTINGS, customers, periods

from conftest import PROJECT
from customer_segmentation.steps.fits import fit_periods
from customer_segmentation.steps.naming import (
    MEASURES,
    Rule,
    cluster_measures,
    naming_failure,
    playbook_problem,
    rules_from,
    segments_of,
)
from customer_segmentation.steps.study.clusters import with_names

SEEDS = PROJECT / "seeds"
LANGUAGES = {"en": "name_english", "fr": "name_french"}


def playbook() -> pd.DataFrame:
    """Return the rules with their names, one row per rule."""
    labels = pd.read_csv(SEEDS / "segment_labels.csv")
    names = labels.pivot_table("name", "segment_code", "language", aggfunc="first").rename(
        columns=LANGUAGES
    )
    return pd.read_csv(SEEDS / "segment_playbook.csv").join(names, on="segment_code")


def labels_of(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the names of rules as seed segment_labels has them."""
    return pd.concat(
        [
            pd.DataFrame(
                {"segment_code": rows["segment_code"], "language": code, "name": rows[column]}
            )
            for code, column in LANGUAGES.items()
        ],
        ignore_index=True,
    )


def read(rows: pd.DataFrame) -> tuple[Rule, ...]:
    return rules_from(rows, labels_of(rows))


RULES = read(playbook())


def names_by_sql(clusters: pd.DataFrame, rules: pd.DataFrame) -> list[str | None]:
    """Return the names that a join gives: of the rules that a cluster satisfies the first."""
    within = " and ".join(
        f"coalesce(clusters.{measure} {operator} playbook.{end}_{measure}, playbook.{end}_{measure} is null)"
        for measure in MEASURES
        for end, operator in (("minimum", ">="), ("maximum", "<"))
    )
    with duckdb.connect() as connection:
        connection.register("clusters", clusters)
        connection.register("playbook", rules)
        found = connection.sql(
            "select min_by(playbook.name_english, (playbook.rule_order, playbook.segment_code)) as name"
            f" from clusters left join playbook on {within} group by clusters.cluster order by clusters.cluster"
        )
        return [name for (name,) in found.fetchall()]


@pytest.mark.parametrize("seed", range(4))
def test_the_first_rule_that_a_cluster_satisfies_names_it(seed: int) -> None:
    generator = np.random.default_rng(seed)
    # Every value lies on a limit or beside one, or is unknown.
    values = [0.5, 0.999, 1.0, 1.5, 1.501, 2.999, 3.0, 4.2, None]
    clusters = pd.DataFrame(
        {name: generator.choice(np.array(values, dtype=object), 200) for name in MEASURES}
    ).astype(float)
    clusters["cluster"] = range(len(clusters))
    rules = playbook()
    if seed:
        # Any limits, in an order that is not that of the file.
        limits = [name for name in rules if name.startswith(("minimum_", "maximum_"))]
        rules[limits] = generator.choice(
            [0.5, 1.0, 1.5, 3.0] + [np.nan] * 24, (len(rules), len(limits))
        )
        rules["rule_order"] = [3, 1, 1, 2, 5]
    measures = [
        {name: value for name, value in row.items() if value == value}
        for row in clusters[list(MEASURES)].to_dict("records")
    ]
    found = segments_of(measures, read(rules))
    expected = names_by_sql(clusters, rules)
    assert [rule and rule.name_english for rule in found] == expected
    assert len(set(expected)) > 2


def test_measures_are_those_of_model_segments() -> None:
    inputs, matrices = periods([customers(seed=0)])
    fits = fit_periods(inputs, matrices.get, settings=SETTINGS)
    measures = cluster_measures(fits)
    at = fits.set_index(["cluster", "feature"])
    for cluster, one in enumerate(measures):
        money = at.loc[(cluster, "monetary")]
        assert one == {
            "frequency": at.loc[(cluster, "frequency")]["centroid"],
            "monetary_ratio": money["centroid"] / money["mean_customer"],
            "recency_ratio": at.loc[(cluster, "recency_days")]["centroid"]
            / at.loc[(cluster, "recency_days")]["mean_customer"],
            "monetary": money["centroid"],
            "recency_days": at.loc[(cluster, "recency_days")]["centroid"],
        }
    # Nothing is divided by a mean of 0.
    nothing = fits.assign(mean_customer=0.0)
    absolute = ["frequency", "monetary", "recency_days"]
    assert [list(one) for one in cluster_measures(nothing)] == [absolute] * 4


def test_the_study_calls_clusters_what_a_model_with_these_centroids_does() -> None:
    inputs, matrices = periods([customers(seed=0)])
    fits = fit_periods(inputs, matrices.get, settings=SETTINGS, playbook=RULES)
    codes = fits.drop_duplicates("cluster").set_index("cluster")["segment_code"]
    assert codes.is_unique
    assert set(codes) <= {rule.segment_code for rule in RULES}
    means = fits.pivot_table("centroid", "cluster", "feature").add_prefix("mean_").reset_index()
    sizes = fits.drop_duplicates("cluster").set_index("cluster")["cluster_rows"]
    clusters = means.assign(customers=means["cluster"].map(sizes), mean_review_score=1.0)
    # In whatever order they come.
    found = with_names(clusters.iloc[::-1], ["in_use_frequency"], rules=RULES, ranks=None)
    assert dict(zip(found["cluster"], found["segment_code"], strict=True)) == codes.to_dict()
    assert set(found["possible_names"]) == {4}
    # Who was made by satisfaction may be named by it.
    unhappy = with_names(clusters, ["other_average_review_score"], rules=RULES, ranks=None)
    assert set(unhappy["segment_code"]) == {"repeat", "big", "dissatisfied"}
    assert set(unhappy["possible_names"]) == {5}
    nothing = clusters.assign(mean_monetary=0.0)
    assert len(with_names(nothing, [], rules=RULES, ranks=None)) == 4
    assert set(with_names(clusters, [], rules=RULES, ranks={(7, 1, 1): "x"})["possible_names"]) == {
        7
    }


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({}, ""),
        (None, "Seed segment_playbook has no rule: no cluster can be named."),
        (
            {"name_english": "Newer one-time buyers"},
            "more than one segment whose name_english is 'Newer one-time buyers'",
        ),
        # Alike for a reader.
        ({"name_french": " gros acheteurs "}, "more than one segment whose name_french is"),
        ({"segment_code": "repeat"}, "more than one rule whose segment_code is 'repeat'"),
        ({"name_english": None}, "has a segment without name_english"),
        ({"name_french": "  "}, "has a segment without name_french"),
    ],
)
def test_a_playbook_that_cannot_name_segments_says_why(
    change: dict[str, str | None] | None, sentence: str
) -> None:
    rows = playbook()
    if change is None:
        rows = rows.head(0)
    else:
        rows.loc[4, list(change)] = list(change.values())
    problem = playbook_problem(read(rows))
    assert sentence in problem
    assert bool(problem) == bool(sentence)


def test_clusters_without_a_name_of_their_own_are_said() -> None:
    recent = {"frequency": 1.0, "monetary_ratio": 0.9, "recency_ratio": 0.5}
    measures = [recent, recent | {"frequency": 3.0}, recent, {"frequency": 1.0}, recent]
    assert naming_failure(measures[:2], segments_of(measures[:2], RULES)) == ""
    sentences = naming_failure(measures, segments_of(measures, RULES))
    assert sentences == (
        "Cluster 3 is no segment of seed segment_playbook (frequency 1.00)."
        " Clusters 0, 2 and 4 are all 'Newer one-time buyers'."
    )


def shop(*, seed: int = 1, frequency: float | None = None, money: float | None = None):
    """Return customers in days, orders and BRL, of a shop where everybody is alike in something."""
    X = customers(seed=seed, rows=2_000)
    if frequency is not None:
        X[:, 1] = frequency
        X[:, 2] *= np.where(X[:, 2] > 700, 1.0, 0.5)
    if money is not None:
        X[:, 2] = money
    return X


@pytest.mark.parametrize(
    ("alike", "cause", "n_clusters"),
    [
        ({"frequency": 1.0}, "frequency is the same for everybody.", 3),
        ({"money": 99.9}, "monetary is the same for everybody.", 3),
        (
            {"frequency": 1.0, "money": 99.9},
            "frequency and monetary are the same for everybody.",
            2,
        ),
    ],
)
def test_two_clusters_of_one_name_are_a_gate_and_the_mend_that_it_names_is_right(
    alike: dict[str, float], cause: str, n_clusters: int
) -> None:
    inputs, matrices = periods([shop(seed=seed, **alike) for seed in (1, 2)])
    fits = fit_periods(inputs, matrices.get, settings=SETTINGS, playbook=RULES)
    models = fits.drop_duplicates("model_id")
    assert not models["is_accepted"].any()
    for sentence in models["gate_failures"]:
        assert "one-time buyers'" in sentence
        assert cause in sentence
        assert f"Try n_clusters: {n_clusters}, which passes every gate" in sentence
    # Re-used, it says the same, and nobody reads a row.
    again = fit_periods(inputs, unread, settings=SETTINGS, playbook=RULES, previous=fits)
    pd.testing.assert_frame_equal(again, fits)
    mended = dataclasses.replace(SETTINGS, n_clusters=n_clusters)
    assert fit_periods(inputs, matrices.get, settings=mended, playbook=RULES)["is_accepted"].all()


def unread(as_of_date: object) -> np.ndarray:
    pytest.fail(f"the rows of {as_of_date} were read")


def other_playbook(number: int, **values: object) -> tuple[Rule, ...]:
    """Return the rules with other values in one of them."""
    rows = playbook()
    for column, value in values.items():
        rows.loc[number, column] = value
    return read(rows)


@pytest.mark.parametrize(
    ("settings", "rules"),
    [
        # Then fewer clusters do not pass.
        ({"minimum_silhouette": 0.95}, RULES),
        ({"smallest_cluster_share": 0.3}, RULES),
        ({"seed": 1}, RULES),
        ({"n_init": 2}, RULES),
        ({}, RULES[1:]),
        ({}, other_playbook(0, minimum_frequency=1.01)),
        ({}, other_playbook(1, name_english="Others")),
    ],
)
def test_what_mends_is_tried_again_when_a_gate_a_rule_or_the_fit_changes(
    settings: dict[str, float], rules: tuple[Rule, ...]
) -> None:
    inputs, matrices = periods([shop(seed=seed, frequency=1.0) for seed in (1, 2)])
    before = fit_periods(inputs, matrices.get, settings=SETTINGS, playbook=RULES)
    # What is taken over without being tried is told by this.
    marked = before.assign(repair=" Wish for better ones.")
    kept = fit_periods(inputs, unread, settings=SETTINGS, playbook=RULES, previous=marked)
    assert kept["gate_failures"].str.endswith("Wish for better ones.").all()
    given = {"settings": dataclasses.replace(SETTINGS, **settings), "playbook": rules}
    found = fit_periods(inputs, matrices.get, previous=marked, **given)
    pd.testing.assert_frame_equal(found, fit_periods(inputs, matrices.get, **given))
    # Other rows, too, of the one date that has them.
    changed = inputs.assign(fit_fingerprint=["rows of another day", *inputs["fit_fingerprint"][1:]])
    found = fit_periods(changed, matrices.get, settings=SETTINGS, playbook=RULES, previous=marked)
    wishes = found.groupby("as_of_date")["gate_failures"].first().str.contains("Wish")
    assert wishes.tolist() == [False, True]


def test_a_feature_that_is_alike_for_everybody_need_not_be_left_out() -> None:
    # Leaving it out gives the very same clusters, so the message does not advise it.
    X = shop(frequency=1.0)
    inputs, matrices = periods([X])
    without = dataclasses.replace(SETTINGS, features=("recency_days", "monetary"))
    fits = fit_periods(
        inputs, lambda day: matrices[day][:, [0, 2]], settings=without, playbook=RULES
    )
    assert not fits["is_accepted"].any()
    assert "are both" in fits["gate_failures"][0]


def test_a_fit_without_names_is_no_reference_and_does_not_hold_up_the_next() -> None:
    inputs, matrices = periods([customers(seed=0), shop(frequency=1.0), customers(seed=2)])
    fits = fit_periods(inputs, matrices.get, settings=SETTINGS, playbook=RULES)
    models = fits.drop_duplicates("model_id").sort_values("as_of_date", ignore_index=True)
    assert models["is_accepted"].tolist() == [True, False, True]
    assert models["reference_model_id"][2] == models["model_id"][0]
    # Without a playbook names are not looked at.
    fits = fit_periods(inputs, matrices.get, settings=SETTINGS)
    assert fits["is_accepted"].all()


def names_by_number(fits: pd.DataFrame) -> list[list[str]]:
    return [
        [rule.segment_code for rule in segments_of(cluster_measures(rows), RULES)]
        for _, rows in fits.groupby("as_of_date")
    ]


def test_a_number_keeps_its_name_where_the_nearest_centroid_has_another() -> None:
    # Those who order more than once spend now what the big spenders did, and these order more often.
    later = customers(seed=2)
    big, repeat = later[:, 2] > 700, later[:, 1] > 1.6
    later[repeat] += [0, -0.6, 840]
    later[big] += [0, 0.4, -500]
    inputs, matrices = periods([customers(seed=1), later])
    first, second = names_by_number(fit_periods(inputs, matrices.get, settings=SETTINGS))
    assert first != second
    fits = fit_periods(inputs, matrices.get, settings=SETTINGS, playbook=RULES)
    assert fits["is_accepted"].all()
    first, second = names_by_number(fits)
    assert first == second
    assert set(first) == {"recent", "lapsed", "big", "repeat"}


def test_a_segment_that_takes_the_place_of_another_is_a_gate() -> None:
    dear = customers(seed=2)
    # The few who spend much spend less now: two or three times the mean.
    dear[:, 2] = np.where(dear[:, 2] > 700, 330 + dear[:, 2] / 50, dear[:, 2])
    rows = playbook()
    middling = rows.iloc[1].to_dict() | {
        "segment_code": "middling",
        "rule_order": 3,
        "minimum_monetary_ratio": 1.9,
        "name_english": "Middling spenders",
        "name_french": "Acheteurs moyens",
    }
    rules = read(pd.concat([rows, pd.DataFrame([middling])], ignore_index=True))
    settings = dataclasses.replace(SETTINGS, minimum_silhouette=0.0)
    inputs, matrices = periods([customers(seed=1), dear])
    fits = fit_periods(inputs, matrices.get, settings=settings, playbook=rules)
    accepted = fits.groupby("as_of_date")["is_accepted"].first().tolist()
    assert accepted == [True, False]
    sentence = fits["gate_failures"].iloc[-1]
    assert "It has 'Middling spenders' in place of 'Big spenders' in the accepted model" in sentence
    assert "begin at a later first_as_of_date" in sentence
    # Which helps: without the model before, the same fit is accepted.
    alone = fit_periods(inputs.tail(1), matrices.get, settings=settings, playbook=rules)
    assert alone["is_accepted"].all()
