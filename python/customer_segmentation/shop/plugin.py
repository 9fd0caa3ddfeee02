"""What macros/adapters.sql asks about somebody's own orders: a plugin of dbt-duckdb (profiles.yml names it)."""

from __future__ import annotations

import datetime
import json
import shutil
from pathlib import Path
from typing import Any

import duckdb
from dbt.adapters.duckdb.plugins import BasePlugin
from duckdb import DuckDBPyConnection

from customer_segmentation.shop.errors import ShopError
from customer_segmentation.shop.lines import typed_lines
from customer_segmentation.shop.look import EVENTS, problems_of
from customer_segmentation.shop.mapping import mapping_from
from customer_segmentation.shop.source import Source, open_source, text


class Plugin(BasePlugin):
    """Gives DuckDB two functions, each answering with a JSON object; see its methods."""

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        """Know the project: the folder named, or where it has no models the one that this package lies in."""
        named = Path(plugin_config["project"])
        self.project = named if (named / EVENTS).exists() else Path(__file__).parents[3]

    def configure_connection(self, conn: DuckDBPyConnection) -> None:
        """Register the functions."""
        for name, function, arguments in (
            ("shop_problems", self.problems, 2),
            ("shop_reading", self.reading, 3),
        ):
            conn.create_function(
                name, function, ["VARCHAR"] * arguments, "VARCHAR", side_effects=True
            )

    def problems(self, shop: str, settings: str) -> str:
        """Look at the orders.

        Parameters
        ----------
        shop : str
            Var shop, as JSON.
        settings : str
            minimum_customers, minimum_history_days and first_as_of_date, as JSON.

        Returns
        -------
        str
            JSON object with a list of sentences: ``problems``.
        """
        vars_ = json.loads(settings)
        first = vars_.get("first_as_of_date")
        found = problems_of(
            json.loads(shop),
            project=self.project,
            minimum_customers=vars_["minimum_customers"],
            minimum_history_days=vars_["minimum_history_days"],
            first_as_of_date=datetime.date.fromisoformat(first) if first else None,
        )
        return json.dumps({"problems": found})

    def reading(self, shop: str, model: str, scratch: str) -> str:
        """Say how the lines are read.

        Parameters
        ----------
        shop : str
            Var shop, as JSON.
        model : str
            JSON object: relation and columns of a dbt model, or null for both.
        scratch : str
            Folder for a copy of what another database holds.

        Returns
        -------
        str
            JSON object: ``sql``, or ``problems``, sentences.
        """
        said, named = json.loads(shop), json.loads(model)
        try:
            mapping = mapping_from(said)
            with duckdb.connect() as connection:
                connection.execute("set timezone = 'UTC'")
                if named["relation"]:
                    source = Source(
                        sql=named["relation"],
                        columns={name: kind.upper() for name, kind in named["columns"]},
                        label=f"model {said['orders']['model']}",
                        is_text=False,
                    )
                    lines = typed_lines(connection, source, mapping, is_looked_at=False)
                    return json.dumps({"sql": lines.sql})
                source = open_source(connection, said.get("orders"))
                lines = typed_lines(connection, source, mapping)
                if isinstance(said["orders"], dict):
                    folder = Path(scratch)
                    shutil.rmtree(folder, ignore_errors=True)
                    folder.mkdir(parents=True)
                    copy = folder / "lines.parquet"
                    connection.execute(f"copy ({lines.sql}) to {text(str(copy))}")
                    return json.dumps({"sql": f"select * from read_parquet({text(str(copy))})"})
        except ShopError as error:
            return json.dumps({"problems": list(error.problems)})
        return json.dumps({"sql": lines.sql})
