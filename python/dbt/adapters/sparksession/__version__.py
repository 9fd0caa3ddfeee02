"""The version of dbt-spark that this goes with."""

version = "1.11.0"
