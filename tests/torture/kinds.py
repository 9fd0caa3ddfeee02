"""What a bad input is: how it is made, and what must become of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path

from torture.damage import Damage

# Outcomes. `read`: the tables are those of the clean folder; `quarantined`: the row is in staging.rejected_rows with
# its reason, and no other is; `refused`: a sentence before anything is built; `stopped`: the build fails, and says
# what the reader must mend; `published`: what was asked for is built and published.
READ, QUARANTINED, REFUSED, STOPPED, PUBLISHED = (
    *("read", "quarantined", "refused", "stopped", "published"),
)


@dataclasses.dataclass(frozen=True)
class Cell:
    """One value of one row of a raw table.

    Attributes
    ----------
    table, column : str
    value : str, bytes or callable
        What is written instead, or a function of the clean value. Bytes are written as they are.
    """

    table: str
    column: str
    value: str | bytes | Callable[[str], str]


@dataclasses.dataclass(frozen=True)
class Line:
    """One more row at the end of a raw table.

    Attributes
    ----------
    table : str
    text : str or callable
        The line, of which the first value is found nowhere else; or a function that makes the row out of a clean one.
    mark : str
        What only this row holds, in a line whose first value is no such thing.
    """

    table: str
    text: str | Callable[[list[str]], list[str]]
    mark: str = ""


@dataclasses.dataclass(frozen=True)
class Kind:
    """One kind of bad input.

    Attributes
    ----------
    area : str
        Heading under which it is listed.
    name : str
        What is done to the input, for a person; unique.
    outcome : str
        What must become of it.
    damage : callable, optional
        Changes a copy of the clean raw folder.
    cells : tuple of Cell or Line
        Values of one row, or one more line, that are changed instead.
    tables : tuple of str
        Raw tables that `damage` touches: kinds of different tables share a build.
    reason : str
        Of the quarantine; its beginning.
    says : tuple of str
        What the message must hold.
    settings : mapping of str to str
        Environment variables.
    options : tuple of str
        Of the command, instead of the quick selection.
    command : tuple of str
        The command.
    status : int
        Exit status when it is published.
    place : callable, optional
        Prepares the working folder, in which the published database is ``olist.duckdb``.
    look : callable, optional
        Looks at the folder afterwards; raises when something is wrong.
    """

    area: str
    name: str
    outcome: str
    damage: Damage | None = None
    cells: tuple[Cell | Line, ...] = ()
    tables: tuple[str, ...] = ()
    reason: str = ""
    says: tuple[str, ...] = ()
    settings: Mapping[str, str] = dataclasses.field(default_factory=dict)
    options: tuple[str, ...] = ()
    command: tuple[str, ...] = ("customer_segmentation", "build", "--verbose")
    status: int = 0
    place: Callable[[Path], None] | None = None
    look: Callable[[Path], None] | None = None


@dataclasses.dataclass(frozen=True)
class Seen:
    """What became of a kind of bad input.

    Attributes
    ----------
    kind : Kind
    outcome : str
        What the run saw.
    message : str
        The sentence that a person reads, or the reason in the quarantine; empty when nothing is said.
    failure : str
        What was wrong; empty when it came out right.
    """

    kind: Kind
    outcome: str
    message: str = ""
    failure: str = ""
