"""Figures of README and docs/results.md are those of the tables, on the real data."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import PROJECT, query

LATEST = "(select max(as_of_date) from segmentation.segment_profiles)"
# What the pages say, and the query whose row fills it in.
SENTENCES = [
    (
        "{:,} people, {:,} orders, {:,.2f} BRL paid",
        "select (select count(*) from marts.customers), count(*), sum(payment_value) from marts.orders",
    ),
    (
        "{:.3f} (newer), {:.3f} (older), {:.3f} (big spenders) and {:.3f} (repeat)",
        "select max(mean_jaccard) filter (where cluster = 0), max(mean_jaccard) filter (where cluster = 1),"
        " max(mean_jaccard) filter (where cluster = 2), max(mean_jaccard) filter (where cluster = 3)"
        " from segmentation.cluster_stability where is_chosen and algorithm = 'kmeans' and feature_set = 'in_use'",
    ),
    (
        "it is {:.3f}, {:.3f}, {:.3f} and {:.3f}; the mean silhouette is {:.3f} there and {:.3f} here",
        "select max(null_jaccard) filter (where cluster = 0), max(null_jaccard) filter (where cluster = 1),"
        " max(null_jaccard) filter (where cluster = 2), max(null_jaccard) filter (where cluster = 3),"
        " any_value(comparison.null_silhouette), any_value(comparison.silhouette)"
        " from segmentation.cluster_stability as stability"
        " inner join segmentation.model_comparison as comparison using (candidate_id)"
        " where comparison.is_chosen and comparison.algorithm = 'kmeans' and comparison.feature_set = 'in_use'",
    ),
    (
        'the verdict is "{}" for all four',
        "select string_agg(distinct verdict, ', ') from segmentation.cluster_stability"
        " where is_chosen and algorithm = 'kmeans' and feature_set = 'in_use'",
    ),
    (
        "two have the best silhouette ({:.3f}) and only tell repeat buyers from the rest; five have a better one than"
        " four ({:.3f}) and a cluster with {:.1f} % of the customers",
        "select max(silhouette) filter (where n_clusters = 2), max(silhouette) filter (where n_clusters = 5),"
        " 100 * max(smallest_cluster_share) filter (where n_clusters = 5) from segmentation.model_comparison"
        " where algorithm = 'kmeans' and feature_set = 'in_use'",
    ),
    (
        "one start on random customers {:.0f} % worse on average",
        "select max(excess_percent) from segmentation.optimiser_budget where n_clusters = 4",
    ),
    (
        "(mean Jaccard {:.3f}), but cuts along recency (silhouette {:.3f})",
        "select mean_jaccard, silhouette from segmentation.model_comparison"
        " where algorithm = 'spectral' and feature_set = 'in_use' and n_clusters = 4",
    ),
    (
        "nothing independent by more than a Cliff's delta of {:.2f}",
        "select max(abs(effect)) from segmentation.segment_separation where origin = 'independent'"
        " and segment_code_a in ('recent', 'lapsed') and segment_code_b in ('recent', 'lapsed')",
    ),
    (
        "buy computers ({:.1f} % of them, {:.1f} % overall)",
        "select 100 * share_in_segment, 100 * share_overall from segmentation.segment_traits"
        " where segment_code = 'big' and trait = 'product_category' and value = 'computers'",
    ),
    (
        "({:.0f} % in more than six, {:.0f} % overall)",
        "select 100 * share_in_segment, 100 * share_overall from segmentation.segment_traits"
        " where segment_code = 'big' and trait = 'payment_installments' and value like '%above 6'",
    ),
    (
        "{:.1f} % of the reviews of big spenders are 1 or 2, against {:.1f} % of all."
        " Of those of repeat buyers {:.1f} %",
        "select 100 * max(share_in_segment) filter (where segment_code = 'big'), 100 * max(share_overall),"
        " 100 * max(share_in_segment) filter (where segment_code = 'repeat') from segmentation.segment_traits"
        " where trait = 'review_of_an_order' and value = '1 or 2'",
    ),
    (
        "a low *mean* score ({:.1f} %)",
        "select 100 * share_in_segment from segmentation.segment_traits"
        " where segment_code = 'repeat' and trait = 'review_score' and value like '%up to 2' and value like '1.%'",
    ),
    (
        "{:.2f} % of the customers ordered again: repeat buyers {:.2f} % ({} of {:,}; 95 % interval {:.2f} to {:.2f}),"
        " newer one-time buyers {:.2f} %, older ones {:.2f} %, big spenders {:.2f} % ({} of {:,}; {:.2f} to {:.2f})",
        "select 100.0 * sum(customers_ordering) over () / sum(customers) over (), 100 * ordering_share,"
        " customers_ordering, customers, 100 * share_low, 100 * share_high, 100 * recent, 100 * lapsed, 100 * big,"
        " big_ordering, big_customers, 100 * big_low, 100 * big_high"
        " from segmentation.segment_outcomes_pooled cross join ("
        " select max(ordering_share) filter (where segment_code = 'recent') as recent,"
        " max(ordering_share) filter (where segment_code = 'lapsed') as lapsed,"
        " max(ordering_share) filter (where segment_code = 'big') as big,"
        " max(customers_ordering) filter (where segment_code = 'big') as big_ordering,"
        " max(customers) filter (where segment_code = 'big') as big_customers,"
        " max(share_low) filter (where segment_code = 'big') as big_low,"
        " max(share_high) filter (where segment_code = 'big') as big_high"
        " from segmentation.segment_outcomes_pooled where horizon_days = 90)"
        " where horizon_days = 90 qualify segment_code = 'repeat'",
    ),
    (
        "its segments (AUC {:.3f}) are worth as much as two orders, 500 BRL and 180 days, limits that nobody fitted"
        " ({:.3f}; difference {:.3f}, 95 % interval {:.3f} to {:.3f}), and no more than days since the last order alone"
        " ({:.3f}) or RFM boxes ({:.3f}); spectral clustering says a little more ({:.3f})",
        "select max(auc) filter (where alternative = 'kmeans'), max(auc) filter (where alternative = 'thresholds'),"
        " max(auc_difference) filter (where alternative = 'thresholds'),"
        " max(auc_difference_low) filter (where alternative = 'thresholds'),"
        " max(auc_difference_high) filter (where alternative = 'thresholds'),"
        " max(auc) filter (where alternative = 'recency_days'), max(auc) filter (where alternative = 'rfm_boxes'),"
        " max(auc) filter (where alternative = 'spectral') from segmentation.segmentation_alternatives",
    ),
    (
        "its four groups hold {:.0f} % of the variance of the features, plain limits {:.0f} %",
        "select 100 * max(explained_variance_share) filter (where alternative = 'kmeans'),"
        " 100 * max(explained_variance_share) filter (where alternative = 'thresholds')"
        " from segmentation.segmentation_alternatives",
    ),
    (
        "would need {:,} customers to show a fifth more orders within 90 days, and has {:,} (as of 2018-06-01",
        "select customers_needed, treated_customers + control_customers from segmentation.control_outcomes"
        " where as_of_date = '2018-06-01' and horizon_days = 90 and segment_code = 'repeat'",
    ),
]
BORDERS = {"recent": "cut", "lapsed": "cut", "big": "tail", "repeat": "gap"}


def text_of(name: str) -> str:
    """Return a page without its line breaks."""
    return " ".join((PROJECT / name).read_text(encoding="utf-8").split())


@pytest.mark.real
@pytest.mark.parametrize(("sentence", "select"), SENTENCES, ids=[s for s, _ in SENTENCES])
def test_a_figure_of_the_results_is_that_of_the_tables(
    real_database: Path, sentence: str, select: str
) -> None:
    [row] = query(real_database, select)
    assert sentence.format(*row) in text_of("docs/results.md")


@pytest.mark.real
@pytest.mark.parametrize("page", ["README.md", "docs/results.md"])
def test_the_table_of_segments_is_that_of_the_database(real_database: Path, page: str) -> None:
    rows = query(
        real_database,
        "select profiles.segment_name, rule, profiles.customers, 100 * customer_share, 100 * revenue_share,"
        " mean_average_review_score, 100 * pooled.ordering_share from segmentation.segment_profiles as profiles"
        " inner join segmentation.segment_outcomes_pooled as pooled using (segment_code)"
        f" where as_of_date = {LATEST} and horizon_days = 90 order by profiles.customers desc",
    )
    lines = [
        "| {} | {} | {:,} ({:.1f} %) | {:.1f} % | {:.2f} | {:.2f} % |".format(*row) for row in rows
    ]
    assert len(lines) == 4
    assert "\n".join(lines) in (PROJECT / page).read_text(encoding="utf-8")


@pytest.mark.real
def test_only_the_repeat_buyers_are_a_group(real_database: Path) -> None:
    found = query(
        real_database,
        "select segment_code, border from segmentation.cluster_stability"
        " inner join segmentation.segment_profiles using (cluster)"
        " where is_chosen and algorithm = 'kmeans' and feature_set = 'in_use'"
        f" and segment_profiles.as_of_date = {LATEST}",
    )
    assert dict(found) == BORDERS


@pytest.mark.real
def test_what_the_readme_says_in_words(real_database: Path) -> None:
    [(times_money, is_least_satisfied, is_least_likely, times_back, fidelity, models)] = query(
        real_database,
        f"""
        with latest as (select * from segmentation.segment_profiles where as_of_date = {LATEST}),
        pooled as (select * from segmentation.segment_outcomes_pooled where horizon_days = 90)
        select
            (select revenue_share / customer_share from latest where segment_code = 'big'),
            (select arg_min(segment_code, mean_average_review_score) = 'big' from latest),
            (select arg_min(segment_code, ordering_share) = 'big' from pooled),
            (select lift from pooled where segment_code = 'repeat'),
            (select any_value(fidelity) from segmentation.segment_rules where model_id =
                (select model_id from segmentation.period_models order by as_of_date desc limit 1)),
            (select count(distinct model_id) from segmentation.period_models)
        """,
    )
    assert round(times_money) == 7
    assert is_least_satisfied
    assert is_least_likely
    assert 3 < times_back < 4
    assert f"{fidelity:.1%}".replace("%", " %") in text_of("README.md")
    assert models == 7
