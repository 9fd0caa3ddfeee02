"""The session that dbt's statements and Python models share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dbt.adapters.spark.connections import SparkConnectionManager, SparkCredentials
from pyspark.sql import SparkSession


class SessionCredentials(SparkCredentials):
    """What the profile says."""

    @property
    def type(self) -> str:
        """Name of the adapter."""
        return "sparksession"


class SessionConnectionManager(SparkConnectionManager):
    """dbt-spark's."""

    TYPE = "sparksession"


def session_of(settings: Mapping[str, Any]) -> SparkSession:
    """Return this process's session, started with the settings of the profile when there is none.

    Parameters
    ----------
    settings : mapping of str to str
        ``server_side_parameters`` of the profile.
    """
    builder = SparkSession.builder
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()
