"""Python models in the session of this process."""

from __future__ import annotations

import linecache
import os
import re
import traceback
from typing import Any

from dbt.adapters.base import PythonJobHelper
from dbt_common.exceptions import DbtRuntimeError

from dbt.adapters.sparksession.connections import (
    SessionCredentials,
    describe_jobs,
    session_of,
)


class SessionJob(PythonJobHelper):
    """Runs the script that dbt compiles of a Python model.

    Parameters
    ----------
    parsed_model : dict
        As dbt hands it over.
    credentials : SessionCredentials
    """

    def __init__(self, parsed_model: dict[str, Any], credentials: SessionCredentials) -> None:
        self.name = parsed_model["alias"]
        self.node = parsed_model["unique_id"]
        self.settings = credentials.server_side_parameters or {}

    def submit(self, compiled_code: str) -> None:
        """Run it; it ends by writing the model's table.

        Parameters
        ----------
        compiled_code : str

        Raises
        ------
        DbtRuntimeError
            What went wrong, with the lines of the model where it did.
        """
        # No module has this name, so that functions of the model travel to executors by value.
        name = f"<{self.name}>"
        # For a traceback to show its lines.
        linecache.cache[name] = len(compiled_code), None, compiled_code.splitlines(True), name
        session = session_of(self.settings)
        describe_jobs(session, self.node)
        namespace = {"__name__": f"dbt_model_{self.name}", "spark": session}
        try:
            exec(compile(compiled_code, name, "exec"), namespace)
        except Exception as error:
            raise DbtRuntimeError(f"Python model failed:\n{explanation(error)}") from error


def explanation(error: Exception) -> str:
    """Return a sentence where the cause is known to us, and the traceback where it is not.

    Parameters
    ----------
    error : Exception
    """
    is_from_executor = type(error).__name__ == "PythonException"
    missing = re.search(r"ModuleNotFoundError: No module named '([^']+)'", str(error))
    if is_from_executor and missing:
        return (
            f"Spark's executors run {os.environ['PYSPARK_PYTHON']}"
            f" and do not find the Python module {missing[1]} there: install requirements-spark.txt on every"
            " machine, name their Python in PYSPARK_PYTHON, and this project's folder python in PYTHONPATH."
        )
    return "".join(traceback.format_exception(error))
