"""The same customers at several as-of dates, as matrices."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from customer_segmentation.steps.engines import Engine


@dataclasses.dataclass(frozen=True, eq=False)
class Cross:
    """Customers at one as-of date, in the order of their ids.

    Attributes
    ----------
    person : ndarray of shape (n_rows,), int64
        Number of the customer, the same at every date.
    X : ndarray of shape (n_rows, n_features), float64
        In original units; NaN where a value is missing.
    is_in_fit : ndarray of shape (n_rows,), bool
        Whether models are fitted on the row.
    """

    person: np.ndarray
    X: np.ndarray
    is_in_fit: np.ndarray


class Panel:
    """Features of all customers at all dates.

    Parameters
    ----------
    crosses : dict of Timestamp to Cross
    """

    def __init__(self, crosses: dict[pd.Timestamp, Cross]) -> None:
        self.crosses = crosses
        self._latest: tuple[Any, np.ndarray] = (None, np.empty(0, dtype=np.int64))
        self._n_persons = 1 + max(
            (int(c.person.max(initial=-1)) for c in crosses.values()), default=-1
        )

    def at(self, as_of_date: Any) -> Cross:
        """Return the customers at a date."""
        return self.crosses[pd.Timestamp(as_of_date)]

    def shared(self, earlier: Any, later: Any) -> tuple[np.ndarray, np.ndarray]:
        """Find the customers of one date at another.

        Parameters
        ----------
        earlier, later : date

        Returns
        -------
        row_at_earlier, row_at_later : ndarray of shape (n_shared,), int64
            Rows of the same customers in the two matrices, in the order of the first.
        """
        row = self._row_of_person(pd.Timestamp(later))[self.at(earlier).person]
        is_there = row >= 0
        return np.flatnonzero(is_there), row[is_there]

    def _row_of_person(self, date: pd.Timestamp) -> np.ndarray:
        """Return each person's row at a date, -1 for none; kept until another date is asked for."""
        if self._latest[0] != date:
            person = self.at(date).person
            row_of_person = np.full(self._n_persons, -1, dtype=np.int64)
            row_of_person[person] = np.arange(len(person))
            self._latest = date, row_of_person
        return self._latest[1]


def read_panel(
    engine: Engine,
    relation: Any,
    features: Sequence[str],
    *,
    has_fit_flag: bool = True,
    by_column: bool = False,
    shares: Any = None,
) -> Panel:
    """Read features of customers at all dates.

    Parameters
    ----------
    engine : Engine
    relation : relation
        With columns as_of_date, customer_unique_id, the features and, if asked for, is_in_fit.
    features : sequence of str
        In the order of the matrix.
    has_fit_flag : bool
        Without it every row counts as fitted on.
    by_column : bool
        Lay the matrices out by column, for whoever reads one feature at a time.
    shares : relation, optional
        With columns as_of_date, halvings and digest_below: where there are halvings, only
        customers whose number has a lower MD5 digest (hexadecimal) are read. Without it all are.

    Returns
    -------
    Panel
    """
    columns = ", ".join(f"cast({name} as double) as {name}" for name in features)
    drawn, relations = "", {"customers": relation}
    if shares is not None:
        relations["shares"] = shares
        drawn = (
            " inner join (select as_of_date, halvings, digest_below from {shares})"
            " as shares using (as_of_date)"
            " where halvings = 0 or md5(customer_unique_id) < digest_below"
        )
    flag = "is_in_fit" if has_fit_flag else "true as is_in_fit"
    # Put in order here: numbers are sorted in a tenth of the time of texts.
    table = engine.collected(
        engine.query(
            "select cast(as_of_date as date) as as_of_date, customer_unique_id,"
            f" {columns}, {flag} from {{customers}} as customers{drawn}",
            **relations,
        )
    ).to_arrow_table()
    if table.num_rows == 0:
        return Panel({})
    ids = table["customer_unique_id"].combine_chunks().dictionary_encode()
    number = np.empty(len(ids.dictionary), dtype=np.int64)
    number[pc.sort_indices(ids.dictionary).to_numpy()] = np.arange(len(number))
    person = number[ids.indices.to_numpy()]
    day = table["as_of_date"].cast(pa.int32()).to_numpy().astype(np.int64)
    order = np.argsort(day * len(number) + person, kind="stable")
    day, person = day[order], person[order]
    X = np.empty((len(order), len(features)), order="F" if by_column else "C")
    for position, name in enumerate(features):
        X[:, position] = table[name].to_numpy()[order]
    is_in_fit = table["is_in_fit"].to_numpy().astype(bool)[order]
    starts = np.flatnonzero(np.append(True, day[1:] != day[:-1]))
    stops = np.append(starts[1:], len(day))
    return Panel(
        {
            pd.Timestamp(int(day[start]), unit="D"): Cross(
                person[start:stop], X[start:stop], is_in_fit[start:stop]
            )
            for start, stop in zip(starts, stops, strict=True)
        }
    )


def is_within(earlier: Any, later: Any, months: int | None) -> bool:
    """Tell whether a date is at most so many calendar months after another; None for any number."""
    return months is None or pd.Timestamp(later) <= pd.Timestamp(earlier) + pd.DateOffset(
        months=months
    )
