import numpy as np
import pandas as pd
import pytest

from customer_segmentation._validation import (
    as_matrix,
    check_seed,
    check_threads,
    encode_labels,
    has_distinct_rows,
)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.array([1.0, 2.0]), "two dimensions"),
        (np.empty((0, 2)), "0 rows"),
        (np.empty((2, 0)), "no columns"),
        (np.array([[1.0, np.nan], [2.0, 3.0]]), r"1 rows, columns \[1\]"),
        (np.array([[np.inf], [2.0]]), "infinite"),
    ],
)
def test_malformed_matrix_is_an_error_that_says_why(X, message):
    with pytest.raises(ValueError, match=message):
        as_matrix(X)


def test_text_is_a_type_error():
    with pytest.raises(TypeError, match="numbers only"):
        as_matrix(pd.DataFrame({"name": ["a", "b"]}))


def test_missing_can_be_allowed_but_not_infinity():
    assert np.isnan(as_matrix([[np.nan]], allow_missing=True)[0, 0])
    with pytest.raises(ValueError, match="infinite"):
        as_matrix([[np.inf]], allow_missing=True)


@pytest.mark.parametrize(
    "labels",
    [[3, 1, 3, 7], [-5, 10**12, -5, 0], ["b", "a", "b", "é"], [0.5, 0.25, 0.5, 2.0], [True, False]],
)
def test_labels_are_numbered_in_sorted_order(labels):
    codes, values = encode_labels(labels)
    expected_values, expected_codes = np.unique(labels, return_inverse=True)
    np.testing.assert_array_equal(codes, expected_codes)
    np.testing.assert_array_equal(values, expected_values)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([], "empty"),
        ([[0, 1]], "one dimension"),
        ([0, 1, 2], "3 values for 4 rows"),
        ([0.0, np.nan, 1.0, 1.0], "1 missing"),
        (np.array(["a", None, "b", "b"], dtype=object), "1 missing"),
    ],
)
def test_malformed_labels_are_an_error(labels, message):
    with pytest.raises(ValueError, match=message):
        encode_labels(labels, n_rows=4)


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, None, True])
def test_seed_must_fit(seed):
    with pytest.raises(ValueError, match="seed"):
        check_seed(seed)


def test_threads_default_to_the_processors_of_this_process():
    assert check_threads(None) >= 1
    assert check_threads(3) == 3
    with pytest.raises(ValueError, match="threads"):
        check_threads(0)


def test_distinct_rows_are_counted_past_a_uniform_start():
    X = np.zeros((10_000, 2))
    assert has_distinct_rows(X, minimum=2) == (False, 1)
    X[-1] = 1
    assert has_distinct_rows(X, minimum=2)[0]
    assert has_distinct_rows(X, minimum=3) == (False, 2)
