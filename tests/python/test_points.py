import numpy as np
import pytest

from olist_segmentation.points import distinct_points


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
