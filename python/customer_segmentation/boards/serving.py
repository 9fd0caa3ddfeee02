"""A live board, served to this machine alone: choose a date, a segment and a state."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import yaml

from customer_segmentation.boards.drawing import dct_program, environment, segment_colours
from customer_segmentation.boards.sources import CHARTS, TABLE, tables_in, with_currency
from customer_segmentation.boards.words import Words
from customer_segmentation.publishing import CommandError, one_row, reading

LIVE = "explore"
# What the live board can do without: the names of the states.
OPTIONAL = {"seeds.states": "(select null::varchar as state_code, null::varchar as state_name)"}


def serve(database: Path, *, port: int) -> int:
    """Serve the live board at 127.0.0.1 until the process is stopped.

    Parameters
    ----------
    database : Path
        Published database; it is only read.
    port : int
        When it is in use, dbt Charts takes the next free one and says so.

    Returns
    -------
    int
        The status of the server.
    """
    dct = dct_program()
    with tempfile.TemporaryDirectory(prefix="live-") as place:
        project = Path(place)
        write_project(database, project)
        print(f"http://127.0.0.1:{port}/{LIVE}/ shows {database}; Ctrl+C ends it.", flush=True)
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
    """Write the live board for a database: its currency, its segments, what it has.

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
    (project / "charts").mkdir()
    shutil.copytree(CHARTS / "templates", project / "templates")
    shutil.copyfile(CHARTS / "dbt_charts.yml", project / "dbt_charts.yml")
    (project / "charts" / f"{LIVE}.yml").write_text(
        with_currency(text, currency),
        encoding="utf-8",
    )
    brand = yaml.safe_load((CHARTS / "_brand.yml").read_text(encoding="utf-8"))
    colours = segment_colours(brand, [row[0] for row in segments])
    brand["style"]["charts"]["category_colors"]["segment"]["values"] = colours
    brand["regional"] = Words("en").regional()
    (project / "_brand.yml").write_text(
        yaml.safe_dump(brand, sort_keys=False, allow_unicode=True), encoding="utf-8"
    )
