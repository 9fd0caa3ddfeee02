"""Where this adapter differs from dbt-spark."""

from __future__ import annotations

import atexit
import json
import shutil
import threading
from pathlib import Path
from typing import Any

import agate
import yaml
from dbt.adapters.base import BaseRelation, PythonJobHelper, available
from dbt.adapters.spark.impl import SparkAdapter
from dbt_common.exceptions import DbtRuntimeError
from pyspark.sql import functions

from customer_segmentation.intake import (
    NUMBER,
    RawAnswers,
    RawFileError,
    SparkReading,
    SparkView,
    spark_reading,
)
from customer_segmentation.shop import ShopAnswers
from dbt.adapters.sparksession.connections import SessionConnectionManager, session_of
from dbt.adapters.sparksession.submission import SessionJob

# Whose tables the catalogue of this process knows.
FOLDERS: set[Path] = set()
LOCK = threading.Lock()


class SparksessionAdapter(SparkAdapter):
    """dbt-spark's, with what its session method lacks. dbt builds the name of the class from that of the package."""

    ConnectionManager = SessionConnectionManager

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.answers = RawAnswers(Path(self.config.project_root))
        self.shop_answers = ShopAnswers(Path(self.config.project_root), copies=True)
        self.readings: dict[str, SparkReading] = {}
        self.lock = threading.Lock()

    @property
    def default_python_submission_method(self) -> str:
        """How Python models run."""
        return "session"

    @property
    def python_submission_helpers(self) -> dict[str, type[PythonJobHelper]]:
        """What runs them."""
        return {"session": SessionJob}

    @classmethod
    def convert_integer_type(cls, agate_table: Any, col_idx: int) -> str:
        """Return the type of a seed's whole numbers: that of DuckDB."""
        return "int"

    @classmethod
    def convert_number_type(cls, agate_table: Any, col_idx: int) -> str:
        """Return the type of a seed's numbers: that of DuckDB."""
        decimals = agate_table.aggregate(agate.MaxPrecision(col_idx))
        return "double" if decimals else "int"

    def create_schema(self, relation: BaseRelation) -> None:
        """Make a schema, in a folder that no earlier run has tables in: the catalogue would know nothing of them."""
        folder = Path(self._settings["spark.sql.warehouse.dir"])
        with LOCK:
            if folder not in FOLDERS:
                if any(folder.glob("*.db/*")):
                    raise DbtRuntimeError(
                        f"{folder} has tables of an earlier run, which this one knows nothing of; nothing was built."
                        " Name a new folder in SEGMENTATION_SPARK_WAREHOUSE, or run `make spark`, which does."
                    )
                FOLDERS.add(folder)
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
                    table, copy = self.answers.reading(folder, name, f"{warehouse}.csv")
                    reading = spark_reading(table, copy=copy)
                except RawFileError as error:
                    return {"problem": f"{error}."}
                except OSError as error:
                    return {"problem": f"{name}: no copy of it in {warehouse}.csv ({error})."}
                for view in reading.views:
                    self._make_view(view, Path(f"{warehouse}.raw"))
                self.readings[name] = reading
        reading = self.readings[name]
        return {"rows": reading.rows, "refused": reading.refused}

    @available
    def shop_problems(self, shop: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
        """Say what speaks against somebody's own orders: ``problems``, sentences."""
        return json.loads(self.shop_answers.problems(_as_json(shop), _as_json(settings)))

    @available
    def shop_reading(
        self, shop: dict[str, Any], relation: str | None, settings: dict[str, Any]
    ) -> dict[str, Any]:
        """Copy somebody's own orders, typed, and say how the copy is read.

        Parameters
        ----------
        shop : dict
            Var shop.
        relation : str or None
            Of a dbt model that has the orders, as ``schema.table``; it is a folder of Parquet files.
        settings : dict
            Those that `shop_problems` goes by.

        Returns
        -------
        dict
            ``sql``; or ``problems``, sentences.
        """
        if relation:
            schema, table = relation.replace("`", "").split(".")[-2:]
            folder = Path(self._settings["spark.sql.warehouse.dir"], f"{schema}.db", table)
            label = f"model {shop['orders']['model']}"
            shop = {**shop, "orders": f"{folder.absolute()}/*.parquet"}
            found = self.shop_problems(shop, settings)["problems"]
            if found:
                return {"problems": [one.replace(shop["orders"], label) for one in found]}
        answer = self.shop_answers.reading(_as_json(shop), "{}", self._scratch("shop"))
        return _of_copy(json.loads(answer))

    @available
    def shop_reviews(self, shop: dict[str, Any]) -> dict[str, Any]:
        """Copy reviews that are no columns of the orders; see `shop_reading`."""
        answer = self.shop_answers.reviews(_as_json(shop), self._scratch("reviews"))
        return _of_copy(json.loads(answer))

    def _scratch(self, name: str) -> str:
        """Return a folder beside that of the tables, which every executor reaches; it goes when dbt ends."""
        folder = f"{self._settings['spark.sql.warehouse.dir']}.{name}"
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        return folder

    def _make_view(self, view: SparkView, folder: Path) -> None:
        """Make a temporary view; the folder holds what is written first, and goes when dbt ends."""
        session = session_of(self._settings)
        reader = session.read.format(view.format).options(**view.options)
        rows = (reader.schema(view.schema) if view.schema else reader).load(list(view.paths))
        if view.is_numbered:
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
            # A file is one partition; its header is the first record.
            number = functions.monotonically_increasing_id() + 2
            path = str(folder / view.name)
            rows.withColumn(NUMBER, number).write.mode("overwrite").parquet(path)
            rows = session.read.parquet(path)
        rows.createOrReplaceTempView(view.name)

    @property
    def _settings(self) -> dict[str, Any]:
        return self.config.credentials.server_side_parameters or {}


def _as_json(value: Any) -> str:
    """Write what a macro gives; a date is written as text."""
    return json.dumps(value, default=str)


def _of_copy(answer: dict[str, Any]) -> dict[str, Any]:
    """Say in Spark's words how a copy is read."""
    if "file" in answer:
        name = str(Path(answer["file"]).absolute()).replace("`", "``")
        return {"sql": f"select * from parquet.`{name}`"}
    return answer
