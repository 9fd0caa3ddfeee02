"""Our side of a part: the project's own dbt models, materialised in a copy of the built database.

dbt compiles the SQL and knows the settings of the Python models; both are in its manifest. Running
them from there does the work that a node does in `dbt build`, without dbt's own time around it.
"""

from __future__ import annotations

import json
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb


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
    """

    def __init__(
        self,
        database: Path,
        manifest: Mapping[str, Any],
        *,
        threads: int = 2,
        memory_limit: str = "4GB",
    ) -> None:
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
        """Materialise models, in the given order.

        Parameters
        ----------
        names : sequence of str
        changes : mapping, optional
            Settings of Python models to replace, to run a part of one.
        """
        for name in names:
            node = self.nodes[name]
            kind = node["config"]["materialized"]
            if node["language"] == "python":
                # DuckDB finds the variable by its name.
                rows_of_model = self._run_python(node, changes or {})  # noqa: F841
                self.connection.execute(
                    f"create or replace table {self.relation(name)} as from rows_of_model"
                )
            else:
                self.connection.execute(
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

    def _run_python(self, node: Mapping[str, Any], changes: Mapping[str, Any]) -> Any:
        code: dict[str, Any] = {"__name__": node["name"]}
        exec(compile(node["raw_code"], node["original_file_path"], "exec"), code)
        config = self.config(node["name"])
        settings = merged(config["settings"], changes)
        dbt = _Dbt(self, node, {**config, "settings": settings})
        return code["model"](dbt, self.connection)


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
        self, warehouse: Warehouse, node: Mapping[str, Any], config: Mapping[str, Any]
    ) -> None:
        self._warehouse = warehouse
        self.config = _Config(config, node["config"]["meta"])
        self.this = types.SimpleNamespace(schema=node["schema"], identifier=node["alias"])

    def ref(self, name: str) -> duckdb.DuckDBPyRelation:
        # A table or a view.
        return self._warehouse.connection.sql(f"from {self._warehouse.relation(name)}")


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
