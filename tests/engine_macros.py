"""Macros of macros/ as text of either engine's SQL, without dbt: for tests that ask both engines the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2

PROJECT = Path(__file__).resolve().parents[1]
FILES = (
    "macros/engine.sql",
    "macros/raw_values.sql",
    "python/dbt/include/sparksession/macros/engine.sql",
)


def rendered(expression: str, engine: str) -> str:
    """Return what a Jinja expression with our macros is in the SQL of an engine, duckdb or spark."""

    class Adapter:
        """Stands in for dbt's."""

        def dispatch(self, name: str) -> Any:
            return lambda *given: getattr(template.module, f"{engine}__{name}")(*given)

    environment = jinja2.Environment(extensions=["jinja2.ext.do"])
    environment.globals |= {
        "return": lambda value: value,
        "adapter": Adapter(),
        "var": lambda *given: given[-1],
        "execute": False,
    }
    text = "".join((PROJECT / name).read_text("utf-8") for name in FILES)
    template = environment.from_string(text)
    names = vars(template.module) | environment.globals
    # Macros call each other across files, so that all are names of one template.
    return environment.from_string(text + "{{ " + expression + " }}").render(names).strip()
