"""Our side of a part: the project's own dbt models, materialised in a copy of the built database.

dbt compiles the SQL and knows the settings of the Python models; both are in its manifest. Running
them from there does the work that a node does in `dbt build`, without dbt's own time around it.
"""

from __future__ import annotations

import json
import types
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import duckdb

from customer_segmentation.intake import open_with_row_groups


class Warehouse:
    """A built database whose models can be made again.

    Parameters
    ----------
    database : Path
        Written to; pass a copy.
    manifest : dict
        Of the build that made it, see `read_manifest`.
    threads : int
    memory_limit : str

    Attributes
    ----------
    threads : int
        Of DuckDB; as many models are made at once, as in profiles.yml.
    """

    def __init__(
        self,
        database: Path,
        manifest: Mapping[str, Any],
        *,
        threads: int = 2,
        memory_limit: str = "4GB",
    ) -> None:
        self.threads = threads
        self.connection = duckdb.connect(
            str(database),
            # As in profiles.yml.
            config={
                "threads": threads,
                "memory_limit": memory_limit,
                "checkpoint_threshold": "1TB",
                "nested_loop_join_threshold": 64,
            },
        )
        # As a build opens it.
        open_with_row_groups(self.connection)
        self.nodes = {
            node["name"]: node
            for node in manifest["nodes"].values()
            if node["resource_type"] in ("model", "seed")
        }

    def __enter__(self) -> Warehouse:
        """Return the warehouse itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the database."""
        self.connection.close()

    def relation(self, name: str) -> str:
        """Return schema and table of a model."""
        node = self.nodes[name]
        return f"{node['schema']}.{node['alias']}"

    def forget(self, names: Sequence[str]) -> None:
        """Drop the tables of models, so that a Python model has nothing to re-use."""
        for name in names:
            if self.nodes[name]["config"]["materialized"] == "table":
                self.connection.execute(f"drop table if exists {self.relation(name)}")

    def make(self, names: Sequence[str], *, changes: Mapping[str, Any] | None = None) -> None:
        """Materialise models, several at once where none of them reads another, as dbt does.

        Parameters
        ----------
        names : sequence of str
            In an order in which they can be made one by one.
        changes : mapping, optional
            Settings of Python models to replace, to run a part of one.
        """
        waiting = list(names)
        making: dict[Future[None], str] = {}
        with ThreadPoolExecutor(self.threads) as pool:
            while waiting or making:
                unmade = {*waiting, *making.values()}
                ready = [name for name in waiting if not unmade & self._read_by(name)]
                for name in ready[: self.threads - len(making)]:
                    waiting.remove(name)
                    making[pool.submit(self._make_one, name, changes or {})] = name
                for done in wait(making, return_when=FIRST_COMPLETED).done:
                    del making[done]
                    done.result()

    def _read_by(self, name: str) -> set[str]:
        return {parent.split(".")[-1] for parent in self.nodes[name]["depends_on"]["nodes"]}

    def _make_one(self, name: str, changes: Mapping[str, Any]) -> None:
        node = self.nodes[name]
        kind = node["config"]["materialized"]
        with self.connection.cursor() as cursor:
            if node["language"] == "python":
                # DuckDB finds the variable by its name.
                rows_of_model = self._run_python(node, changes, cursor)  # noqa: F841
                cursor.execute(
                    f"create or replace table {self.relation(name)} as from rows_of_model"
                )
            else:
                cursor.execute(
                    f"create or replace {kind} {self.relation(name)} as\n{node['compiled_code']}"
                )

    def frame(self, sql: str) -> Any:
        """Return a query's rows as a DataFrame."""
        return self.connection.sql(sql).df()

    def config(self, name: str) -> dict[str, Any]:
        """Return what macro build_config_dict gives to a Python model: settings, features."""
        node = self.nodes[name]
        given: dict[str, Any] = {"__name__": name}
        exec(compile(node["compiled_code"], node["original_file_path"], "exec"), given)
        return given["config_dict"]

    def _run_python(
        self,
        node: Mapping[str, Any],
        changes: Mapping[str, Any],
        cursor: duckdb.DuckDBPyConnection,
    ) -> Any:
        code: dict[str, Any] = {"__name__": node["name"]}
        exec(compile(node["raw_code"], node["original_file_path"], "exec"), code)
        config = self.config(node["name"])
        settings = merged(config["settings"], changes)
        dbt = _Dbt(self, node, {**config, "settings": settings}, cursor)
        return code["model"](dbt, cursor)


def merged(settings: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings with some replaced; of a group, what is not named stays."""
    return {
        name: merged(value, changes[name])
        if isinstance(value, dict) and isinstance(changes.get(name), dict)
        else changes.get(name, value)
        for name, value in settings.items()
    }


class _Dbt:
    """What a Python model sees of dbt."""

    def __init__(
        self,
        warehouse: Warehouse,
        node: Mapping[str, Any],
        config: Mapping[str, Any],
        cursor: duckdb.DuckDBPyConnection,
    ) -> None:
        self._warehouse = warehouse
        self._cursor = cursor
        self.config = _Config(config, node["config"]["meta"])
        self.this = types.SimpleNamespace(schema=node["schema"], identifier=node["alias"])

    def ref(self, name: str) -> duckdb.DuckDBPyRelation:
        # A table or a view.
        return self._cursor.sql(f"from {self._warehouse.relation(name)}")


class _Config:
    def __init__(self, config: Mapping[str, Any], meta: Mapping[str, Any]) -> None:
        self._config = config
        self._meta = meta

    def __call__(self, **_: object) -> None:
        """Take no notice of the model's configuration; the manifest has it."""

    def get(self, key: str) -> Any:
        return self._config[key]

    def meta_get(self, key: str) -> Any:
        return self._meta[key]


def read_manifest(target: Path) -> dict[str, Any]:
    """Return what dbt wrote about a build."""
    return json.loads((target / "manifest.json").read_text())
