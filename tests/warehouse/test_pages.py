"""Figures of README and docs/results.md are those of the tables, on the real data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from conftest import PROJECT, query
from customer_segmentation.cluster import fit_kmeans
from customer_segmentation.measure import bootstrap_stability, kmeans_refit

LATEST = "(select max(as_of_date) from segmentation.segment_profiles)"
# What the pages say, and the query whose row fills it in.
SENTENCES = [
    (
        "{:,} people, {:,} orders, {:,.2f} BRL of revenue",
        "select (select count(*) from marts.customers), count(*), sum(order_value) from marts.orders",
    ),
    (
        "{:.3f} (newer), {:.3f} (older), {:.3f} (big spenders) and {:.3f} (repeat)",
        "select max(mean_jaccard) filter (where cluster = 0), max(mean_jaccard) filter (where cluster = 1),"
        " max(mean_jaccard) filter (where cluster = 2), max(mean_jaccard) filter (where cluster = 3)"
        " from segmentation.cluster_stability where is_chosen and algorithm = 'kmeans' and feature_set = 'in_use'",
    ),
    (
        "it is {:.3f}, {:.3f}, {:.3f} and {:.3f}; the mean silhouette is {:.3f} there and {:.3f} here, with a standard"
        " error of {:.3f}",
        "select max(null_jaccard) filter (where cluster = 0), max(null_jaccard) filter (where cluster = 1),"
        " max(null_jaccard) filter (where cluster = 2), max(null_jaccard) filter (where cluster = 3),"
        " any_value(comparison.null_silhouette), any_value(comparison.silhouette),"
        " any_value(comparison.excess_silhouette_standard_error)"
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
        "{:.0f} of {} single starts by k-means++ find the best cut within 0.1 %, and {:.0f} of {} on random customers,"
        " of which even ten together miss it in {:.0f} of 100 cases, or in as many as {:.0f}, for {} starts say"
        " no more",
        "select max(starts * good_start_share) filter (where init = 'k-means++'), max(starts),"
        " max(starts * good_start_share) filter (where init = 'random'), max(starts),"
        " 100 * max(missed_share) filter (where init = 'random' and n_init = 10),"
        " 100 * max(missed_share_high) filter (where init = 'random' and n_init = 10), max(starts)"
        " from segmentation.optimiser_budget where n_clusters = 4 and max_iter = 300",
    ),
    (
        "too few for a verdict (mean Jaccard {:.3f}), but cuts along recency (silhouette {:.3f})",
        "select mean_jaccard, silhouette from segmentation.model_comparison"
        " where algorithm = 'spectral' and feature_set = 'in_use' and n_clusters = 4",
    ),
    (
        "no independent number by more than a Cliff's delta of {:.2f}",
        "select max(abs(effect)) from segmentation.segment_separation where origin = 'independent'"
        " and segment_code_a in ('recent', 'lapsed') and segment_code_b in ('recent', 'lapsed')",
    ),
    (
        "{:.0f} % of either would need another main category, and {:.0f} % another state",
        "with apart as (select trait, 50 * sum(abs(newer.share_in_segment - older.share_in_segment)) as percent"
        " from segmentation.segment_traits as newer inner join segmentation.segment_traits as older"
        " using (trait, value) where newer.segment_code = 'recent' and older.segment_code = 'lapsed'"
        " and newer.origin = 'independent' group by trait order by percent desc limit 2)"
        " select max(percent) filter (where trait = 'product_category'), max(percent) filter (where trait = 'state')"
        " from apart",
    ),
    (
        "Computers are the main category of {:.1f} % of the big spenders and of {:.1f} % overall",
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
        "a mean Jaccard of {:.3f} or more, with permuted columns of {:.3f}; the silhouette is {:.3f}, and {:.3f} there."
        ' The verdict is "{}" for all five',
        "select min(stability.mean_jaccard), min(null_jaccard), any_value(comparison.silhouette),"
        " any_value(comparison.null_silhouette), string_agg(distinct verdict, ', ')"
        " from segmentation.cluster_stability as stability"
        " inner join segmentation.model_comparison as comparison using (candidate_id)"
        " where comparison.is_chosen and comparison.feature_set = 'rfm_satisfaction' and comparison.n_clusters = 5",
    ),
    (
        "the border between newer and older lay at {:.0f} to {:.0f} days",
        "select min(below_recency_days) - 1, max(below_recency_days) - 1 from segmentation.period_models"
        " inner join segmentation.segment_rules using (model_id) where segment_code = 'recent'"
        " and period_models.as_of_date in (select as_of_date from segmentation.segment_outcomes"
        " where is_pooled and horizon_days = 90)",
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
        "cut at any age from 30 to 300 days, the newer come back {:.1f} to {:.1f} times as often",
        "with customers as (select segments.as_of_date, recency_days, later.customer_unique_id is not null as came_back"
        " from segmentation.customer_segments as segments inner join marts.rfm using (as_of_date, customer_unique_id)"
        " left join segmentation_work.later_orders as later on segments.as_of_date = later.as_of_date"
        " and segments.customer_unique_id = later.customer_unique_id and horizon_days = 90"
        " where segments.segment_code in ('recent', 'lapsed') and segments.as_of_date in ("
        " select as_of_date from segmentation.segment_outcomes where is_pooled and horizon_days = 90)),"
        " cuts as (select avg(came_back::int) filter (where recency_days <= days)"
        " / avg(came_back::int) filter (where recency_days > days) as times"
        " from customers cross join (select unnest(range(30, 301)) as days) group by days)"
        " select min(times), max(times) from cuts",
    ),
    (
        "come back {:.1f} times as often as all customers of the same dates",
        "select lift_at_same_dates from segmentation.segment_outcomes_pooled"
        " where segment_code = 'repeat' and horizon_days = 90",
    ),
    (
        "its segments (AUC {:.3f}) are worth as much as two orders, 500 BRL and 180 days, round limits that nobody"
        " fitted ({:.3f}; difference {:.3f}, 95 % interval {:.3f} to {:.3f}), and no more than days since the last"
        " order alone ({:.3f}) or RFM boxes ({:.3f}); spectral clustering says a little more ({:.3f}), and most a rule"
        " of one line: repeat buyers first, then whoever ordered last ({:.3f}; difference {:.3f}, {:.3f} to {:.3f})",
        "select max(auc) filter (where alternative = 'kmeans'), max(auc) filter (where alternative = 'thresholds'),"
        " max(auc_difference) filter (where alternative = 'thresholds'),"
        " max(auc_difference_low) filter (where alternative = 'thresholds'),"
        " max(auc_difference_high) filter (where alternative = 'thresholds'),"
        " max(auc) filter (where alternative = 'recency_days'), max(auc) filter (where alternative = 'rfm_boxes'),"
        " max(auc) filter (where alternative = 'spectral'),"
        " max(auc) filter (where alternative = 'repeat_then_recency'),"
        " max(auc_difference) filter (where alternative = 'repeat_then_recency'),"
        " max(auc_difference_low) filter (where alternative = 'repeat_then_recency'),"
        " max(auc_difference_high) filter (where alternative = 'repeat_then_recency')"
        " from segmentation.segmentation_alternatives",
    ),
    (
        "its four groups hold {:.0f} % of the variance of the features, plain limits {:.0f} %. By the silhouette even"
        " these are ahead ({:.3f} against {:.3f})",
        "select 100 * max(explained_variance_share) filter (where alternative = 'kmeans'),"
        " 100 * max(explained_variance_share) filter (where alternative = 'thresholds'),"
        " max(silhouette) filter (where alternative = 'thresholds'),"
        " max(silhouette) filter (where alternative = 'kmeans')"
        " from segmentation.segmentation_alternatives",
    ),
    (
        "would need {:,} customers to show a fifth more orders within 90 days (a tenth of them control group,"
        " two-sided test of 5 %, power 80 %), and has {:,} (as of 2018-06-01",
        "select customers_needed, treated_customers + control_customers from segmentation.control_outcomes"
        " where as_of_date = '2018-06-01' and horizon_days = 90 and segment_code = 'repeat'",
    ),
    (
        "{} of the {} differences of that table have an interval without 0",
        "select count(*) filter (where difference_low > 0 or difference_high < 0), count(*)"
        " from segmentation.control_outcomes",
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
def test_only_the_repeat_buyers_are_set_apart(real_database: Path) -> None:
    found = query(
        real_database,
        "select segment_code, border from segmentation.cluster_stability"
        " inner join segmentation.segment_profiles using (cluster)"
        " where is_chosen and algorithm = 'kmeans' and feature_set = 'in_use'"
        f" and segment_profiles.as_of_date = {LATEST}",
    )
    assert dict(found) == BORDERS


@pytest.mark.real
def test_what_the_pages_say_in_words(real_database: Path) -> None:
    [(times_money, is_least_satisfied, lowest_times_back, highest_times_back, fidelity, models)] = (
        query(
            real_database,
            f"""
        with latest as (select * from segmentation.segment_profiles where as_of_date = {LATEST}),
        dates as (select * from segmentation.segment_outcomes where horizon_days = 90 and is_pooled)
        select
            (select revenue_share / customer_share from latest where segment_code = 'big'),
            (select arg_min(segment_code, mean_average_review_score) = 'big' from latest),
            (select min(lift) from dates where segment_code = 'repeat'),
            (select lift_at_same_dates from segmentation.segment_outcomes_pooled
                where segment_code = 'repeat' and horizon_days = 90),
            (select cast(sum(agreed_customers) as double) / sum(segment_customers)
                from segmentation_work.segment_rules_in_force where as_of_date = {LATEST}),
            (select count(distinct model_id) from segmentation.period_models)
        """,
        )
    )
    assert round(times_money) == 7
    assert is_least_satisfied
    assert 3 < lowest_times_back <= highest_times_back < 4
    for page in ("README.md", "docs/results.md", "docs/marketers.md"):
        assert f"{fidelity:.1%}".replace("%", " %") in text_of(page)
    assert models == 7


@pytest.mark.real
def test_big_spenders_are_not_told_from_older_one_time_buyers(real_database: Path) -> None:
    pooled = {
        code: row
        for code, *row in query(
            real_database,
            "select segment_code, ordering_share, share_low, share_high"
            " from segmentation.segment_outcomes_pooled where horizon_days = 90",
        )
    }
    share, low, high = pooled["big"]
    assert share < pooled["lapsed"][0] < high < pooled["recent"][1]
    assert low < pooled["lapsed"][1]
    lowest = query(
        real_database,
        "select arg_min(segment_code, ordering_share) from segmentation.segment_outcomes"
        " where horizon_days = 90 and is_pooled group by as_of_date",
    )
    assert [code for (code,) in lowest].count("big") == 5 - 3
    assert query(
        real_database,
        "select verdict from segmentation.segmentation_criteria"
        " where criterion = 'responsive' and segment_code = 'big'",
    ) == [("holds partly",)]


@pytest.mark.real
def test_no_number_of_clusters_exceeds_permuted_columns_by_more_than_chance(
    real_database: Path,
) -> None:
    rows = query(
        real_database,
        "select excess_silhouette, excess_silhouette_standard_error from segmentation.model_comparison"
        " where algorithm = 'kmeans' and feature_set = 'in_use' and n_clusters in (2, 5)",
    )
    assert len(rows) == 2
    assert all(excess < error for excess, error in rows)


@pytest.mark.real
def test_what_the_marketers_page_says_of_movements_and_of_new_fits(real_database: Path) -> None:
    rows = query(
        real_database,
        "select sum(customers) filter (where from_segment_code = 'recent' and to_segment_code = 'lapsed')"
        " / sum(customers) from segmentation.segment_migrations where from_segment_code != to_segment_code"
        " group by as_of_date",
    )
    assert len(rows) > 12
    assert all(share > 0.5 for (share,) in rows)
    assert query(
        real_database,
        "select distinct recommended_low, recommended_high from maintenance.refresh_policy where cadence = 'refit'",
    ) == [(2, 3)]
    page = text_of("docs/marketers.md")
    assert "most of those who moved in three months did nothing" in page
    assert "the model a new fit every two to three" in page


@pytest.mark.real
def test_ten_starts_are_enough_for_the_numbers_that_the_page_names(real_database: Path) -> None:
    rows = query(
        real_database,
        "select n_clusters from segmentation.optimiser_budget where is_enough and init = 'k-means++' and n_init = 10"
        " and max_iter = 300 order by 1",
    )
    assert rows == [(3,), (4,), (6,)]
    assert (
        "Ten by k-means++ are enough for three, four and six clusters; for two, five and from seven on"
        in text_of("docs/results.md")
    )


@pytest.mark.real
def test_ages_drawn_evenly_are_cut_as_surely_as_those_of_customers(real_database: Path) -> None:
    [(customers, youngest, oldest)] = query(
        real_database,
        "select count(*), min(recency_days), max(recency_days) from marts.rfm where as_of_date = '2018-08-01'",
    )
    ages = np.random.default_rng(0).integers(youngest, oldest, size=customers, endpoint=True)
    X = ages[:, None].astype(float)
    stability = bootstrap_stability(
        X,
        fit_kmeans(X, n_clusters=2, seed=0).labels,
        kmeans_refit(n_clusters=2),
        resamples=50,
        seed=0,
    )
    similarity = stability.clusters["mean_jaccard"].min()
    assert f"cut in two come back with a Jaccard of {similarity:.3f}" in text_of("docs/results.md")


@pytest.mark.real
def test_intervals_hold_when_people_are_resampled(real_database: Path) -> None:
    """A person counts at several dates; rows are no independent draws, people are."""
    found = np.array(
        query(
            real_database,
            "with dates as (select distinct as_of_date from segmentation.segment_outcomes"
            " where is_pooled and horizon_days = 90)"
            " select count(*), count(later.customer_unique_id)"
            " from segmentation.customer_segments as segments inner join dates using (as_of_date)"
            " left join segmentation_work.later_orders as later on segments.as_of_date = later.as_of_date"
            " and segments.customer_unique_id = later.customer_unique_id and later.horizon_days = 90"
            " where segments.segment_code = 'repeat' group by segments.customer_unique_id"
            " order by segments.customer_unique_id",
        )
    )
    generator = np.random.default_rng(0)
    drawn = generator.integers(len(found), size=(1_000, len(found)))
    counted, ordering = found[drawn].sum(axis=1).T
    low, high = 100 * np.quantile(ordering / counted, [0.025, 0.975])
    assert found.sum(axis=0).tolist() == [5_977, 146]
    assert f"the interval of repeat buyers is {low:.1f} to {high:.1f}" in text_of("docs/results.md")
