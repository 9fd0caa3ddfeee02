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
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import yaml

from customer_segmentation._outputs import writing_to
from customer_segmentation.boards import OTHER_COLOURS
from customer_segmentation.publishing import CommandError, reading, vars_of

if TYPE_CHECKING:
    import duckdb

FOLDER = Path("superset")
ASSETS = FOLDER / "assets"
DASHBOARD = "customer-segments"
# What a table of orders does not know.
OF_PLACES = {"charts/states.yaml"}
PLACES = {"customer_state", "state_code"}


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
    with reading(options.database) as connection:
        database = options.database.resolve()
        contents = assets(connection)
    home = prepare_home(Path(options.home))
    user, password = account(home)
    # Before Superset is imported, which reads them then.
    os.environ.update(
        SEGMENTATION_DATABASE=str(database),
        SUPERSET_HOME=str(home),
        SUPERSET_CONFIG_PATH=str((FOLDER / "superset_config.py").resolve()),
    )
    provision(user, password, contents)
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
    with writing_to(home, another="another folder with --home"):
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
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_urlsafe(length))
        except OSError:
            # An empty secret would be kept.
            path.unlink()
            raise
    return path.read_text(encoding="utf-8")


def assets(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Return the files of database, datasets, charts and dashboard by name, as these data need them."""
    contents = {
        path.relative_to(ASSETS).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(ASSETS.rglob("*.yaml"))
    }
    shop = vars_of(connection).get("shop")
    if not shop:
        return contents
    names = connection.execute(
        "select segment_name from segmentation.segment_profiles group by 1 order by min(cluster)"
    ).fetchall()
    return of_a_shop(contents, shop, [name for (name,) in names])


def of_a_shop(
    contents: Mapping[str, str], shop: Mapping[str, Any], segments: Sequence[str]
) -> dict[str, str]:
    """Make the assets those of a shop: its name, its currency, its segments' colours, and no states.

    Parameters
    ----------
    contents : mapping of str to str
        YAML by name.
    shop : mapping
        With name and currency, as `vars_of` gives them.
    segments : sequence of str
        Their names by number; they get the colours in this order.
    """
    unit = "" if shop["currency"] == "XXX" else f", {shop['currency']}"
    changed = {}
    for name, text in contents.items():
        if name in OF_PLACES:
            continue
        text = text.replace("_brl", "").replace(", BRL", unit).replace(", all states", "")
        text = text.replace("Olist (published", f"{shop['name']} (published")
        asset = yaml.safe_load(text.replace("warehouse/olist.duckdb", "warehouse/shop.duckdb"))
        if "columns" in asset:
            asset["columns"] = [one for one in asset["columns"] if one["column_name"] not in PLACES]
        if "position" in asset:
            _without_places(asset)
            colours = [*asset["metadata"]["label_colors"].values(), *OTHER_COLOURS]
            asset["metadata"]["label_colors"] = dict(zip(segments, colours, strict=False))
        changed[name] = yaml.safe_dump(asset, sort_keys=False, allow_unicode=True)
    return changed


def _without_places(dashboard: dict[str, Any]) -> None:
    """Take the map and the filter of states off a dashboard; what stands beside the map gets its room."""
    position = dashboard["position"]
    gone = [name for name in position if f"charts/{name.removeprefix('CHART-')}.yaml" in OF_PLACES]
    for name in gone:
        room = position.pop(name)["meta"]["width"]
        for row in position.values():
            if isinstance(row, dict) and name in row.get("children", ()):
                row["children"].remove(name)
                position[row["children"][0]]["meta"]["width"] += room
    filters = dashboard["metadata"]["native_filter_configuration"]
    filters[:] = [
        one
        for one in filters
        if not PLACES & {target.get("column", {}).get("name") for target in one["targets"]}
    ]


def provision(user: str, password: str, contents: Mapping[str, str]) -> None:
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
        import_assets(admin, contents)


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


def import_assets(user: object, contents: Mapping[str, str]) -> None:
    """Import database, datasets, charts and dashboard from their files."""
    from flask import g
    from superset.commands.exceptions import CommandException
    from superset.commands.importers.v1.assets import ImportAssetsCommand
    from superset.connectors.sqla.models import SqlaTable
    from superset.extensions import db

    g.user = user
    try:
        ImportAssetsCommand(dict(contents)).run()
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
