"""What macros ask about the raw files, the seeds and the settings: a plugin of dbt-duckdb (profiles.yml names it)."""

from __future__ import annotations

import gc
import json
import os
from pathlib import Path
from typing import Any

import yaml
from dbt.adapters.duckdb.plugins import BasePlugin
from duckdb import DuckDBPyConnection

from customer_segmentation.intake.raw_answers import RawAnswers
from customer_segmentation.intake.raw_csv import CsvFile
from customer_segmentation.intake.raw_table import table_sql
from customer_segmentation.intake.raw_text import RawFileError
from customer_segmentation.intake.row_groups import open_with_row_groups

# After so many new objects the youngest are looked through for garbage; after so many times, the older ones.
SELDOM = (50_000, 20, 100)


class Plugin(BasePlugin):
    """Gives DuckDB functions, each answering with JSON; see its methods."""

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        """Know the project, and nothing of any folder yet.

        Parameters
        ----------
        plugin_config : dict
            ``project``: folder with dbt_project.yml.
        """
        self.answers = RawAnswers(Path(plugin_config["project"]))
        # dbt keeps to the end what it has parsed: looking for garbage in it again and again takes a tenth of its time.
        gc.freeze()
        gc.set_threshold(*SELDOM)

    def configure_connection(self, conn: DuckDBPyConnection) -> None:
        """Register the functions, for reading from any thread and at every call anew."""
        rows = os.environ.get("SEGMENTATION_ROW_GROUP_ROWS")
        if rows:
            open_with_row_groups(conn, rows=int(rows))
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
        return json.dumps(self.answers.findings(folder))

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
            JSON object: ``rows``, the table expression; ``file``; ``is_csv``; ``stand_in``, the code of the character
            that a copy has for a carriage return, or 13. Or only ``problem``, a sentence.
        """
        try:
            table, copy = self.answers.reading(folder, name, scratch)
        except RawFileError as error:
            return json.dumps({"problem": f"{error}."})
        except OSError as error:
            return json.dumps({"problem": f"{name}: no copy of it in {scratch} ({error})."})
        rows = table_sql(table, copy=copy)
        stand_in = table.source.line_ends.stand_in if isinstance(table.source, CsvFile) else ""
        return json.dumps(
            {
                "rows": rows,
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
        return json.dumps(self.answers.settings(yaml.safe_load(given)))
