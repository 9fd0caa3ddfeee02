"""What sqlfluff's Jinja templater must know of dbt: settings from dbt_project.yml, the rest stands in."""

import datetime
import types
from pathlib import Path

import yaml

VARS = yaml.safe_load(Path("dbt_project.yml").read_text(encoding="utf-8"))["vars"]

execute = False


def dispatch(name):
    """Return a stand-in for a macro of the engine: a call, or what may follow a star."""
    if name == "all_but":
        return lambda columns: f"exclude ({', '.join(columns)})"
    return lambda *arguments, **options: f"{name}()"


adapter = types.SimpleNamespace(dispatch=dispatch, type=lambda: "duckdb")
target = types.SimpleNamespace(type="duckdb", database="olist", schema="main")
globals()["return"] = lambda value: value  # a keyword of Python, a function in dbt's Jinja
modules = types.SimpleNamespace(datetime=datetime, pytz=types.SimpleNamespace(utc=datetime.UTC))
run_started_at = datetime.datetime(2018, 10, 18, tzinfo=datetime.UTC)


def setting(name, of_group=None):
    """Return the default, so that loops over it unroll as they do in dbt."""
    stated = VARS["settings"][name]
    return stated["default"] if of_group is None else stated["settings"][of_group]["default"]


def sql_text(value):
    """Return a text of SQL, as the macro does."""
    return f"'{value}'"


def sql_texts(values):
    """Return what the macro does of none."""
    return "null"


def currency():
    """Return a currency."""
    return "BRL"


def money_unit(language):
    """Return what stands after an amount."""
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


def shop_reviews():
    """Return a select, as the macro does of columns of the orders."""
    return "select null as order_id, null as review_score, null as review_answered_at"


def shop_traits():
    """Return some, as the macro does of a shop that has them."""
    return ["country", "state"]


def has_input(feature):
    """Return what the macro does of Olist's features."""
    return True


def ref(*names, **_):
    """Return the model's name."""
    return names[-1]


def source(*names):
    """Return the table's name."""
    return names[-1]


def config(**_):
    """Return nothing, as dbt's does."""
    return ""


def csv_rejects():
    """Return the table's name."""
    return "csv_rejects"


def raw_table(name):
    """Return the source's name."""
    return name


def var(name):
    """Return what stands under `vars:`."""
    return VARS[name]


def features_with(attribute):
    """Return the features as the macro does."""
    return [name for name, stated in VARS["features"].items() if stated.get(attribute)]


def features_of(table):
    """Return name and column of the features of a table, as the macro does."""
    stated = VARS["features"].items()
    return {name: one.get("column", name) for name, one in stated if one["of"] == table}


def watched_features():
    """Return the features as the macro does."""
    return list(dict.fromkeys([*features_with("is_described"), *setting("segmentation_features")]))


def feature_columns():
    """Return the features in use, as the macro does without transforms."""
    return setting("segmentation_features")


def transformed(feature, expression, is_in_fit, within):
    """Return the expression, as the macro does without transforms."""
    return expression


def is_synthetic():
    """Return what the macro does while parsing."""
    return "false"


def staged_files():
    """Return one file, as the macro does all."""
    return {"olist_sellers_dataset": ("stg_sellers", ["seller_id"])}


def file_completeness_checks():
    """Return one check, as the macro does all."""
    return {
        "orders_without_payment": {
            "file": "olist_order_payments_dataset",
            "counted_as": "orders have no payment",
            "counted": [("stg_orders", "order_id")],
            "found_in": ("stg_order_payments", "order_id"),
            "where": "purchased_at < (select settled_before from settled)",
        }
    }
