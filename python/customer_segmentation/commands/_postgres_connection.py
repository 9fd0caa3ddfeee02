"""Connection strings of PostgreSQL: taken apart, refused when libpq would misread them, never shown."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from customer_segmentation.publishing import CommandError

if TYPE_CHECKING:
    pass

# Without a connection string, one of these must say where.
PLACES = ("PGHOST", "PGHOSTADDR", "PGDATABASE", "PGSERVICE")

CONNECT_SECONDS = 10


SECRET_PARAMETERS = ("password", "sslpassword", "oauth_client_secret")
APPLICATION = "customer_segmentation"


def connection_parameters(dsn: str) -> dict[str, Any]:
    """Take a connection string apart, and refuse one that libpq would read wrongly.

    Parameters
    ----------
    dsn : str
        URI or ``key=value`` pairs; empty when PostgreSQL's own variables say everything.

    Returns
    -------
    dict of str
        Arguments of ``psycopg.connect``.

    Raises
    ------
    CommandError
        It never repeats the string, which may hold a password.
    """
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    dsn = dsn.strip()
    if not dsn and not any(os.environ.get(name) for name in PLACES):
        raise CommandError(
            "say where: make postgres DSN=postgresql://user@host/database, or set PGHOST and"
            " PGDATABASE (or PGSERVICE); the password may be in PGPASSWORD or PGPASSFILE."
        )
    try:
        parameters = conninfo_to_dict(dsn)
    except psycopg.Error:
        parameters = None
    if parameters is None or is_cut_wrongly(dsn, parameters):
        raise CommandError(
            "DSN is no connection string that PostgreSQL understands (it is not shown, since it may"
            " hold a password); it looks like postgresql://user@host:5432/database. In a password,"
            " write @ as %40, / as %2F, : as %3A and % as %25, or leave it out and set PGPASSWORD or"
            " PGPASSFILE."
        )
    if not parameters.get("connect_timeout") and not os.environ.get("PGCONNECT_TIMEOUT"):
        parameters["connect_timeout"] = CONNECT_SECONDS
    return {**parameters, "application_name": APPLICATION}


def is_cut_wrongly(dsn: str, parameters: Mapping[str, Any]) -> bool:
    """Tell whether an unescaped @ or / of a password, or all of an address, has become something else.

    libpq takes ``user:pa/ss@host/db`` for host ``user`` with port ``pa``, and an error names both.
    """
    ports = str(parameters.get("port", "")).replace(",", "")
    if ports and not ports.isdecimal():
        return True
    if "://" not in dsn or "=" in dsn.split("://", 1)[0]:
        return "@" in parameters.get("host", "") or "://" in parameters.get("dbname", "")
    rest = dsn.split("://", 1)[1].split("?", 1)[0]
    authority, _, path = rest.partition("/")
    return authority.count("@") > 1 or "@" in path


def without_secrets(text: str, dsn: str, parameters: Mapping[str, Any]) -> str:
    """Return a message of PostgreSQL without connection string and passwords."""
    secrets = {dsn.strip(), *(str(parameters.get(name) or "") for name in SECRET_PARAMETERS)}
    secrets |= {os.environ.get("PGPASSWORD", "")}
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "…")
    return text
