"""What dbt asks about somebody's own orders, whichever engine asks."""

from __future__ import annotations

import datetime
import json
import shutil
from collections.abc import Mapping as AnyMapping
from pathlib import Path
from typing import Any

import duckdb

from customer_segmentation._sql import sql_text
from customer_segmentation.shop.lines import typed_lines, typed_reviews
from customer_segmentation.shop.look import EVENTS, problems_of
from customer_segmentation.shop.mapping import ShopError, mapping_from
from customer_segmentation.shop.source import open_source

# As the models shop_lines and shop_reviews have them; engines round differently.
REVIEW_TYPES = {"order_id": "varchar", "review_score": "int", "review_answered_at": "timestamp"}
LINE_TYPES = {
    **REVIEW_TYPES,
    "customer_id": "varchar",
    "ordered_at": "timestamp",
    "amount": "decimal(24, 6)",
    "status": "varchar",
}


class ShopAnswers:
    """What the macros of dbt ask about somebody's own orders; each answer is a JSON object.

    Parameters
    ----------
    named : Path
        Folder with dbt_project.yml; where it has no models, the one that this package lies in is taken.
    copies : bool
        Whether the engine of the build reads a copy in Parquet, rather than what DuckDB reads.
    """

    def __init__(self, named: Path, *, copies: bool = False) -> None:
        self.project = named if (named / EVENTS).exists() else Path(__file__).parents[3]
        self.copies = copies

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
            Folder for a copy of what the build's engine cannot read.

        Returns
        -------
        str
            JSON object: ``sql``, and of a copy its ``file``; or ``problems``, sentences.
        """
        said, named = json.loads(shop), json.loads(model)
        try:
            if named:
                return self._reading_of_model(said, named)
            with duckdb.connect() as connection:
                connection.execute("set timezone = 'UTC'")
                source = open_source(connection, said.get("orders"))
                lines = typed_lines(connection, source, mapping_from(said))
                if self.copies or not all(one.is_file for one in lines.sources):
                    return json.dumps(_copied(connection, lines.sql, scratch, LINE_TYPES))
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
            Folder for a copy of what the build's engine cannot read.

        Returns
        -------
        str
            JSON object: ``sql``, null where there are none, and of a copy its ``file``; or ``problems``, sentences.
        """
        said = json.loads(shop)
        try:
            with duckdb.connect() as connection:
                connection.execute("set timezone = 'UTC'")
                reviews = typed_reviews(connection, mapping_from(said))
                if reviews is None:
                    return json.dumps({"sql": None})
                if self.copies or not all(one.is_file for one in reviews.sources):
                    return json.dumps(_copied(connection, reviews.sql, scratch, REVIEW_TYPES))
        except ShopError as error:
            return json.dumps({"problems": list(error.problems)})
        return json.dumps({"sql": reviews.sql})

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
                if not all(one.is_file for one in lines.sources[1:]):
                    raise ShopError(
                        "customers of a database cannot be joined to orders of a dbt model: join them in the model, or"
                        " give a file in UTF-8."
                    )
        finally:
            Path(copy).unlink(missing_ok=True)
        return json.dumps({"sql": lines.sql.replace(source.sql, named["relation"])})


def _copied(
    connection: duckdb.DuckDBPyConnection, sql: str, scratch: str, types: AnyMapping[str, str]
) -> dict[str, str]:
    """Copy what a select reads, with the types that its model gives it, and return a select of the copy."""
    folder = Path(scratch)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    file = str(folder / "copy.parquet")
    typed = ", ".join(f"cast({name} as {kind}) as {name}" for name, kind in types.items())
    connection.execute(f"copy (select * replace ({typed}) from ({sql})) to {sql_text(file)}")
    return {"sql": f"select * from read_parquet({sql_text(file)})", "file": file}
