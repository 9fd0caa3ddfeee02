"""Python models in the session of this process."""

from __future__ import annotations

from typing import Any

from dbt.adapters.base import PythonJobHelper

from dbt.adapters.sparksession.connections import SessionCredentials, session_of


class SessionJob(PythonJobHelper):
    """Runs the script that dbt compiles of a Python model."""

    def __init__(self, parsed_model: dict[str, Any], credentials: SessionCredentials) -> None:
        self.name = parsed_model["alias"]
        self.settings = credentials.server_side_parameters or {}

    def submit(self, compiled_code: str) -> None:
        """Run it; it ends by writing the model's table."""
        code = compile(compiled_code, f"<{self.name}>", "exec")
        exec(code, {"spark": session_of(self.settings)})
