"""Start Apache Superset on the published database, with what superset/assets describes.

It listens at 127.0.0.1 only, and Ctrl-C stops it. It needs Superset's own environment, which
`make superset` makes, and nothing else of this project.

Examples
--------
  .venv-superset/bin/python -m customer_segmentation superset --port 8088
"""

from __future__ import annotations

import argparse
import logging
import os
import secrets
import sys
from pathlib import Path
from typing import Any, NoReturn

from customer_segmentation.publishing import CommandError, reading

FOLDER = Path("superset")
ASSETS = FOLDER / "assets"
DASHBOARD = "customer-segments"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument(
        "--port",
        type=int,
        default=os.environ.get("SUPERSET_PORT") or "8088",
        help="(default: SUPERSET_PORT or 8088)",
    )
    parser.add_argument(
        "--home",
        metavar="FOLDER",
        default=os.environ.get("SUPERSET_HOME") or str(FOLDER / "home"),
        help="where Superset keeps its own data (default: SUPERSET_HOME or superset/home)",
    )


def run(options: argparse.Namespace) -> int:
    """Provision Superset and become its server."""
    with reading(options.database):
        database = options.database.resolve()
    home = prepare_home(Path(options.home))
    user, password = account(home)
    # Before Superset is imported, which reads them then.
    os.environ.update(
        SEGMENTATION_DATABASE=str(database),
        SUPERSET_HOME=str(home),
        SUPERSET_CONFIG_PATH=str((FOLDER / "superset_config.py").resolve()),
    )
    provision(user, password)
    print(
        f"http://127.0.0.1:{options.port}/superset/dashboard/{DASHBOARD}/\n"
        f"user {user}, password {password}; Ctrl-C stops it.",
        flush=True,
    )
    serve(options.port)


def serve(port: int) -> NoReturn:
    """Become the server: a fresh process, because one that has opened databases must not fork."""
    server = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}"]
    server += ["--workers", "1", "--worker-class", "gthread", "--threads", "8", "--timeout", "120"]
    server += ["--log-level", "warning", "superset.app:create_app()"]
    os.execv(sys.executable, server)


def prepare_home(home: Path) -> Path:
    """Make the folder of Superset's own data, with the key that signs its sessions."""
    home = home.resolve()
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    keep_secret(home / "secret_key", length=42)
    return home


def account(home: Path) -> tuple[str, str]:
    """Return user and password: those of the environment, or a password made once and kept."""
    user = os.environ.get("SUPERSET_USER") or "admin"
    password = os.environ.get("SUPERSET_PASSWORD") or keep_secret(home / "password", length=12)
    return user, password


def keep_secret(path: Path, *, length: int) -> str:
    """Return the secret in a file, made at random the first time and readable by its owner only."""
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(length))
    return path.read_text(encoding="utf-8")


def provision(user: str, password: str) -> None:
    """Bring Superset's own database, its user and our assets up to date.

    What a person made in Superset beside our assets stays; a change of ours to them is undone.
    """
    logging.disable(logging.WARNING)
    try:
        import flask_migrate
        from superset.app import create_app
    except ImportError as error:
        raise CommandError(
            f"{error}; `make superset` installs Superset's own environment."
        ) from None
    app = create_app()
    with app.app_context():
        # It knows where its migrations are only from within the context.
        flask_migrate.upgrade()
        app.appbuilder.add_permissions(update_perms=True)
        app.appbuilder.sm.sync_role_definitions()
        admin = save_user(app.appbuilder.sm, user, password)
        import_assets(admin)


def save_user(security: Any, name: str, password: str) -> object:
    """Return the user of that name as administrator, with that password."""
    user = security.find_user(username=name)
    if user is None:
        user = security.add_user(
            name, name, "(make superset)", f"{name}@example.org",
            security.find_role("Admin"), password=password,
        )  # fmt: skip
        if not user:
            raise CommandError(f"user {name!r} could not be made.")
    else:
        security.reset_password(user.id, password)
    return user


def import_assets(user: object) -> None:
    """Import database, datasets, charts and dashboard from their files."""
    from flask import g
    from superset.commands.exceptions import CommandException
    from superset.commands.importers.v1.assets import ImportAssetsCommand
    from superset.connectors.sqla.models import SqlaTable
    from superset.extensions import db

    g.user = user
    contents = {
        path.relative_to(ASSETS).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(ASSETS.rglob("*.yaml"))
    }
    try:
        ImportAssetsCommand(contents).run()
    except CommandException as error:
        raise CommandError(f"{ASSETS}: {error.normalized_messages()}") from error
    # Columns, their types and their comments come from the database, so that no file repeats them.
    for dataset in db.session.query(SqlaTable).filter(SqlaTable.is_managed_externally):
        try:
            dataset.fetch_metadata()
        except Exception as error:
            raise CommandError(
                f"the database has no {dataset.schema}.{dataset.table_name} ({error});"
                " run `make build` without a selection."
            ) from error
    db.session.commit()
