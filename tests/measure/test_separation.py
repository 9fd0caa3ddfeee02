import numpy as np
import pandas as pd
import pytest
from scipy import special, stats
from statsmodels.stats.multitest import multipletests

from customer_segmentation.measure import separation as module
from customer_segmentation.measure.separation import (
    adjust_log10_p,
    effect_within_bands,
    feature_separation,
    kolmogorov_log10_p,
    pairwise_distances,
    quantile_bands,
)


@pytest.fixture(scope="module")
def data():
    """Clusters of different sizes on a continuous, a tied, a constant and an incomplete feature."""
    generator = np.random.default_rng(0)
    labels = generator.choice([2, 5, 9], size=900, p=[0.6, 0.3, 0.1])
    frame = pd.DataFrame(
        {
            "recency": generator.normal(size=900) + labels / 10,
            "frequency": generator.integers(1, 5, size=900) + (labels == 9),
            "constant": 1.0,
            "review": np.where(generator.random(900) < 0.2, np.nan, generator.normal(size=900)),
        }
    )
    return frame, labels


@pytest.mark.parametrize("block_values", [65_536, 3])
def test_equals_scipy_for_every_feature_and_pair(data, monkeypatch, block_values):
    monkeypatch.setattr(module, "BLOCK_VALUES", block_values)
    frame, labels = data
    table = feature_separation(frame, labels)
    assert len(table) == 4 * 3
    assert list(table["feature"].unique()) == list(frame.columns)
    for row in table.itertuples():
        a = frame.loc[labels == row.cluster_a, row.feature].dropna()
        b = frame.loc[labels == row.cluster_b, row.feature].dropna()
        assert (row.n_a, row.n_b) == (len(a), len(b))
        assert row.ks_statistic == stats.ks_2samp(a, b, method="asymp").statistic
        superiority = stats.mannwhitneyu(a, b).statistic / (len(a) * len(b))
        assert row.probability_above == pytest.approx(superiority, abs=1e-14)
        brute = np.sign(a.to_numpy()[:, None] - b.to_numpy()[None, :]).mean()
        assert row.effect == pytest.approx(brute, abs=1e-14)
        z = row.ks_statistic * np.sqrt(len(a) * len(b) / (len(a) + len(b)))
        assert row.p_value == pytest.approx(special.kolmogorov(z), rel=1e-12)
    constant = table[table["feature"] == "constant"]
    assert constant["ks_statistic"].tolist() == [0, 0, 0]
    assert constant["p_value"].tolist() == [1, 1, 1]
    assert constant["effect"].tolist() == [0, 0, 0]


def test_p_value_agrees_with_scipy_asymptotics_on_long_samples():
    generator = np.random.default_rng(1)
    for shift in (0.0, 0.003, 0.01, 0.02):
        a, b = generator.normal(size=200_000), generator.normal(size=100_000) + shift
        theirs = stats.ks_2samp(a, b, method="asymp")
        ours = kolmogorov_log10_p(theirs.statistic, len(a), len(b))
        assert 10**ours == pytest.approx(theirs.pvalue, rel=0.02)


@pytest.mark.parametrize("size", [5, 20, 100])
def test_p_value_is_not_below_that_of_scipy_on_short_samples(size):
    for statistic in np.linspace(0.2, 1, 9):
        theirs = stats.kstwo.sf(statistic, size)
        assert 10 ** kolmogorov_log10_p(statistic, 2 * size, 2 * size) >= theirs - 1e-12


def test_log_p_value_is_continuous_and_does_not_underflow():
    z = np.array([2.999999, 3.000001])
    below, above = kolmogorov_log10_p(z / np.sqrt(500), 1_000, 1_000)
    assert below == pytest.approx(above, abs=1e-4)
    np.testing.assert_allclose(
        kolmogorov_log10_p(np.array([4.0, 18.0]) / np.sqrt(500), 1_000, 1_000),
        np.log10(special.kolmogorov([4.0, 18.0])),
        rtol=1e-12,
    )
    # Two clusters with no value in common, 50,000 rows each: -2 * 25,000 / ln(10) + log10(2).
    table = feature_separation(np.repeat([[0.0], [1.0]], 50_000, axis=0), np.repeat([0, 1], 50_000))
    assert table.loc[0, "ks_statistic"] == 1
    assert table.loc[0, "p_value"] == 0
    assert table.loc[0, "log10_p_value"] == pytest.approx(-50_000 / np.log(10) + np.log10(2))
    assert table.loc[0, "effect"] == -1


