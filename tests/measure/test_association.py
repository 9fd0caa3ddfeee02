import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from customer_segmentation.measure.association import (
    cramers_v,
    eta_squared,
    rank_correlation_ratio,
    spearman,
    trait_shares,
    wilson_interval,
)

COUNTS = np.array([[120, 30, 0], [40, 200, 10], [3, 5, 2]])


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.999])
def test_wilson_interval_equals_statsmodels(confidence):
    successes, trials = np.array([0, 1, 5, 10, 3, 9_999]), np.array([10, 1, 10, 10, 7, 100_000])
    low, high = wilson_interval(successes, trials, confidence=confidence)
    expected = proportion_confint(successes, trials, alpha=1 - confidence, method="wilson")
    np.testing.assert_allclose(low, expected[0], rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(high, expected[1], rtol=1e-12)
    assert low[0] == 0
    assert high[1] == high[3] == 1


def test_wilson_interval_without_trials():
    low, high = wilson_interval([0, 1], [0, 2])
    assert np.isnan(low[0])
    assert np.isnan(high[0])
    assert 0 < low[1] < 0.5 < high[1] < 1


@pytest.mark.parametrize(
    ("successes", "trials", "options"),
    [
        ([3], [2], {}),
        ([-1], [2], {}),
        ([1], [2], {"confidence": 1}),
        ([1], [2], {"confidence": 95}),
    ],
)
def test_impossible_shares_are_errors(successes, trials, options):
    with pytest.raises(ValueError, match="must be"):
        wilson_interval(successes, trials, **options)


def test_trait_shares_hand_worked():
    shares = trait_shares([[30, 10], [20, 140]])
    np.testing.assert_allclose(shares.share_in_segment, [[0.75, 0.25], [0.125, 0.875]])
    np.testing.assert_allclose(shares.share_overall, [[0.25, 0.75], [0.25, 0.75]])
    np.testing.assert_allclose(shares.lift, [[3, 1 / 3], [0.5, 7 / 6]])
    expected = proportion_confint(30, 40, method="wilson")
    np.testing.assert_allclose([shares.low[0, 0], shares.high[0, 0]], expected)


def test_trait_shares_with_an_empty_segment_and_an_empty_value():
    shares = trait_shares([[3, 0, 1], [0, 0, 0]])
    assert np.isnan(shares.share_in_segment[1]).all()
    assert np.isnan(shares.low[1]).all()
    assert np.isnan(shares.lift[0, 1])
    assert shares.share_in_segment[0].tolist() == [0.75, 0, 0.25]
    assert shares.low[0, 1] == 0


def test_cramers_v_equals_scipy_uncorrected():
    expected = stats.contingency.association(COUNTS, method="cramer")
    assert cramers_v(COUNTS, is_corrected=False) == pytest.approx(expected, rel=1e-12)
    padded = np.pad(COUNTS, ((1, 0), (0, 1)))
    assert cramers_v(padded, is_corrected=False) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("counts", [COUNTS, COUNTS[:2], COUNTS[:, :2]])
def test_cramers_v_corrected_against_the_formula_of_bergsma(counts):
    n, rows, columns = counts.sum(), *counts.shape
    phi_squared = stats.chi2_contingency(counts, correction=False).statistic / n
    phi_squared = max(0, phi_squared - (rows - 1) * (columns - 1) / (n - 1))
    rows, columns = rows - (rows - 1) ** 2 / (n - 1), columns - (columns - 1) ** 2 / (n - 1)
    expected = np.sqrt(phi_squared / (min(rows, columns) - 1))
    assert cramers_v(counts) == pytest.approx(expected, rel=1e-12)


def test_correction_takes_chance_away():
    generator = np.random.default_rng(0)
    plain, corrected = [], []
    for _ in range(200):
        counts = generator.multinomial(60, np.full(20, 1 / 20)).reshape(4, 5)
        plain.append(cramers_v(counts, is_corrected=False))
        corrected.append(cramers_v(counts))
    assert np.mean(plain) > 0.2
    assert np.mean(corrected) < 0.1


@pytest.mark.parametrize("is_corrected", [True, False])
def test_cramers_v_at_its_ends(is_corrected):
    assert cramers_v([[50, 0], [0, 70]], is_corrected=is_corrected) == pytest.approx(1)
    assert cramers_v([[20, 40], [10, 20]], is_corrected=is_corrected) == pytest.approx(0, abs=1e-9)
    for single in ([[5, 7]], [[5], [7]], [[5, 0], [7, 0]], [[1]]):
        assert np.isnan(cramers_v(single, is_corrected=is_corrected))


def test_cramers_v_of_two_rows_is_too_small_to_correct():
    assert np.isnan(cramers_v([[1, 0], [0, 1]]))
    assert cramers_v([[1, 0], [0, 1]], is_corrected=False) == 1


def test_cramers_v_does_not_overflow():
    assert cramers_v(COUNTS * 10**15, is_corrected=False) == pytest.approx(
        cramers_v(COUNTS, is_corrected=False)
    )


@pytest.mark.parametrize(
    ("counts", "message"),
    [([1, 2], "table"), ([[0.5]], "whole"), ([[-1]], "at least 0"), ([[0, 0]], "all zeros")],
)
def test_malformed_tables_are_errors(counts, message):
    for measure in (trait_shares, cramers_v):
        with pytest.raises(ValueError, match=message):
            measure(counts)


@pytest.mark.parametrize("place", [0, 1e9])
def test_eta_squared_equals_the_analysis_of_variance(place):
    generator = np.random.default_rng(0)
    groups = [generator.normal(mean, size=size) for mean, size in ((0, 40), (1, 25), (3, 10))]
    statistic = stats.f_oneway(*groups).statistic
    freedom = 2 / (75 - 3)
    eta = eta_squared(
        [len(group) for group in groups],
        [group.mean() + place for group in groups],
        [group.var() for group in groups],
    )
    expected = statistic * freedom / (statistic * freedom + 1)
    assert eta == pytest.approx(expected, rel=1e-9 if place == 0 else 1e-6)


def test_eta_squared_at_its_ends_and_without_rows():
    assert eta_squared([3, 4], [1.0, 2.0], [0.0, 0.0]) == 1
    assert eta_squared([3, 4], [2.0, 2.0], [1.0, 5.0]) == 0
    assert np.isnan(eta_squared([3, 4], [2.0, 2.0], [0.0, 0.0]))
    assert np.isnan(eta_squared([3], [2.0], [1.0]))
    assert np.isnan(eta_squared([1, 0], [2.0, np.nan], [0.0, np.nan]))
    with_empty = eta_squared([3, 0, 4], [1.0, np.nan, 2.0], [1.0, np.nan, 1.0])
    assert with_empty == eta_squared([3, 4], [1.0, 2.0], [1.0, 1.0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1, 2], [0.0], [0.0, 1.0]), "one value a segment"),
        (([-1, 2], [0.0, 1.0], [0.0, 1.0]), "counts must be"),
        (([1, 2], [np.nan, 1.0], [0.0, 1.0]), "finite mean"),
        (([1, 2], [0.0, 1.0], [0.0, -1.0]), "at least 0"),
    ],
)
def test_malformed_moments_are_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        eta_squared(*arguments)


