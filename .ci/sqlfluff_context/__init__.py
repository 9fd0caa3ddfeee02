"""What sqlfluff's Jinja templater must know of dbt: vars from dbt_project.yml, the rest stands in."""

import datetime
import types
from pathlib import Path

import yaml

VARS = yaml.safe_load(Path("dbt_project.yml").read_text(encoding="utf-8"))["vars"]

execute = False
adapter = types.SimpleNamespace(
    dispatch=lambda name: lambda *arguments, **options: f"{name}()", type=lambda: "duckdb"
)
target = types.SimpleNamespace(type="duckdb", database="olist", schema="main")
globals()["return"] = lambda value: value  # a keyword of Python, a function in dbt's Jinja
modules = types.SimpleNamespace(datetime=datetime, pytz=types.SimpleNamespace(utc=datetime.UTC))
run_started_at = datetime.datetime(2018, 10, 18, tzinfo=datetime.UTC)


def var(name, default=None):
    """Return the project's own value, so that loops over it unroll as they do in dbt."""
    return VARS.get(name, default)


def setting(name):
    """Return the var, or the adapter's default, as the macro does."""
    given = VARS[name]
    return VARS["adapter_defaults"][VARS["adapter"]][name] if given is None else given


def sql_text(value):
    """Return a text of SQL, as the macro does."""
    return f"'{value}'"


def sql_texts(values):
    """Return what the macro does of none."""
    return "null"


def currency():
    """Return a currency."""
    return "BRL"


def notice():
    """Return a notice."""
    return "notice"


def shop_name():
    """Return a name."""
    return "name"


def shop_lines():
    """Return a select, as the macro does while parsing."""
    return "select null as order_id, null as customer_id, null as ordered_at, null as amount, null as status"


def ref(*names, **_):
    """Return the model's name."""
    return names[-1]


def source(*names):
    """Return the table's name."""
    return names[-1]


def config(**_):
    """Return nothing, as dbt's does."""
    return ""


def raw_table(name):
    """Return the source's name."""
    return name


def feature_sets():
    """Return the feature sets as the macro does."""
    return {"in_use": VARS["segmentation_features"], **setting("other_feature_sets")}


def feature_columns():
    """Return the features in use, as the macro does without transforms."""
    return VARS["segmentation_features"]


def transformed(feature, expression, is_in_fit, within):
    """Return the expression, as the macro does without transforms."""
    return expression


def is_synthetic():
    """Return what the macro does while parsing."""
    return "false"


def file_completeness_checks():
    """Return one check, as the macro does all."""
    return {
        "orders_without_payment": {
            "file": "olist_order_payments_dataset",
            "counted_as": "orders have no payment",
            "maximum_share": 0.01,
            "counted": [("base_orders", "order_id")],
            "found_in": ("base_order_payments", "order_id"),
            "where": "purchased_at < (select settled_before from settled)",
        }
    }
