"""Rankings against scikit-learn, a placement by placement DeLong, scipy and counting by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.stats import somersd
from sklearn.metrics import mutual_info_score, roc_auc_score

from customer_segmentation.measure import captured_share, information_share, ranking_areas


def example(seed: int, n: int = 200) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    happened = rng.random(n) < 0.2
    scores = np.stack([rng.integers(0, 4, n), rng.normal(size=n), rng.integers(0, 2, n)])
    return scores + happened * np.array([[1.0], [0.5], [0.0]]), happened


@pytest.mark.parametrize("seed", range(4))
def test_areas_are_those_of_scikit_learn_and_of_somers(seed: int) -> None:
    scores, happened = example(seed)
    found = ranking_areas(scores, happened)
    for score, area in zip(scores, found.area, strict=True):
        assert area == pytest.approx(roc_auc_score(happened, score), abs=1e-12)
        assert 2 * area - 1 == pytest.approx(somersd(happened, score).statistic, abs=1e-12)


def test_covariances_are_delongs_pair_by_pair() -> None:
    scores, happened = example(1, n=60)
    with_event, without = scores[:, happened], scores[:, ~happened]
    kernel = (with_event[:, :, None] > without[:, None, :]) + 0.5 * (
        with_event[:, :, None] == without[:, None, :]
    )
    expected = (
        np.cov(kernel.mean(axis=2)) / happened.sum()
        + np.cov(kernel.mean(axis=1)) / (~happened).sum()
    )
    np.testing.assert_allclose(ranking_areas(scores, happened).covariance, expected, atol=1e-14)


def test_the_error_of_a_difference_is_that_of_resamples() -> None:
    scores, happened = example(2, n=1_000)
    rng = np.random.default_rng(0)
    differences = []
    for _ in range(400):
        drawn = rng.integers(0, 1_000, 1_000)
        area = ranking_areas(scores[:, drawn], happened[drawn]).area
        differences.append(area[0] - area[1])
    covariance = ranking_areas(scores, happened).covariance
    stated = np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    assert np.std(differences) == pytest.approx(stated, rel=0.15)


def test_a_constant_score_one_row_and_no_event() -> None:
    assert ranking_areas([[1, 1, 1, 1]], [True, False, True, False]).area[0] == 0.5
    assert ranking_areas([[1, 1, 1, 1]], [True, False, True, False]).covariance[0, 0] == 0
    for happened in ([True], [False]):
        found = ranking_areas([[1.0]], happened)
        assert np.isnan(found.area).all()
        assert np.isnan(found.covariance).all()
    single = ranking_areas([[2.0, 1.0, 3.0]], [True, False, False])
    assert single.area[0] == 0.5
    assert np.isnan(single.covariance).all()


@pytest.mark.parametrize(
    ("scores", "happened", "what"),
    [([[np.nan, 1]], [True, False], "missing"), ([[1, 2]], [True], "one column")],
)
def test_scores_that_rank_nothing_are_refused(scores, happened, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        ranking_areas(scores, happened)


def test_the_best_ranked_capture_their_money() -> None:
    amounts = np.array([0, 30, 0, 10, 0, 60, 0, 0, 0, 0.0])
    ranks = np.arange(10, 0, -1)
    assert captured_share(ranks, amounts, fraction=0.2).share == pytest.approx(0.3)
    assert captured_share(ranks, amounts, fraction=1.0).share == pytest.approx(1.0)
    # Ties: half of the four best count as the best two of ten, each in part.
    ties = np.array([5, 5, 5, 5, 1, 1, 1, 1, 1, 1])
    assert captured_share(ties, amounts, fraction=0.2).share == pytest.approx(0.2)
    assert captured_share(np.ones(10), amounts, fraction=0.2).share == pytest.approx(0.2)
    assert np.isnan(captured_share(ranks, np.zeros(10), fraction=0.2).share)


def test_the_error_of_a_captured_share_is_that_of_resamples() -> None:
    rng = np.random.default_rng(3)
    scores = rng.integers(0, 5, 4_000)
    amounts = np.where(rng.random(4_000) < 0.1 + 0.02 * scores, rng.lognormal(4, 1, 4_000), 0)
    stated = captured_share(scores, amounts, fraction=0.2)
    shares = []
    for _ in range(300):
        drawn = rng.integers(0, 4_000, 4_000)
        shares.append(captured_share(scores[drawn], amounts[drawn], fraction=0.2).share)
    assert np.std(shares) == pytest.approx(stated.standard_error, rel=0.2)
    assert np.mean(shares) == pytest.approx(stated.share, abs=stated.standard_error / 3)


@pytest.mark.parametrize(
    ("fraction", "amounts"), [(0, [1.0]), (1.5, [1.0]), (0.5, [-1.0]), (0.5, [1.0, 2.0])]
)
def test_what_cannot_be_captured_is_refused(fraction: float, amounts: list[float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        captured_share([1.0], amounts, fraction=fraction)


def test_information_is_that_of_scikit_learn_less_the_correction() -> None:
    scores, happened = example(5)
    groups = scores[0].astype(int)
    share = happened.mean()
    entropy = -(share * np.log(share) + (1 - share) * np.log(1 - share))
    expected = mutual_info_score(groups, happened) - (len(set(groups)) - 1) / (2 * len(groups))
    assert information_share(groups, happened) == pytest.approx(expected / entropy, abs=1e-12)


def test_groups_that_say_nothing_tell_nothing_however_many() -> None:
    rng = np.random.default_rng(0)
    found = [
        information_share(rng.integers(0, n_groups, 2_000), rng.random(2_000) < 0.3)
        for n_groups, _ in itertools.product((2, 10, 40), range(40))
    ]
    assert abs(np.mean(found)) < 0.001
    assert information_share(np.zeros(10), np.arange(10) < 5) == 0
    assert information_share(np.arange(10) < 5, np.arange(10) < 5) == pytest.approx(
        1 - 1 / (20 * np.log(2))
    )
    assert np.isnan(information_share(np.zeros(4), np.ones(4, dtype=bool)))
