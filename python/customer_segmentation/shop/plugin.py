"""What macros/adapters.sql asks about somebody's own orders: a plugin of dbt-duckdb (profiles.yml names it)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dbt.adapters.duckdb.plugins import BasePlugin
from duckdb import DuckDBPyConnection

from customer_segmentation.shop.answers import ShopAnswers


class Plugin(BasePlugin):
    """Gives DuckDB the questions of `ShopAnswers` as functions, each answering with a JSON object."""

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        """Know the project."""
        self.answers = ShopAnswers(Path(plugin_config["project"]))

    def configure_connection(self, conn: DuckDBPyConnection) -> None:
        """Register the functions."""
        for name, function, arguments in (
            ("shop_problems", self.answers.problems, 2),
            ("shop_reading", self.answers.reading, 3),
            ("shop_reviews", self.answers.reviews, 2),
        ):
            conn.create_function(
                name, function, ["VARCHAR"] * arguments, "VARCHAR", side_effects=True
            )
