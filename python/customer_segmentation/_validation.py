"""Checks on arguments that the statistics modules share; each error says how to mend it."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pandas as pd

SEED_LIMIT = 2**32


def as_matrix(
    X: Any,
    *,
    name: str = "X",
    minimum_rows: int = 1,
    allow_missing: bool = False,
) -> np.ndarray:
    """Return ``X`` as a C-ordered float64 matrix, or say what is wrong with it.

    Parameters
    ----------
    X : array or frame of shape (n_rows, n_features)
    name : str
        Used in error messages.
    minimum_rows : int
        Fewer rows than this are an error.
    allow_missing : bool
        Let NaN through (infinities never are).

    Returns
    -------
    ndarray of shape (n_rows, n_features), float64

    Raises
    ------
    TypeError
        If the values are not numbers.
    ValueError
        If ``X`` is not two-dimensional, is too short, has no column, or holds NaN or infinity.
    """
    try:
        matrix = np.ascontiguousarray(X, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"{name} must hold numbers only; convert or drop the other columns ({error})."
        ) from error
    # ascontiguousarray turns a scalar into one dimension, so the shape is read from the input.
    dimensions = np.ndim(X)
    if dimensions != 2:
        raise ValueError(
            f"{name} must have two dimensions (rows, features), not {dimensions}; "
            "for a single feature pass values.reshape(-1, 1)."
        )
    n_rows, n_features = matrix.shape
    if n_features == 0:
        raise ValueError(f"{name} has no columns; pass at least one feature.")
    if n_rows < minimum_rows:
        raise ValueError(f"{name} has {n_rows} rows; at least {minimum_rows} are needed.")
    bad = ~np.isfinite(matrix)
    if allow_missing:
        bad &= ~np.isnan(matrix)
    if bad.any():
        columns = np.flatnonzero(bad.any(axis=0)).tolist()
        rows = int(bad.any(axis=1).sum())
        what = "infinite" if allow_missing else "missing (NaN) or infinite"
        raise ValueError(
            f"{name} has {what} values in {rows} rows, columns {columns}; "
            "impute or leave out these rows first."
        )
    return matrix


def encode_labels(
    labels: Any, *, name: str = "labels", n_rows: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Replace labels by the numbers 0, 1, … of their distinct values in sorted order.

    Parameters
    ----------
    labels : array of shape (n_rows,)
        Integers, strings or any values that sort; no missing ones.
    name : str
        Used in error messages.
    n_rows : int, optional
        The length to insist on.

    Returns
    -------
    codes : ndarray of shape (n_rows,), int64
    values : ndarray of shape (n_labels,)
        The label behind each code.

    Raises
    ------
    ValueError
        If ``labels`` is not one-dimensional, is empty, has another length or a missing value.
    """
    array = np.asarray(labels)
    if array.ndim != 1:
        raise ValueError(f"{name} must have one dimension, not {array.ndim}; pass one label a row.")
    if array.size == 0:
        raise ValueError(f"{name} is empty; pass at least one label.")
    if n_rows is not None and array.size != n_rows:
        raise ValueError(
            f"{name} has {array.size} values for {n_rows} rows; pass exactly one label a row."
        )
    if array.dtype.kind in "iu":
        lowest, highest = int(array.min()), int(array.max())
        # Counting beats hashing while the range of the labels is not much longer than the data.
        if highest - lowest <= max(1024, array.size):
            shifted = array.astype(np.int64) - lowest
            is_used = np.bincount(shifted, minlength=highest - lowest + 1) > 0
            values = np.flatnonzero(is_used) + lowest
            if values.size == is_used.size:
                return shifted, values
            return (np.cumsum(is_used) - 1)[shifted], values
    codes, values = pd.factorize(array, sort=True)
    if (codes < 0).any():
        raise ValueError(
            f"{name} has {int((codes < 0).sum())} missing values; give each row a label."
        )
    return codes.astype(np.int64, copy=False), np.asarray(values)


def check_count(value: Any, *, name: str, minimum: int = 1) -> int:
    """Return ``value`` as an int of at least ``minimum``.

    Raises
    ------
    ValueError
        If it is not a whole number or is below the minimum.
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < minimum:
        raise ValueError(f"{name} must be a whole number of at least {minimum}, not {value!r}.")
    return int(value)


def check_seed(seed: Any) -> int:
    """Return ``seed`` as an int that NumPy and scikit-learn both take.

    Raises
    ------
    ValueError
        If it is not a whole number from 0 to 2**32 - 1.
    """
    if (
        isinstance(seed, bool)
        or not isinstance(seed, (int, np.integer))
        or not 0 <= seed < SEED_LIMIT
    ):
        raise ValueError(f"seed must be a whole number from 0 to {SEED_LIMIT - 1}, not {seed!r}.")
    return int(seed)


def check_threads(threads: Any) -> int:
    """Return ``threads``, or the number of processors this process may use when it is None.

    Raises
    ------
    ValueError
        If it is not a whole number of at least 1.
    """
    if threads is not None:
        return check_count(threads, name="threads")
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def has_distinct_rows(X: np.ndarray, *, minimum: int) -> tuple[bool, int]:
    """Tell whether ``X`` has at least ``minimum`` distinct rows.

    Only as much of ``X`` is sorted as it takes to know.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
    minimum : int

    Returns
    -------
    is_enough : bool
    distinct : int
        The number of distinct rows seen; all of them when there are not enough.
    """
    head = len(np.unique(X[: 64 * minimum], axis=0))
    if head >= minimum or len(X) <= 64 * minimum:
        return head >= minimum, head
    distinct = len(np.unique(X, axis=0))
    return distinct >= minimum, distinct
