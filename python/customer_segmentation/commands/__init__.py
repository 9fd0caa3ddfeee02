"""The commands of ``python -m customer_segmentation``, a module each.

To add one: a module or package here with a docstring, `add_options` and `run`, and its sentence below.
"""

__all__ = ["COMMANDS"]

# In the order of the help.
COMMANDS = {
    "shop": "look at somebody's own orders, and write how they are read, for build --shop",
    "build": "build and test beside the published database, and put the new one in its place",
    "rollback": "go back to the database that was published before",
    "audience": "write who is in a segment, as CSV and Parquet",
    "boards": "render the boards in charts/, as HTML pages and PNG pictures",
    "contract": "write the maintenance contract, in English and French",
    "metrics": "ask the semantic layer for metrics",
    "ducklake": "build and test in a DuckLake, and put it before readers as one snapshot",
    "spark": "build and test on Apache Spark, and put the tables before readers as Parquet files",
    "parity": "compare every public table of two databases, such as those of two engines",
    "docs": "write the dbt documentation as one page",
    "postgres": "copy the public tables into PostgreSQL",
    "superset": "serve the dashboards of Apache Superset",
}
