"""Which segment a cluster is: the rules of seed segment_playbook, and the gate that a fit's names must pass."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

# Measure of a centroid, as seed segment_playbook calls it: the feature that it comes from, and whether it is relative
# to the mean customer.
MEASURES = {
    "frequency": ("frequency", False),
    "monetary_ratio": ("monetary", True),
    "recency_ratio": ("recency_days", True),
    "review_score": ("average_review_score", False),
    "monetary": ("monetary", False),
    "recency_days": ("recency_days", False),
}
REVIEWS = "review_score"
NAMES = ("segment_code", "name_english", "name_french")
# Measures that differ less are the same.
TIE_DECIMALS = 9
# Code of a segment by number of clusters, tier and place in it: seed segment_ranks.
Ranks = Mapping[tuple[int, int, int], str]


@dataclasses.dataclass(frozen=True, eq=False)
class Rule:
    """A row of seed segment_playbook: a segment, and what its centroid is like.

    Attributes
    ----------
    segment_code, name_english, name_french : str
    minimum, maximum : mapping of str to float
        Limits by measure: at least, and below. A measure without a limit may be anything.
    """

    segment_code: str
    name_english: str
    name_french: str
    minimum: Mapping[str, float]
    maximum: Mapping[str, float]

    def fits(self, measures: Mapping[str, float | None]) -> bool:
        """Say whether a centroid satisfies every limit; a measure that it lacks satisfies none."""
        values = {name: measures.get(name) for name in self.minimum.keys() | self.maximum.keys()}
        return all(
            value is not None
            and value >= self.minimum.get(name, -float("inf"))
            and value < self.maximum.get(name, float("inf"))
            for name, value in values.items()
        )


def rules_from(playbook: pd.DataFrame, labels: pd.DataFrame) -> tuple[Rule, ...]:
    """Read the seeds of the rules and of their names, in the order in which the rules are tried.

    Parameters
    ----------
    playbook : DataFrame
        Seed segment_playbook: segment_code, rule_order and the limits.
    labels : DataFrame
        Seed segment_labels: segment_code, language (en, fr), name.
    """
    ordered = playbook.sort_values(["rule_order", "segment_code"])
    names = {(row.segment_code, row.language): row.name for row in labels.itertuples(index=False)}
    rules = []
    for row in ordered.to_dict("records"):
        code = row["segment_code"]
        code_text, english, french = (
            "" if pd.isna(text) else str(text)
            for text in (code, names.get((code, "en")), names.get((code, "fr")))
        )
        rules.append(
            Rule(
                segment_code=code_text,
                name_english=english,
                name_french=french,
                minimum=_limits(row, "minimum"),
                maximum=_limits(row, "maximum"),
            )
        )
    return tuple(rules)


def _limits(row: Mapping[str, Any], end: str) -> dict[str, float]:
    limits = {name: row[f"{end}_{name}"] for name in MEASURES}
    return {name: float(value) for name, value in limits.items() if not pd.isna(value)}


def playbook_problem(rules: Sequence[Rule]) -> str:
    """Say in a sentence why no segment can be named by these rules; empty when they can be."""
    if not rules:
        return "Seed segment_playbook has no rule: no cluster can be named."
    for name in NAMES:
        seed, thing = (
            ("segment_playbook", "rule")
            if name == "segment_code"
            else ("segment_labels", "segment")
        )
        texts = [getattr(rule, name).strip().casefold() for rule in rules]
        if "" in texts:
            return f"Seed {seed} has a {thing} without {name}: give it one."
        for rule, text in zip(rules, texts, strict=True):
            if texts.count(text) > 1:
                return (
                    f"Seed {seed} has more than one {thing} whose {name} is"
                    f" '{getattr(rule, name)}': give each one its own."
                )
    return ""


def cluster_measures(centroids: pd.DataFrame) -> list[dict[str, float]]:
    """Measure the centroids of a model as the rules do.

    Parameters
    ----------
    centroids : DataFrame with columns cluster, feature, centroid and mean_customer
        Of a single model, in the features' own units.

    Returns
    -------
    list of dict of str to float
        Of each cluster, by number: orders, money and days, the two relative to the mean customer,
        mean review score; without those that are no feature or would be divided by 0.
    """
    found = []
    for _, cluster in centroids.groupby("cluster", sort=True):
        at = {row.feature: row for row in cluster.itertuples(index=False)}
        measures = {}
        for name, (feature, is_relative) in MEASURES.items():
            row = at.get(feature)
            if row is None or (is_relative and row.mean_customer == 0):
                continue
            measures[name] = row.centroid / row.mean_customer if is_relative else row.centroid
        found.append(measures)
    return found


def segments_of(
    measures: Sequence[Mapping[str, float]], rules: Sequence[Rule]
) -> list[Rule | None]:
    """Return the first rule that each cluster satisfies, None where there is none."""
    return [next((rule for rule in rules if rule.fits(one)), None) for one in measures]


def named_clusters(
    measures: Sequence[Mapping[str, float]], rules: Sequence[Rule], ranks: Ranks | None
) -> list[Rule | None]:
    """Return the segment of each cluster of a model: by its rank where there are ranks, else by its limits.

    Parameters
    ----------
    measures : sequence of mapping
        Of each cluster, by number; see `cluster_measures`.
    rules : sequence of Rule
    ranks : mapping, optional
        As `ranks_from` gives them.
    """
    return segments_by_rank(measures, rules, ranks) if ranks else segments_of(measures, rules)


def codes_of(segments: Sequence[Rule | None]) -> list[str | None]:
    """Return the code of each segment, None where there is none."""
    return [one.segment_code if one else None for one in segments]


def possible_names(rules: Sequence[Rule], ranks: Ranks | None, *, by_reviews: bool) -> int:
    """Count the names that clusters can have: by ranks, by the rules, or by those that ask for no review score.

    Parameters
    ----------
    rules : sequence of Rule
    ranks : mapping, optional
        As `ranks_from` gives them.
    by_reviews : bool
        Whether the clusters were made by the review score too.
    """
    if ranks:
        return max(n_clusters for n_clusters, _, _ in ranks)
    return sum(by_reviews or REVIEWS not in {*one.minimum, *one.maximum} for one in rules)


def ranks_from(ranks: pd.DataFrame) -> Ranks:
    """Read seed segment_ranks.

    Parameters
    ----------
    ranks : DataFrame with columns n_clusters, tier, place, segment_code
    """
    return {
        (int(row.n_clusters), int(row.tier), int(row.place)): str(row.segment_code)
        for row in ranks.itertuples(index=False)
    }


def segments_by_rank(
    measures: Sequence[Mapping[str, float]], rules: Sequence[Rule], ranks: Ranks
) -> list[Rule | None]:
    """Return the segment of each cluster by its rank among them, None where there is none.

    Two clusters make a tier, those with the smallest sums of their ranks of money and of orders first;
    of the two, that with fewer days since the last purchase. What differs by rounding only is a tie: the number of a
    cluster decides where all measures are the same, and nowhere else.

    Parameters
    ----------
    measures : sequence of mapping
        Of each cluster, as `cluster_measures` gives them.
    rules : sequence of Rule
        The segments that there are; their limits are not looked at.
    ranks : mapping
        As `ranks_from` gives them.
    """
    count = len(measures)
    by_code = {rule.segment_code: rule for rule in rules}

    def rounded(name: str) -> list[float]:
        return [round(one.get(name, 0.0), TIE_DECIMALS) for one in measures]

    def ranks_of(values: Sequence[float]) -> list[int]:
        # Of equal ones each has the best rank.
        return [sum(other > value for other in values) for value in values]

    money, orders = ranks_of(rounded("monetary_ratio")), ranks_of(rounded("frequency"))
    days = rounded("recency_ratio")
    by_value = sorted(
        range(count), key=lambda one: (money[one] + orders[one], money[one], days[one], one)
    )
    found: list[Rule | None] = [None] * count
    for first in range(0, count, 2):
        pair = sorted(
            by_value[first : first + 2],
            key=lambda one: (days[one], money[one], orders[one], one),
        )
        for place, cluster in enumerate(pair, start=1):
            code = ranks.get((count, first // 2 + 1, place), "")
            found[cluster] = by_code.get(code)
    return found


def naming_failure(measures: Sequence[Mapping[str, float]], segments: Sequence[Rule | None]) -> str:
    """Say in sentences which clusters have no name, or one name; empty when each has its own.

    Parameters
    ----------
    measures : sequence of mapping
        Of each cluster, as `cluster_measures` gives them.
    segments : sequence of Rule or None
        As `segments_of` gives them.

    Returns
    -------
    str
    """
    failures = []
    for cluster, (one, segment) in enumerate(zip(measures, segments, strict=True)):
        if segment is None:
            values = ", ".join(f"{name} {value:.2f}" for name, value in one.items())
            failures.append(f"Cluster {cluster} is no segment of seed segment_playbook ({values}).")
    for segment in dict.fromkeys(segment for segment in segments if segment):
        clusters = [str(number) for number, one in enumerate(segments) if one == segment]
        if len(clusters) > 1:
            numbers = f"{', '.join(clusters[:-1])} and {clusters[-1]}"
            both = "both" if len(clusters) == 2 else "all"
            failures.append(f"Clusters {numbers} are {both} '{segment.name_english}'.")
    return " ".join(failures)
