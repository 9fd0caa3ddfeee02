"""The number of clusters that the comparison leads to, on rows whose number is known."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from conftest import PROJECT
from customer_segmentation.intake import default_settings
from customer_segmentation.steps import StudySettings, largest_stable_number

SETTINGS = dataclasses.replace(
    StudySettings.from_settings(default_settings(PROJECT)), cluster_counts=(2, 3, 4, 5), seeds=(42,)
)
GATES = {"smallest_share": 0.01, "least_jaccard": 0.75, "least_silhouette": 0.25}


def groups(number: int, *, rows: int = 150) -> np.ndarray:
    """Return round groups far from each other on a circle."""
    generator = np.random.default_rng(7)
    angles = 2 * np.pi * np.arange(number) / number
    centres = 10 * np.column_stack([np.cos(angles), np.sin(angles)])
    return np.concatenate([centre + generator.normal(size=(rows, 2)) for centre in centres])


@pytest.mark.parametrize("number", [3, 4])
def test_groups_that_there_are_are_counted(number: int) -> None:
    found, reason = largest_stable_number(
        groups(number), features=["a", "b"], settings=SETTINGS, **GATES
    )
    assert found == number
    assert "all found again in 20 resamples" in reason
    assert f"{number + 1} have" in reason


def test_a_gate_that_nothing_passes_is_told() -> None:
    gates = {**GATES, "least_silhouette": 0.99}
    found, reason = largest_stable_number(
        groups(3), features=["a", "b"], settings=SETTINGS, **gates
    )
    assert found is None
    assert reason.startswith("no number of clusters stands: 5 have a silhouette of 0.")


@pytest.mark.parametrize("rows", [1, 40])
def test_customers_who_are_all_alike_have_no_clusters(rows: int) -> None:
    found, reason = largest_stable_number(
        np.ones((rows, 2)), features=["a", "b"], settings=SETTINGS, **GATES
    )
    assert found is None
    assert "all customers are alike" in reason


def test_a_small_group_is_no_segment() -> None:
    rows = np.concatenate([groups(3), np.full((2, 2), 100.0)])
    found, reason = largest_stable_number(rows, features=["a", "b"], settings=SETTINGS, **GATES)
    assert found is None
    assert reason.count("have one with 0.44% of the customers") == len(SETTINGS.cluster_counts)
