"""A live board, served to this machine alone: choose a date, a segment and a state.

It is written in English, in ``charts/live/``; its French is made of the words of the pages.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from customer_segmentation.boards.drawing import dct_program, environment, segment_colours
from customer_segmentation.boards.rendering import words_of
from customer_segmentation.boards.sources import CHARTS, TABLE, tables_in, with_currency
from customer_segmentation.boards.words import LANGUAGES, MONTHS, NARROW, Language, Words
from customer_segmentation.publishing import CommandError, one_row, reading

LIVE = "explore"
# The board of each language, and what leads to it from the other one.
PAGES: dict[Language, tuple[str, str]] = {
    "en": (LIVE, "[English](/explore/)"),
    "fr": ("explorer", "[Français](/explorer/)"),
}
# What the live board can do without: the names of the states.
OPTIONAL = {"seeds.states": "(select null::varchar as state_code, null::varchar as state_name)"}
# How the board writes a day, and the parts of a board that are words.
WRITTEN_DAY = re.compile(r"strftime\(((?:max\()?as_of_date\)?), '%-d %B %Y'\)")
WORDS = ("label", "title", "message", "default", "x_label", "y_label")


def serve(database: Path, *, port: int, languages: Sequence[Language] = LANGUAGES) -> int:
    """Serve the live board at 127.0.0.1 until the process is stopped.

    Parameters
    ----------
    database : Path
        Published database; it is only read.
    port : int
        When it is in use, dbt Charts takes the next free one and says so.
    languages : sequence of str, optional
        Which addresses are named; both are served.

    Returns
    -------
    int
        The status of the server.
    """
    dct = dct_program()
    with tempfile.TemporaryDirectory(prefix="live-") as place:
        project = Path(place)
        write_project(database, project)
        addresses = " and ".join(
            f"http://127.0.0.1:{port}/{PAGES[language][0]}/" for language in languages
        )
        shows = "shows" if len(languages) == 1 else "show"
        print(f"{addresses} {shows} {database}; Ctrl+C ends it.", flush=True)
        server = subprocess.Popen(
            [
                str(dct), "serve", "--host", "127.0.0.1", "--port", str(port), "--no-cache",
                "--project-dir", str(project),
            ],
            cwd=project,
            env={**environment(), "SEGMENTATION_DATABASE": str(database.resolve())},
        )  # fmt: skip
        try:
            return server.wait()
        finally:
            if server.poll() is None:
                server.terminate()
                server.wait()


def write_project(database: Path, project: Path) -> None:
    """Write the live board for a database: its currency, its segments, what it has, in both languages.

    Raises
    ------
    CommandError
        When the database lacks what the board asks for.
    """
    with reading(database) as connection:
        text = (CHARTS / "live" / f"{LIVE}.yml").read_text(encoding="utf-8")
        existing = tables_in(connection)
        for table, instead in OPTIONAL.items():
            if table not in existing:
                text = text.replace(table, instead)
        missing = sorted(set(TABLE.findall(text)) - existing)
        if missing:
            raise CommandError(
                f"{database} has no {', '.join(missing)}; run `make build` without a selection."
            )
        (currency,) = one_row(connection, "select currency from marts.data_origin")
        segments = connection.execute(
            "select segment_name from segmentation.segment_profiles group by 1 order by min(cluster)"
        ).fetchall()
        spoken = [words_of(connection, language) for language in LANGUAGES]
    (project / "charts").mkdir()
    shutil.copytree(CHARTS / "templates", project / "templates")
    shutil.copyfile(CHARTS / "dbt_charts.yml", project / "dbt_charts.yml")
    brand = yaml.safe_load((CHARTS / "_brand.yml").read_text(encoding="utf-8"))
    colours = segment_colours(brand, [row[0] for row in segments])
    for words in spoken:
        board = yaml.safe_load(with_currency(text, currency))
        own = yaml.safe_load((CHARTS / "_brand.yml").read_text(encoding="utf-8"))
        own["style"]["charts"]["category_colors"]["segment"]["values"] = {
            words.text(name): colour for name, colour in colours.items()
        }
        own["regional"] = words.regional()
        own["variables"]["language"]["default"] = words.language
        if words.language != "en":
            board, own = translated(board, words), translated(own, words)
        name, _ = PAGES[words.language]
        board["extends"] = f"../_brand_{words.language}.yml"
        others = [link for language, (_, link) in PAGES.items() if language != words.language]
        board["rows"].insert(0, {"text": " · ".join(others)})
        _write(project / "charts" / f"{name}.yml", board)
        _write(project / f"_brand_{words.language}.yml", own)


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")


def translated(part: Any, words: Words) -> Any:
    """Return a part of a board in the language of the words: what is shown, and what its queries say."""
    if isinstance(part, list):
        return [translated(one, words) for one in part]
    if not isinstance(part, dict):
        return part
    result = {}
    for key, value in part.items():
        if key == "sql":
            result[key] = query_in(value, words)
        elif key in WORDS and isinstance(value, str) and "{{" not in value:
            known = words.with_names(value)
            result[key] = known[:1].upper() + known[1:] if key != "default" else known
        else:
            result[key] = translated(value, words)
    return result


def query_in(sql: str, words: Words) -> str:
    """Return a query whose sentences, days and thousands are those of another language."""

    def sentence(found: re.Match[str]) -> str:
        before, said, after = re.fullmatch(r"'(\s*)(.*?)(\s*)'", found.group(), re.DOTALL).groups()  # type: ignore[union-attr]
        known = words.with_names(said).replace("'", "''")
        return f"'{before}{known}{after}'"

    sql = re.sub(r"'[^']*'", lambda found: sentence(found), sql).replace(
        "',', ','", f"',', '{NARROW}'"
    )
    months = ", ".join(f"'{month}'" for month in MONTHS[words.language])
    return WRITTEN_DAY.sub(
        lambda found: (
            f"(case day({found[1]}) when 1 then '1er' else day({found[1]})::varchar end || ' '"
            f" || [{months}][month({found[1]})] || ' ' || year({found[1]}))"
        ),
        sql,
    )
