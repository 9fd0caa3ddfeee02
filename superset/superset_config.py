"""Settings of Apache Superset; `make superset` starts it with them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from sqlalchemy.engine.url import URL
from sqlalchemy.pool import NullPool

HOME = Path(os.environ["SUPERSET_HOME"])
SECRET_KEY = (HOME / "secret_key").read_text(encoding="utf-8").strip()
SQLALCHEMY_DATABASE_URI = f"sqlite:///{HOME / 'superset.db'}?check_same_thread=false"

# Those of the boards for what is no segment; dashboard "Customer segments" pins the segments' own.
EXTRA_CATEGORICAL_COLOR_SCHEMES = [
    {
        "id": "house",
        "label": "Okabe and Ito, without the segments",
        "colors": ["#56B4E9", "#D55E00", "#000000", "#8C8C8C", "#F0E442"],
    }
]
EXTRA_SEQUENTIAL_COLOR_SCHEMES = [
    {"id": "house_blues", "label": "Blues", "isDiverging": False, "colors": ["#e8f2f9", "#08519c"]}
]
APP_NAME = "Customer segments"
# Ours is the first and only one that is imported.
SQLLAB_DEFAULT_DBID = 1
FEATURE_FLAGS = {"DASHBOARD_RBAC": False, "ALERT_REPORTS": False}
# No cache: what is on the page is what is in the file.
CACHE_CONFIG = DATA_CACHE_CONFIG = {"CACHE_TYPE": "NullCache"}
WTF_CSRF_TIME_LIMIT = None
# Nothing but this machine: no tiles, no fonts, no counter.
TALISMAN_CONFIG = {
    "content_security_policy": {
        "base-uri": ["'self'"],
        "default-src": ["'self'"],
        "img-src": ["'self'", "blob:", "data:"],
        "worker-src": ["'self'", "blob:"],
        "connect-src": ["'self'"],
        "object-src": "'none'",
        "style-src": ["'self'", "'unsafe-inline'"],
        "font-src": ["'self'", "data:"],
        "script-src": ["'self'", "'strict-dynamic'"],
    },
    "content_security_policy_nonce_in": ["script-src"],
    "force_https": False,
    "session_cookie_secure": False,
}
CONTENT_SECURITY_POLICY_WARNING = False


def DB_CONNECTION_MUTATOR(  # noqa: N802
    uri: URL, params: dict[str, Any], username: str | None, security_manager: Any, source: Any
) -> tuple[URL, dict[str, Any]]:
    """Send every DuckDB connection to the published file, and keep none of them open.

    The path is known when the server starts, so that neither a file of the repository nor the
    metadata name a folder of this machine. Without a pool each query opens the file anew: a build
    replaces it at any time, and the next query reads the new one.
    """
    if uri.get_backend_name() == "duckdb":
        uri = uri.set(database=os.environ["SEGMENTATION_DATABASE"])
        params["poolclass"] = NullPool
        connect_args = params.setdefault("connect_args", {})
        connect_args["read_only"] = True
    return uri, params