@pytest.mark.parametrize(("method", "theirs"), [("holm", "holm"), ("benjamini-hochberg", "fdr_bh")])
def test_adjustment_equals_statsmodels(method, theirs):
    generator = np.random.default_rng(2)
    for n_tests in (1, 2, 30):
        p = 10 ** -generator.uniform(0, 6, size=n_tests)
        p[: n_tests // 3] = p[0]
        adjusted = 10 ** adjust_log10_p(np.log10(p), method=method)
        np.testing.assert_allclose(adjusted, multipletests(p, method=theirs)[1], rtol=1e-12)


@pytest.mark.parametrize("method", ["holm", "benjamini-hochberg"])
def test_adjustment_does_not_underflow_and_skips_missing(method):
    logarithms = np.array([-5_000.0, np.nan, -0.01, -4_000.0])
    adjusted = adjust_log10_p(logarithms, method=method)
    np.testing.assert_allclose(adjusted[0], -5_000 + np.log10(3))
    assert np.isnan(adjusted[1])
    np.testing.assert_allclose(
        adjusted,
        adjust_log10_p(logarithms[[0, 2, 3]], method=method)[[0, 1, 1, 2]] + logarithms * 0,
    )


def test_cluster_without_values_is_not_a_number_and_does_not_count():
    X = np.array([[1.0, 1.0], [2.0, 2.0], [np.nan, 3.0], [np.nan, 4.0]])
    table = feature_separation(X, ["a", "a", "b", "b"])
    assert table.loc[0, "n_b"] == 0
    assert table.loc[0, ["ks_statistic", "p_value", "adjusted_p_value", "effect"]].isna().all()
    assert table.loc[1, "adjusted_p_value"] == table.loc[1, "p_value"]
    assert table.loc[1, "feature"] == "feature_1"


def test_two_rows():
    table = feature_separation([[0.0], [1.0]], [0, 1])
    assert table.loc[0, "ks_statistic"] == 1
    assert table.loc[0, "effect"] == -1


@pytest.mark.parametrize(
    ("X", "labels", "options", "message"),
    [
        ([[0.0], [1.0]], [0, 0], {}, "single cluster"),
        ([[0.0]], [0], {}, "single cluster"),
        ([0.0, 1.0], [0, 1], {"features": ["x"]}, "two dimensions"),
        ([[0.0], [1.0]], [0, 1], {"features": ["x", "y"]}, "2 names for 1"),
        ([[0.0], [np.inf]], [0, 1], {}, "infinite"),
        ([[0.0], [1.0]], [0, 1], {"adjustment": "none"}, "method must be"),
    ],
)
def test_impossible_comparisons_are_errors(X, labels, options, message):
    with pytest.raises(ValueError, match=message):
        feature_separation(X, labels, **options)


def test_codes_out_of_range_are_an_error():
    with pytest.raises(ValueError, match="from 0 to 1"):
        pairwise_distances([1.0, 2.0], [0, 2], n_clusters=2)
    with pytest.raises(ValueError, match="same length"):
        pairwise_distances([1.0, 2.0], [0], n_clusters=2)


def test_effect_within_bands_counts_pairs_that_share_a_band():
    generator = np.random.default_rng(3)
    values = generator.integers(0, 6, 120).astype(float)
    values[:9] = np.nan
    codes = generator.integers(0, 3, 120)
    bands = generator.choice([0, 1, 4], size=120)
    found = effect_within_bands(values, codes, bands, n_clusters=3)
    for a in range(3):
        for b in range(3):
            pairs = wins = alike = 0
            for i in np.flatnonzero((codes == a) & ~np.isnan(values)):
                for j in np.flatnonzero((codes == b) & ~np.isnan(values)):
                    pairs += 1
                    if bands[i] == bands[j]:
                        alike += 1
                        wins += np.sign(values[i] - values[j])
            assert found.cliffs_delta[a, b] == pytest.approx(wins / alike)
            assert found.pairs_share[a, b] == pytest.approx(alike / pairs)
    apart = effect_within_bands([1.0, 2.0], [0, 1], [0, 1], n_clusters=2)
    assert np.isnan(apart.cliffs_delta[0, 1])
    assert apart.pairs_share[0, 1] == 0
    # One band is the plain effect.
    alone = effect_within_bands(values, codes, bands * 0, n_clusters=3)
    plain = pairwise_distances(values, codes, n_clusters=3)
    np.testing.assert_allclose(alone.cliffs_delta, plain.cliffs_delta, atol=1e-12)


def test_quantile_bands_keep_equal_values_together():
    values = np.array([5.0] * 30 + list(range(6, 26)))
    bands = quantile_bands(values, n_bands=10)
    assert len(set(bands[:30])) == 1
    assert (np.diff(bands[30:]) >= 0).all()
    assert bands.min() == 0
    even = quantile_bands(np.random.default_rng(0).permutation(1_000), n_bands=50)
    assert (np.bincount(even) == 20).all()
    assert (quantile_bands([3.0, 3.0], n_bands=4) == 0).all()
