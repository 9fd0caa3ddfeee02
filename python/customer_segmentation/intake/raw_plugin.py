"""What macros ask about the raw files, the seeds and the settings: a plugin of dbt-duckdb (profiles.yml names it)."""

from __future__ import annotations

import gc
import json
import shutil
import threading
import weakref
from pathlib import Path
from typing import Any

import yaml
from dbt.adapters.duckdb.plugins import BasePlugin
from duckdb import DuckDBPyConnection

from customer_segmentation.intake import raw_folder, seed_files, settings
from customer_segmentation.intake.raw_csv import CsvFile, write_copy
from customer_segmentation.intake.raw_table import RawTable, table_sql
from customer_segmentation.intake.raw_text import RawFileError

# After so many new objects the youngest are looked through for garbage; after so many times, the older ones.
SELDOM = (50_000, 20, 100)


class Plugin(BasePlugin):
    """Gives DuckDB functions, each answering with JSON; see its methods."""

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        """Know the project, and nothing of any folder yet.

        Parameters
        ----------
        plugin_config : dict
            ``project``: folder with dbt_project.yml; where a profile that lies elsewhere names another one, the folder
            that this package lies in.
        """
        named = Path(plugin_config["project"])
        beside = Path(__file__).parents[3]
        self.project = named if (named / raw_folder.SOURCES).exists() else beside
        self.tables: dict[tuple[str, str], RawTable] = {}
        self.copies: dict[tuple[str, str], Path] = {}
        self.lock = threading.Lock()
        # dbt keeps to the end what it has parsed: looking for garbage in it again and again takes a tenth of its time.
        gc.freeze()
        gc.set_threshold(*SELDOM)

    def configure_connection(self, conn: DuckDBPyConnection) -> None:
        """Register the functions, for reading from any thread and at every call anew."""
        for name, function, arguments in (
            ("raw_folder_findings", self.findings, 1),
            ("raw_table_reading", self.reading, 3),
            ("settings_problems", self.settings, 1),
        ):
            conn.create_function(
                name, function, ["VARCHAR"] * arguments, "VARCHAR", side_effects=True
            )

    def findings(self, folder: str) -> str:
        """Look at all raw tables and seeds.

        Parameters
        ----------
        folder : str
            Folder with the raw files.

        Returns
        -------
        str
            JSON object with lists of sentences: ``problems``, ``notes``.
        """
        found = raw_folder.look_into(Path(folder), raw_folder.needed_columns(self.project))
        with self.lock:
            self.tables = {(folder, name): table for name, table in found.tables.items()}
            self.copies = {}
        seeds = seed_files.problems(self.project / "seeds")
        return json.dumps({"problems": [*found.problems, *seeds], "notes": found.notes})

    def reading(self, folder: str, name: str, scratch: str) -> str:
        """Say how one raw table is read; a file that DuckDB cannot read as it is is copied first.

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
        str
            JSON object: ``sql``, the table expression; ``file``; ``is_csv``; ``stand_in``, the code of the character
            that a copy has for a carriage return, or 13. Or only ``problem``, a sentence.
        """
        try:
            with self.lock:
                table = self.table(folder, name)
                copy = self.copy(table, folder=folder, scratch=Path(scratch))
        except RawFileError as error:
            return json.dumps({"problem": f"{error}."})
        except OSError as error:
            return json.dumps({"problem": f"{name}: no copy of it in {scratch} ({error})."})
        sql = table_sql(table, copy=copy)
        stand_in = table.source.line_ends.stand_in if isinstance(table.source, CsvFile) else ""
        return json.dumps(
            {
                "sql": sql,
                "file": table.label,
                "is_csv": table.is_csv,
                "stand_in": ord(stand_in or "\r"),
            }
        )

    def settings(self, given: str) -> str:
        """Say what is wrong with the settings.

        Parameters
        ----------
        given : str
            YAML object: settings and their values.

        Returns
        -------
        str
            JSON list of sentences.
        """
        project = settings.project_vars(self.project)
        return json.dumps(settings.settings_problems(project, yaml.safe_load(given)))

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
