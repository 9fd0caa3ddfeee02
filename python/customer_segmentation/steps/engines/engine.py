"""What a Python model asks of the engine that it runs in."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pyarrow as pa

from customer_segmentation.steps.reuse import code_and_libraries, fingerprint

# A pure function over rows, batch by batch; another process may run it on a part of them.
OverBatches = Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]


class Engine(ABC):
    """Few questions, each with the same answer from every engine.

    A relation is what the engine has and has not read yet: a table that ``dbt.ref`` gives, or a
    query over some. What touches every row stays there, in SQL or by `map_batches`. What is read
    into this process is read by DuckDB, from its own tables or out of Arrow: so a frame has the
    same types and a table the same casts, whichever engine the rows are in.
    """

    # Where frames become rows: DuckDB, in this process.
    local: Any
    # What answers queries.
    libraries: ClassVar[tuple[str, ...]]

    def report(self, line: str) -> None:
        """Tell whoever waits for the build how far a model is.

        Written at once and whole: the lines of models that run side by side do not mix.
        """
        sys.stdout.write(f"· {line}\n")
        sys.stdout.flush()

    def note(self, line: str) -> None:
        """Tell whoever waits for the build what to know of the result: unlike progress, every line is shown."""
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()

    @abstractmethod
    def query(self, sql: str, **relations: Any) -> Any:
        """Return a query as a relation.

        Parameters
        ----------
        sql : str
            In words that every engine knows; ``{name}`` stands for a relation.
        relations : relation
            By name.

        Returns
        -------
        relation
        """

    @abstractmethod
    def collected(self, relation: Any) -> Any:
        """Return a relation's rows, in their order, as a relation of DuckDB in this process."""

    @abstractmethod
    def result(self, rows: Any) -> Any:
        """Return what a model returns, from a relation of DuckDB in this process."""

    @abstractmethod
    def map_batches(self, relation: Any, function: OverBatches, columns: Mapping[str, str]) -> Any:
        """Run a function over all rows, wherever they are, in bounded memory.

        Parameters
        ----------
        relation : relation
        function : callable
            From an iterable of record batches to an iterator of them: whole rows of the relation
            in any order, and in any number of parts. It can be pickled.
        columns : mapping of str to str
            SQL type of each column that it gives, in order.

        Returns
        -------
        relation or pyarrow.RecordBatchReader
            What a model returns.
        """

    @abstractmethod
    def previous(self, this: Any) -> Any:
        """Return what the last build left in a model's own table, or None.

        Parameters
        ----------
        this : relation
            ``dbt.this``.

        Returns
        -------
        duckdb.DuckDBPyRelation or None
            Read when it is asked for.
        """

    def previous_rows(self, this: Any) -> pd.DataFrame | None:
        """Return the same as a frame; see `previous`."""
        found = self.previous(this)
        return None if found is None else found.df()

    def queries_fingerprint(self) -> str:
        """Return a SHA-256 that changes when the words or the version of the engine do."""
        versions = {name: version(name) for name in self.libraries}
        return fingerprint(versions, code_and_libraries(type(self).__module__))

    @abstractmethod
    def rows_fingerprint(self, columns: Sequence[str]) -> str:
        """Return the SQL aggregate that changes when a row does, whatever the order of the rows.

        Parameters
        ----------
        columns : sequence of str
            What of a row counts.

        Returns
        -------
        str
            The same text as macro ``rows_fingerprint`` gives.
        """

    @abstractmethod
    def row_of_each(self, structs: Sequence[Mapping[str, str]]) -> str:
        """Return the SQL that makes a row of each of several structs, for a list of columns.

        Parameters
        ----------
        structs : sequence of mapping
            From a column to its SQL; all with the same columns, each of one type.
        """

    @abstractmethod
    def rows_of_list(self, column: str) -> str:
        """Return the SQL that makes a row of each struct in a column, as macro ``rows_of_list``."""

    @abstractmethod
    def weekday_name(self, time: str) -> str:
        """Return the SQL of the English name of a time's day of the week."""

    @abstractmethod
    def json_text(self, column: str, field: str) -> str:
        """Return the SQL of the text that a JSON object in a column has under a name; null for none."""

    def rows(
        self,
        relation: Any,
        columns: Sequence[str] = ("*",),
        *,
        where: str = "true",
        order: str | None = None,
    ) -> Any:
        """Return some rows of a relation, in this process.

        Parameters
        ----------
        relation : relation
        columns : sequence of str
            SQL.
        where : str
            SQL, a condition.
        order : str, optional
            Columns, none of which is null: engines put null at different ends.

        Returns
        -------
        duckdb.DuckDBPyRelation
        """
        ordered = f" order by {order}" if order else ""
        return self.collected(
            self.query(
                f"select {', '.join(columns)} from {{read}} as rows_read where {where}{ordered}",
                read=relation,
            )
        )

    def frame(
        self,
        relation: Any,
        columns: Sequence[str] = ("*",),
        *,
        where: str = "true",
        order: str | None = None,
    ) -> pd.DataFrame:
        """Return some rows as a frame; see `rows`."""
        return self.rows(relation, columns, where=where, order=order).df()

    def row(self, relation: Any, columns: Sequence[str] = ("*",), *, where: str = "true") -> Any:
        """Return the only row, such as that of aggregates, as a tuple; None for no row."""
        return self.rows(relation, columns, where=where).fetchone()

    def arrays(
        self, relation: Any, columns: Sequence[str], *, where: str = "true", order: str
    ) -> dict[str, np.ndarray]:
        """Return columns of some rows as arrays, by name; see `rows`."""
        return self.rows(relation, columns, where=where, order=order).fetchnumpy()

    def matrix(
        self, relation: Any, columns: Sequence[str], *, where: str = "true", order: str
    ) -> np.ndarray:
        """Return numbers of some rows as a matrix; see `rows`.

        Parameters
        ----------
        relation : relation
        columns : sequence of str
            Names of columns, none of which has a missing value.
        where, order : str

        Returns
        -------
        ndarray of shape (n_rows, n_columns)
        """
        found = self.arrays(relation, columns, where=where, order=order)
        return np.column_stack([found[name] for name in columns])

    def table(self, frame: pd.DataFrame, columns: Mapping[str, str]) -> Any:
        """Return a frame as what a model returns.

        Parameters
        ----------
        frame : DataFrame
        columns : mapping of str to str
            SQL type of each column, in order.
        """
        return self.result(self.local.from_df(frame).project(typed_columns(columns)))

    def row_of_lists(self, key: str, /, **lists: tuple[pd.DataFrame, Mapping[str, str]]) -> Any:
        """Return several frames as one row, which is what a model returns.

        Parameters
        ----------
        key : str
            What the row is re-used by: its column ``fingerprint``.
        lists : (DataFrame, mapping of str to str)
            By name of the column: a frame, and the SQL type of each of its columns. It becomes a
            list of structs, null without rows.
        """
        whole: Any = None
        for name, (frame, columns) in lists.items():
            fields = ", ".join(f"{column} := {column}" for column in columns)
            rows = self.local.from_df(frame).project(typed_columns(columns))
            one = rows.aggregate(f"list(struct_pack({fields})) as {name}")
            whole = one if whole is None else whole.cross(one)
        return self.result(whole.project(f"*, '{key}' as fingerprint"))


def typed_columns(columns: Mapping[str, str]) -> str:
    """Return the select list that casts a frame's columns to their SQL types.

    A frame alone mistypes: pandas hands an all-empty text column over as an integer.

    Parameters
    ----------
    columns : mapping of str to str
        SQL type of each column, in order.

    Returns
    -------
    str
        For ``relation.project(…)`` of DuckDB.
    """
    return ", ".join(f"cast({name} as {kind}) as {name}" for name, kind in columns.items())


def of_date(as_of_date: Any) -> str:
    """Return the SQL condition that a row is of an as-of date; of None, of no date."""
    return "false" if as_of_date is None else f"as_of_date = date '{as_of_date:%Y-%m-%d}'"
