"""docs/torture.md: what the last whole campaign has seen."""

from __future__ import annotations

import datetime
import itertools
import re
from collections.abc import Iterable

from torture.campaign import Count
from torture.ground import PROJECT
from torture.kinds import PUBLISHED, QUARANTINED, READ, REFUSED, STOPPED, Seen

PAGE = PROJECT / "docs" / "torture.md"
WORDS = {
    READ: "read: the tables are those of the plain files",
    QUARANTINED: "into `staging.rejected_rows`, alone",
    REFUSED: "refused before anything is built",
    STOPPED: "the build stops; nothing is published",
    PUBLISHED: "works",
}
HEAD = """# What the project bears

`make torture` ends builds, swaps and rollbacks at every step, reads and writes while databases are swapped, and feeds
the builder with bad input; it writes this page. Every line is what that run saw, not what was hoped for: an outcome
that differs from the expected one fails the run. `make torture QUICK=1` takes some of each in less than two minutes;
`make test` takes a few. `SEED=` draws other random moments.
"""


def write(counts: Iterable[Count], seen: list[Seen], *, seed: int, seconds: float) -> None:
    """Write the page.

    Parameters
    ----------
    counts : iterable of Count
    seen : list of Seen
        Of all kinds.
    seed : int
        Of the random moments.
    seconds : float
        How long the campaign took.
    """
    day = datetime.datetime.now(datetime.UTC).date()
    lines = [HEAD, f"## Run of {day}", "", f"Seed {seed}, {seconds / 60:.0f} minutes.", ""]
    lines += [f"- {count.sentence()}" for count in counts]
    for area, of_area in itertools.groupby(seen, key=lambda one: one.kind.area):
        lines += [
            "",
            f"## {area}",
            "",
            "| kind | what happens | what is said |",
            "| --- | --- | --- |",
        ]
        lines += [row(one) for one in of_area]
    PAGE.write_text("\n".join(lines) + "\n", encoding="utf-8")


def row(one: Seen) -> str:
    """Return a line of a table."""
    outcome = WORDS.get(one.outcome, one.outcome)
    if one.failure:
        outcome = f"**wrong:** {outcome}"
    return f"| {escaped(one.kind.name)} | {outcome} | {escaped(one.message)} |"


def escaped(text: str) -> str:
    """Return a text that stays in its cell, with invisible characters written out."""
    shown = "".join(letter if letter.isprintable() else f"\\u{ord(letter):04x}" for letter in text)
    # Within backticks nothing but the bar of the table means anything.
    return re.sub(r"([|])" if "`" in shown else r"([|<>*])", r"\\\1", shown)


def kinds_on_page() -> list[str]:
    """Return the kinds that the page lists, as written there."""
    rows = re.findall(r"^\| (.+?) (?<!\\)\| ", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return [name for name in rows if name not in ("kind", "---")]