def test_spearman_is_scipys_with_ties_and_missing_values():
    generator = np.random.default_rng(0)
    x = generator.integers(0, 5, 300).astype(float)
    y = np.round(x + generator.normal(size=300) * 2)
    x[:10], y[5:20] = np.nan, np.nan
    known = ~np.isnan(x) & ~np.isnan(y)
    expected = stats.spearmanr(x[known], y[known]).statistic
    assert spearman(x, y) == pytest.approx(expected, abs=1e-14)
    assert spearman(x, -y) == pytest.approx(-expected, abs=1e-14)
    assert spearman(x, np.exp(x)) == 1
    assert np.isnan(spearman(x, np.ones(300)))
    assert np.isnan(spearman([1.0], [2.0]))
    assert np.isnan(spearman([], []))
    with pytest.raises(ValueError, match="same length"):
        spearman([1.0, 2.0], [1.0])


def test_rank_correlation_ratio_is_kruskal_wallis():
    generator = np.random.default_rng(0)
    codes = generator.choice([0, 2, 3], size=200)
    values = np.round(generator.normal(size=200) + codes, 1)
    groups = [values[codes == code] for code in (0, 2, 3)]
    expected = stats.kruskal(*groups).statistic / (len(values) - 1)
    assert rank_correlation_ratio(codes, values) == pytest.approx(np.sqrt(expected))
    assert rank_correlation_ratio([0, 0, 1], [1.0, 1.0, 2.0]) == 1
    assert np.isnan(rank_correlation_ratio(codes * 0, values))
    assert np.isnan(rank_correlation_ratio(codes, values * 0))
    values[codes == 3] = np.nan
    expected = stats.kruskal(*groups[:2]).statistic / (sum(map(len, groups[:2])) - 1)
    assert rank_correlation_ratio(codes, values) == pytest.approx(np.sqrt(expected))
