"""The session that dbt's statements and Python models share."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from dbt.adapters.contracts.connection import Connection, ConnectionState
from dbt.adapters.spark.connections import SparkConnectionManager, SparkCredentials
from dbt_common.exceptions import DbtRuntimeError
from pyspark.sql import SparkSession

from dbt.adapters.sparksession.functions import register_functions

# Where executors look for Python modules.
MODULES = "spark.executorEnv.PYTHONPATH"


class SessionCredentials(SparkCredentials):
    """What the profile says."""

    def __post_init__(self) -> None:
        """Name folders whole: executors work in folders of their own."""
        super().__post_init__()
        settings = self.server_side_parameters
        folders = [folder for folder in settings.get(MODULES, "").split(os.pathsep) if folder]
        if folders:
            settings[MODULES] = os.pathsep.join(map(os.path.abspath, folders))

    @property
    def type(self) -> str:
        """Name of the adapter."""
        return "sparksession"


class SessionConnectionManager(SparkConnectionManager):
    """dbt-spark's, with less to read."""

    TYPE = "sparksession"

    @classmethod
    def open(cls, connection: Connection) -> Connection:
        """Start the session with the first connection, and let it say only what is wrong.

        Parameters
        ----------
        connection : Connection
        """
        if connection.state != ConnectionState.OPEN:
            session = session_of(connection.credentials.server_side_parameters or {})
            session.sparkContext.setLogLevel("FATAL")
            register_functions(session)
            # What is wrong with a statement, dbt says itself.
            logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)
        return super().open(connection)

    @contextmanager
    def exception_handler(self, sql: str) -> Iterator[None]:
        """Name the jobs of a statement; say what is wrong with it, without Spark's plan of it.

        Parameters
        ----------
        sql : str
        """
        connection = self.get_thread_connection()
        session = session_of(connection.credentials.server_side_parameters or {})
        describe_jobs(session, str(connection.name))
        try:
            with super().exception_handler(sql):
                yield
        except DbtRuntimeError as error:
            raise DbtRuntimeError(re.split(r";?\n\s*['+]", str(error.msg))[0]) from None


def session_of(settings: Mapping[str, Any]) -> SparkSession:
    """Return this process's session, started with the settings of the profile when there is none.

    Parameters
    ----------
    settings : mapping of str to str
        ``server_side_parameters`` of the profile.
    """
    # Executors run the Python of this environment, not the first one of the path, unless the caller names theirs.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    # Of local-cluster; they write into Spark's own folder otherwise.
    if warehouse := settings.get("spark.sql.warehouse.dir"):
        os.environ.setdefault("SPARK_WORKER_DIR", f"{os.path.abspath(warehouse)}.workers")
    builder = SparkSession.builder
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def describe_jobs(session: SparkSession, node: str) -> None:
    """Name the jobs that this thread starts from here on, for Spark's pages and its event log.

    Parameters
    ----------
    session : pyspark.sql.SparkSession
    node : str
        dbt's unique_id of what it is at, or what it calls its connection.
    """
    session.sparkContext.setJobDescription(node)
