"""Where this adapter differs from dbt-spark."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import yaml
from dbt.adapters.base import BaseRelation, PythonJobHelper, available
from dbt.adapters.spark.impl import SparkAdapter
from dbt_common.exceptions import DbtRuntimeError

from customer_segmentation.intake import RawAnswers, RawFileError, SparkReading, spark_reading
from dbt.adapters.sparksession.connections import SessionConnectionManager, session_of
from dbt.adapters.sparksession.submission import SessionJob


class SparksessionAdapter(SparkAdapter):
    """dbt-spark's, with what its session method lacks. dbt builds the name of the class from that of the package."""

    ConnectionManager = SessionConnectionManager

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.answers = RawAnswers(Path(self.config.project_root))
        self.readings: dict[str, SparkReading] = {}
        self.lock = threading.Lock()
        self.is_new = False

    @property
    def default_python_submission_method(self) -> str:
        """How Python models run."""
        return "session"

    @property
    def python_submission_helpers(self) -> dict[str, type[PythonJobHelper]]:
        """What runs them."""
        return {"session": SessionJob}

    def create_schema(self, relation: BaseRelation) -> None:
        """Make a schema, in a folder that no earlier run has tables in: the catalogue would know nothing of them."""
        with self.lock:
            if not self.is_new:
                folder = Path(self._settings["spark.sql.warehouse.dir"])
                if any(folder.glob("*.db/*")):
                    raise DbtRuntimeError(
                        f"{folder} has tables of an earlier run, which this one knows nothing of; nothing was built."
                        " Name a new folder in SEGMENTATION_SPARK_WAREHOUSE, or run `make spark`, which does."
                    )
                self.is_new = True
        super().create_schema(relation)

    @available
    def sql_literal(self, value: Any) -> str:
        """Return a value of a seed as a literal; dbt-spark writes null as the text None, and stops at an apostrophe.

        Parameters
        ----------
        value : object
        """
        if value is None:
            return "null"
        return "'" + str(value).replace("\\", "\\\\").replace("'", "\\'") + "'"

    @available
    def settings_problems(self, given: str) -> list[str]:
        """Say what is wrong with the settings, given as YAML, as sentences."""
        return self.answers.settings(yaml.safe_load(given))

    @available
    def raw_folder_findings(self, folder: str) -> dict[str, list[str]]:
        """Look at all raw tables and seeds; sentences by ``problems`` and ``notes``."""
        return self.answers.findings(folder)

    @available
    def file_exists(self, path: str) -> bool:
        """Say whether there is a file."""
        return Path(path).exists()

    @available
    def raw_table_reading(self, folder: str, name: str) -> dict[str, Any]:
        """Make the views that read a raw table.

        Parameters
        ----------
        folder, name : str

        Returns
        -------
        dict
            ``rows``, a table expression, and ``refused``, a query or None; or only ``problem``, a sentence.
        """
        with self.lock:
            if name not in self.readings:
                warehouse = self._settings["spark.sql.warehouse.dir"]
                try:
                    table, copy = self.answers.reading(folder, name, f"{warehouse}.raw")
                    reading = spark_reading(table, copy=copy)
                except RawFileError as error:
                    return {"problem": f"{error}."}
                except OSError as error:
                    return {"problem": f"{name}: no copy of it in {warehouse}.raw ({error})."}
                session = session_of(self._settings)
                for view in reading.views:
                    reader = session.read.format(view.format).options(**view.options)
                    rows = reader.schema(view.schema) if view.schema else reader
                    rows.load(list(view.paths)).createOrReplaceTempView(view.name)
                self.readings[name] = reading
        reading = self.readings[name]
        return {"rows": reading.rows, "refused": reading.refused}

    @property
    def _settings(self) -> dict[str, Any]:
        return self.config.credentials.server_side_parameters or {}
