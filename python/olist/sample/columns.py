"""Arrow columns of the sample: timestamps, money, and identifiers that look like md5 sums.

The identifiers are made from counters without a Python loop.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

KINDS = ("customer", "person", "order", "review", "product", "seller")
HEX_PAIRS = np.array(
    [int.from_bytes(f"{byte:02x}".encode(), "little") for byte in range(256)], "<u2"
)
IDENTIFIER_LENGTH = 32


def mix(values: np.ndarray) -> np.ndarray:
    """Scramble 64-bit counters with the finaliser of SplitMix64.

    The function is a bijection, so that different counters never collide.

    Parameters
    ----------
    values : ndarray of uint64, shape (n,)
        Counters.

    Returns
    -------
    ndarray of uint64, shape (n,)
        Scrambled counters.

    Notes
    -----
    Steele, Lea and Flood (2014), "Fast splittable pseudorandom number generators".
    """
    with np.errstate(over="ignore"):
        mixed = values + np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return mixed ^ (mixed >> np.uint64(31))


def identifiers(counters: np.ndarray, *, kind: str, seed: int) -> pa.Array:
    """Return one 32-digit hexadecimal identifier per counter.

    Parameters
    ----------
    counters : ndarray of integers, shape (n,)
        Numbers that are unique within a kind.
    kind : str
        One of :data:`KINDS`; the same counter has another identifier in another kind.
    seed : int
        Seed of the sample.

    Returns
    -------
    pyarrow.Array of string, shape (n,)
        Lower-case identifiers; different counters always differ.
    """
    key = mix(np.array([KINDS.index(kind) + 1], dtype=np.uint64) ^ mix(np.array([seed], np.uint64)))
    high = mix(counters.astype(np.uint64) ^ key)
    low = mix(high ^ mix(key))
    raw = np.stack([high, low], axis=1).astype(">u8").view(np.uint8)
    return fixed_width_strings(HEX_PAIRS[raw].view(np.uint8), IDENTIFIER_LENGTH)


def fixed_width_strings(characters: np.ndarray, width: int) -> pa.Array:
    """Wrap ASCII bytes as an Arrow string array without copying per row.

    Parameters
    ----------
    characters : ndarray of uint8
        ``n * width`` bytes.
    width : int
        Characters per string.

    Returns
    -------
    pyarrow.Array of string, shape (n,)
        The strings.
    """
    count = characters.size // width
    offsets = np.arange(count + 1, dtype=np.int32) * np.int32(width)
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(characters))


def digit_strings(numbers: np.ndarray, width: int) -> pa.Array:
    """Return numbers as text of a fixed width, with leading zeros.

    Parameters
    ----------
    numbers : ndarray of integers, shape (n,)
        Numbers below ``10 ** width``.
    width : int
        Digits.

    Returns
    -------
    pyarrow.Array of string, shape (n,)
        For example ``01037`` for 1037 at width 5.
    """
    powers = 10 ** np.arange(width - 1, -1, -1)
    digits = (numbers[:, None] // powers) % 10 + ord("0")
    return fixed_width_strings(digits.astype(np.uint8).ravel(), width)


def blank_where(missing: np.ndarray, values: pa.Array) -> pa.Array:
    """Return the values with nulls where they are missing."""
    return pc.if_else(pa.array(missing), pa.scalar(None, values.type), values)


def timestamps(seconds: np.ndarray, present: np.ndarray | None = None) -> pa.Array:
    """Return Arrow timestamps in seconds, null where not present."""
    mask = None if present is None else ~present
    return pa.array(seconds.astype(np.int64), mask=mask).cast(pa.timestamp("s"))


def money(centavos: np.ndarray) -> pa.Array:
    """Return exact decimals (10, 2) from centavos that are not negative."""
    words_of_16_bytes = np.zeros((len(centavos), 2), dtype="<i8")
    words_of_16_bytes[:, 0] = centavos
    return pa.Array.from_buffers(
        pa.decimal128(10, 2), len(centavos), [None, pa.py_buffer(words_of_16_bytes)]
    )
