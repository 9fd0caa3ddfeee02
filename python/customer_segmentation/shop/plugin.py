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

from customer_segmentation._sql import sql_text
from customer_segmentation.shop.errors import ShopError
from customer_segmentation.shop.lines import typed_lines, typed_reviews
from customer_segmentation.shop.look import EVENTS, problems_of
from customer_segmentation.shop.mapping import mapping_from
from customer_segmentation.shop.source import Source, open_source


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
            ("shop_reviews", self.reviews, 2),
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
        found = self._problems(json.loads(shop), json.loads(settings))
        return json.dumps({"problems": found})

    def _problems(self, shop: dict[str, Any], settings: dict[str, Any]) -> list[str]:
        first = settings.get("first_as_of_date")
        return problems_of(
            shop,
            project=self.project,
            minimum_customers=settings["minimum_customers"],
            minimum_history_days=settings["minimum_history_days"],
            first_as_of_date=datetime.date.fromisoformat(first) if first else None,
        )

    def reading(self, shop: str, model: str, scratch: str) -> str:
        """Say how the lines are read.

        Parameters
        ----------
        shop : str
            Var shop, as JSON.
        model : str
            JSON object: relation of a dbt model, Parquet file with a copy of it to look at, which is
            removed, and the settings of `problems`; empty for orders elsewhere.
        scratch : str
            Folder for a copy of what another database holds.

        Returns
        -------
        str
            JSON object: ``sql``, or ``problems``, sentences.
        """
        said, named = json.loads(shop), json.loads(model)
        try:
            if named:
                return self._reading_of_model(said, named)
            with duckdb.connect() as connection:
                connection.execute("set timezone = 'UTC'")
                source = open_source(connection, said.get("orders"))
                lines = typed_lines(connection, source, mapping_from(said))
                if any(_is_elsewhere(one) for one in lines.sources):
                    return json.dumps({"sql": _copied(connection, lines.sql, scratch)})
        except ShopError as error:
            return json.dumps({"problems": list(error.problems)})
        return json.dumps({"sql": lines.sql})

    def reviews(self, shop: str, scratch: str) -> str:
        """Say how reviews are read that are no columns of the orders.

        Parameters
        ----------
        shop : str
            Var shop, as JSON.
        scratch : str
            Folder for a copy of what another database holds.

        Returns
        -------
        str
            JSON object: ``sql``, null where there are none; or ``problems``, sentences.
        """
        said = json.loads(shop)
        try:
            with duckdb.connect() as connection:
                connection.execute("set timezone = 'UTC'")
                reviews = typed_reviews(connection, mapping_from(said))
                sql = None if reviews is None else reviews.sql
                if reviews is not None and any(_is_elsewhere(one) for one in reviews.sources):
                    sql = _copied(connection, reviews.sql, scratch)
        except ShopError as error:
            return json.dumps({"problems": list(error.problems)})
        return json.dumps({"sql": sql})

    def _reading_of_model(self, shop: dict[str, Any], named: dict[str, Any]) -> str:
        copy, label = named["copy"], f"model {shop['orders']['model']}"
        shop = {**shop, "orders": copy}
        try:
            problems = self._problems(shop, named["settings"])
            if problems:
                return json.dumps({"problems": [one.replace(copy, label) for one in problems]})
            with duckdb.connect() as connection:
                connection.execute("set timezone = 'UTC'")
                source = open_source(connection, copy)
                lines = typed_lines(connection, source, mapping_from(shop))
                if any(_is_elsewhere(one) for one in lines.sources[1:]):
                    raise ShopError(
                        "customers of a database cannot be joined to orders of a dbt model: join them in the model, or"
                        " give a file in UTF-8."
                    )
        finally:
            Path(copy).unlink(missing_ok=True)
        return json.dumps({"sql": lines.sql.replace(source.sql, named["relation"])})


def _is_elsewhere(source: Source) -> bool:
    """Say whether the connection of the build cannot read a source as it is said."""
    return not source.sql.startswith(("read_csv(", "read_parquet("))


def _copied(connection: DuckDBPyConnection, sql: str, scratch: str) -> str:
    """Copy what a select reads from another database, and return a select of the copy."""
    folder = Path(scratch)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    copy = sql_text(str(folder / "copy.parquet"))
    connection.execute(f"copy ({sql}) to {copy}")
    return f"select * from read_parquet({copy})"
