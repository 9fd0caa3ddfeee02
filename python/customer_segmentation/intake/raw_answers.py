"""What the macros of dbt ask about the raw files, the seeds and the settings, whichever engine asks."""

from __future__ import annotations

import shutil
import threading
import weakref
from pathlib import Path
from typing import Any

from customer_segmentation.intake import raw_folder, seed_files, settings
from customer_segmentation.intake.raw_csv import CsvFile, write_copy
from customer_segmentation.intake.raw_table import RawTable


class RawAnswers:
    """Looks at each file once in a run of dbt, from whatever thread.

    Parameters
    ----------
    named : Path
        Folder with dbt_project.yml; where a profile that lies elsewhere names another one, the folder that this
        package lies in is taken.
    """

    def __init__(self, named: Path) -> None:
        beside = Path(__file__).parents[3]
        self.project = named if (named / raw_folder.SOURCES).exists() else beside
        self.tables: dict[tuple[str, str], RawTable] = {}
        self.copies: dict[tuple[str, str], Path] = {}
        self.lock = threading.Lock()

    def findings(self, folder: str) -> dict[str, list[str]]:
        """Look at all raw tables and seeds.

        Parameters
        ----------
        folder : str
            Folder with the raw files.

        Returns
        -------
        dict
            Lists of sentences: ``problems``, ``notes``.
        """
        found = raw_folder.look_into(Path(folder), raw_folder.needed_columns(self.project))
        with self.lock:
            self.tables = {(folder, name): table for name, table in found.tables.items()}
            self.copies = {}
        seeds = seed_files.problems(self.project / "seeds")
        return {"problems": [*found.problems, *seeds], "notes": list(found.notes)}

    def reading(self, folder: str, name: str, scratch: str) -> tuple[RawTable, Path | None]:
        """Say what one raw table is; a file that cannot be read as it is is copied first.

        Parameters
        ----------
        folder : str
            Folder with the raw files.
        name : str
            Name of the table.
        scratch : str
            Folder for copies, which go when dbt ends.

        Returns
        -------
        table : RawTable
        copy : Path or None

        Raises
        ------
        RawFileError, OSError
        """
        with self.lock:
            table = self.table(folder, name)
            return table, self.copy(table, folder=folder, scratch=Path(scratch))

    def settings(self, given: Any) -> list[str]:
        """Say what is wrong with some settings, as sentences."""
        return settings.settings_problems(settings.project_vars(self.project), given)

    def table(self, folder: str, name: str) -> RawTable:
        """Return what is known of a table, and look at it when nothing is."""
        key = (folder, name)
        if key not in self.tables:
            needed = raw_folder.needed_columns(self.project)[name]
            self.tables[key] = raw_folder.look_at_table(Path(folder), name, needed)
        return self.tables[key]

    def copy(self, table: RawTable, *, folder: str, scratch: Path) -> Path | None:
        """Return the copy of a table's file, which is written once, or None if it needs none."""
        key = (folder, table.name)
        if not (isinstance(table.source, CsvFile) and table.source.needs_copy):
            return None
        if key not in self.copies:
            if not self.copies:
                shutil.rmtree(scratch, ignore_errors=True)
                scratch.mkdir(parents=True)
                weakref.finalize(self, shutil.rmtree, scratch, ignore_errors=True)
            path = scratch / f"{table.name}.csv"
            write_copy(table.source, path)
            self.copies[key] = path
        return self.copies[key]
