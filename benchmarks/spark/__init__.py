"""A selection built by DuckDB and on Spark: what each takes, what Spark shuffles, whether the tables are equal.

``event_log``  what Spark writes about its stages, summed for each dbt node
``processes``  a command, and what its processes took together
``run``        both builds, compared and stored
``report``     the tables of docs/scale.md
"""
