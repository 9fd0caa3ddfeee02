import numpy as np
import pytest

from customer_segmentation.cluster._points import LEAF_ROWS, distinct_points, near_order


@pytest.mark.parametrize("shape", [(1, 1), (1, 3), (500, 1), (500, 3)])
def test_equals_numpy_unique(shape):
    matrix = np.random.default_rng(0).integers(-2, 3, size=shape).astype(float)
    points, point_of_row = distinct_points(matrix)
    expected, inverse = np.unique(matrix, axis=0, return_inverse=True)
    np.testing.assert_array_equal(points, expected)
    np.testing.assert_array_equal(point_of_row, inverse.ravel())


def test_both_zeros_are_one_point():
    points, point_of_row = distinct_points(np.array([[0.0], [-0.0], [1.0]]))
    assert len(points) == 2
    assert point_of_row.tolist() == [0, 0, 1]


@pytest.mark.parametrize("n_rows", [0, 1, 64, 65, 1_000, 5_003])
def test_near_order_has_every_row_once_and_neighbours_together(n_rows):
    X = np.random.default_rng(0).normal(size=(n_rows, 2)).round(1)
    order = near_order(X)
    assert sorted(order) == list(range(n_rows))
    if n_rows > 1_000:
        # A block of neighbours is far smaller than the whole.
        blocks = [X[order[i : i + LEAF_ROWS]] for i in range(0, n_rows, LEAF_ROWS)]
        area = np.mean([np.prod(np.ptp(block, axis=0)) for block in blocks])
        assert area < np.prod(np.ptp(X, axis=0)) / 20


def test_near_order_of_equal_rows():
    assert sorted(near_order(np.ones((500, 3)))) == list(range(500))
