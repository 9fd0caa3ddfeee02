"""Kernels compiled ahead: `make setup` hides what goes wrong there, so this says it."""

from __future__ import annotations

import pytest

from customer_segmentation import _kernels
from customer_segmentation.cluster import _lloyd, _nearest, _points
from customer_segmentation.distance import _pairs, _tree_kernels
from customer_segmentation.measure import drift

KERNELS = [
    _points._halve,
    _lloyd._boxes,
    _lloyd._plus_plus,
    _lloyd._lloyd,
    _nearest.scale_rows,
    _nearest.add_rows,
    _nearest.nearest_of_rows,
    _nearest.two_nearest_of_rows,
    _nearest.lloyd_in_order,
    drift._merged,
    _pairs._score_rows,
    _tree_kernels.split_rows,
    _tree_kernels.see_from_grids,
    _tree_kernels.see_from_rows,
]


@pytest.fixture(scope="module", autouse=True)
def compiled() -> None:
    """Compile them, or find that they are."""
    _kernels.compile_kernels()


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.py_func.__name__)
def test_kernel_is_compiled(kernel) -> None:  # type: ignore[no-untyped-def]
    assert kernel.signatures


def test_pairs_are_compiled_for_both_precisions_and_any_number_of_partitions() -> None:
    assert {str(signature[0].dtype) for signature in _pairs._score_rows.signatures} == {
        "float32",
        "float64",
    }
