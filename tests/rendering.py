"""SQL of models and macros without dbt, to ask DuckDB what it says about a few rows."""

from __future__ import annotations

import datetime
import functools
import re
import types
from collections.abc import Mapping
from pathlib import Path

import jinja2

from customer_segmentation.intake import default_settings

PROJECT = Path(__file__).resolve().parents[1]
CLOCK = datetime.datetime(2018, 10, 20, 12, tzinfo=datetime.UTC)
ENVIRONMENT = jinja2.Environment(extensions=["jinja2.ext.do"])
SETTINGS = default_settings(PROJECT)


class Rows(types.SimpleNamespace):
    """A relation as dbt gives it to a generic test."""

    def __str__(self) -> str:
        return self.identifier


def rendered(
    *files: str, select: str = "", known: Mapping | None = None, **settings: object
) -> str:
    """Return the SQL of a model, or of an expression after macros, without dbt; `known` are names that it uses."""

    def setting(name: str, inner: str | None = None) -> object:
        if not isinstance(SETTINGS[name], dict):
            return settings.get(name, SETTINGS[name])
        group = SETTINGS[name] | settings.get(name, {})
        return group if inner is None else group[inner]

    by_name = {
        "return": lambda value: value,
        "setting": setting,
        "var": {"adapter": "olist"}.get,
        "ref": lambda name: f"staging.{name}",
        "config": lambda **_: "",
        **(known or {}),
        "run_started_at": CLOCK,
        "modules": types.SimpleNamespace(
            datetime=datetime, pytz=types.SimpleNamespace(utc=datetime.UTC)
        ),
    }
    # The words of the engine, as dbt's dispatch finds them on DuckDB.
    names = dict.fromkeys(("macros/engine.sql", *files))
    text = "".join((PROJECT / name).read_text("utf-8") for name in names)
    text = re.sub(r"adapter\.dispatch\('(\w+)'\)", r"duckdb__\1", text)
    # A generic test is a macro of another name.
    text = text.replace("{% test ", "{% macro ").replace("{% endtest %}", "{% endmacro %}")
    code = compiled(text + select)
    by_name = ENVIRONMENT.make_globals(by_name)
    return jinja2.Template.from_code(ENVIRONMENT, code, by_name).render()


@functools.cache
def compiled(text: str) -> types.CodeType:
    """Return a template as Jinja compiles it, which takes longer than all else."""
    return ENVIRONMENT.compile(text)
