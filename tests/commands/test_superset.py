"""Apache Superset on the published file: what its files say, and, when asked for, the server itself."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
import yaml

from conftest import PROJECT, query
from customer_segmentation.commands.superset import of_a_shop

FOLDER = PROJECT / "superset"
ASSETS = FOLDER / "assets"
SERVER = PROJECT / ".venv-superset" / "bin" / "python"
STARTING_SECONDS = 300
superset = [
    pytest.mark.superset,
    pytest.mark.skipif(
        not (os.environ.get("SEGMENTATION_TEST_SUPERSET") and SERVER.exists()),
        reason="Superset is tried on demand: `make superset-test`",
    ),
]


def assets(kind: str) -> dict[str, dict]:
    """Return the assets of a kind by the name of their file."""
    return {
        path.stem: yaml.safe_load(path.read_text(encoding="utf-8"))
        for path in (ASSETS / kind).rglob("*.yaml")
    }


@dataclass(frozen=True)
class Server:
    """A running Superset, its published file and a token of its API."""

    address: str
    database: Path
    token: str

    def get(self, path: str) -> dict:
        return call(f"{self.address}{path}", token=self.token)

    def charts(self) -> dict[str, list[dict]]:
        """Return the rows of every chart of the dashboard, by title."""
        found = self.get("/api/v1/dashboard/customer-segments/charts")["result"]
        return {
            chart["slice_name"]: self.get(f"/api/v1/chart/{chart['id']}/data/")["result"][0]["data"]
            for chart in found
        }


def call(url: str, *, token: str | None = None, body: dict | None = None) -> dict:
    request = urllib.request.Request(url, data=None if body is None else json.dumps(body).encode())
    if body is not None:
        request.add_header("Content-Type", "application/json")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.load(answer)


@pytest.fixture(scope="module")
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """Start Superset on a copy of the published database, or of the sample without one."""
    folder = tmp_path_factory.mktemp("superset")
    database = folder / "olist.duckdb"
    published = PROJECT / (os.environ.get("SEGMENTATION_DATABASE") or "warehouse/olist.duckdb")
    if not published.exists():
        published = request.getfixturevalue("sample_database")
    shutil.copy(published, database)
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    log = folder / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [str(SERVER), "-m", "customer_segmentation", "superset", "--port", str(port)],
            cwd=PROJECT,
            env={
                **os.environ,
                "PYTHONPATH": str(PROJECT / "python"),
                "SEGMENTATION_DATABASE": str(database),
                "SUPERSET_HOME": str(folder / "home"),
                "SUPERSET_USER": "tester",
                "SUPERSET_PASSWORD": "a password of this test",
            },
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        until = time.monotonic() + STARTING_SECONDS
        while True:
            assert process.poll() is None, log.read_text()[-4000:]
            assert time.monotonic() < until, log.read_text()[-4000:]
            try:
                urllib.request.urlopen(f"{address}/health", timeout=5).close()
                break
            except OSError:
                time.sleep(1)
        account = {"username": "tester", "password": "a password of this test", "provider": "db"}
        token = call(f"{address}/api/v1/security/login", body=account)["access_token"]
        yield Server(address, database, token)
    finally:
        process.terminate()
        process.wait(timeout=60)


class TestServer:
    pytestmark = superset

    def test_the_dashboard_has_its_charts_and_each_has_rows(self, server: Server) -> None:
        dashboard = server.get("/api/v1/dashboard/customer-segments")["result"]
        assert dashboard["dashboard_title"] == "Customer segments"
        assert dashboard["published"] is True
        rows = server.charts()
        assert set(rows) == {chart["slice_name"] for chart in assets("charts").values()}
        assert [title for title in rows if not rows[title]] == []

    def test_the_numbers_are_those_of_the_database(self, server: Server) -> None:
        rows = server.charts()
        people, spent = query(
            server.database, "select count(*), sum(total_spent)::double from marts.customers"
        )[0]
        assert rows["Customers"] == [{"customers": people}]
        assert rows["Revenue, BRL, all customers"][0]["revenue_brl"] == pytest.approx(spent)
        shares = dict(
            query(
                server.database,
                "select segment_name, customer_share from segmentation.segment_profiles"
                " where as_of_date = (select max(as_of_date) from marts.periods)",
            )
        )
        shown = {
            row["segment_name"]: row["share_of_customers"]
            for row in rows["Share of customers, now"]
        }
        assert shown == pytest.approx(shares)
        is_synthetic = query(server.database, "select is_synthetic from marts.data_origin")[0][0]
        (origin,) = rows["Where the data come from"]
        assert ("SYNTHETIC DATA" in origin["data_are"]) == is_synthetic

    def test_columns_carry_the_comments_of_the_database(self, server: Server) -> None:
        found = server.get("/api/v1/dashboard/customer-segments/datasets")["result"]
        assert {dataset["table_name"] for dataset in found} == set(assets("datasets"))
        (identifier,) = (d["id"] for d in found if d["table_name"] == "customer_360")
        columns = server.get(f"/api/v1/dataset/{identifier}")["result"]["columns"]
        assert len(columns) > 30
        assert [column["column_name"] for column in columns if not column["description"]] == []

    def test_sql_lab_reads_and_cannot_write_or_leave_the_database(self, server: Server) -> None:
        (database,) = server.get("/api/v1/database/")["result"]
        # A write to Superset needs its session too, against forged requests.
        cookies = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        cookies.addheaders = [("Authorization", f"Bearer {server.token}")]
        with cookies.open(f"{server.address}/api/v1/security/csrf_token/") as answer:
            csrf = json.load(answer)["result"]

        def run(sql: str) -> str:
            request = urllib.request.Request(
                f"{server.address}/api/v1/sqllab/execute/",
                data=json.dumps({"database_id": database["id"], "sql": sql}).encode(),
                headers={"Content-Type": "application/json", "X-CSRFToken": csrf},
            )
            try:
                with cookies.open(request, timeout=120) as answer:
                    return json.dumps(json.load(answer)["data"])
            except urllib.error.HTTPError as error:
                return f"refused: {error.read().decode()}"

        (people,) = query(server.database, "select count(*) from marts.customers")[0]
        assert run("select count(*) as people from marts.customers") == f'[{{"people": {people}}}]'
        for sql, why in (
            ("create table bi.mine as select 1 as one", "does not allow for DDL"),
            ("delete from marts.customers", "does not allow for DDL"),
            ("select * from read_text('/etc/hostname')", "disabled by configuration"),
        ):
            answer = run(sql)
            assert answer.startswith("refused: "), sql
            assert why in answer

    def test_the_file_is_replaced_while_superset_has_it(self, server: Server) -> None:
        """Last in its class: it changes the data that the others read."""
        before = server.charts()["Customers"]
        side = server.database.with_name("side") / server.database.name
        side.parent.mkdir()
        shutil.copy(server.database, side)
        # A file that is open in another process could not be opened for writing.
        with duckdb.connect(str(server.database)) as connection:
            connection.execute("select 1")
        with duckdb.connect(str(side)) as connection:
            view = connection.execute(
                "select sql from duckdb_views()"
                " where schema_name = 'bi' and view_name = 'customer_measures'"
            ).fetchone()[0]
            changed, count = re.subn(r"(?i)^create view", "create or replace view", view)
            assert count == 1
            connection.execute(f"{changed.rstrip().rstrip(';')} limit 7")
        os.replace(side, server.database)
        assert before != [{"customers": 7}]
        assert server.charts()["Customers"] == [{"customers": 7}]


def test_segments_have_the_colours_of_the_boards() -> None:
    brand = yaml.safe_load((PROJECT / "charts" / "_brand.yml").read_text(encoding="utf-8"))
    colours = brand["style"]["charts"]["category_colors"]["segment"]["values"]
    (dashboard,) = assets("dashboards").values()
    assert dashboard["metadata"]["label_colors"] == colours
    # The others never have one of a segment.
    config = (FOLDER / "superset_config.py").read_text(encoding="utf-8")
    for colour in brand["style"]["charts"]["color"]["categorical"]["palette"]:
        assert f'"{colour}"' in config
    assert not [colour for colour in colours.values() if colour in config]


def test_the_exposure_names_the_tables_of_the_datasets(monkeypatch) -> None:
    exposures = yaml.safe_load(
        (PROJECT / "models" / "bi" / "_exposures.yml").read_text(encoding="utf-8")
    )["exposures"]
    (exposure,) = (one for one in exposures if one["name"] == "superset_customer_segments")
    assert exposure["owner"]["name"]
    assert "example" not in str(exposure["owner"])
    assert exposure["maturity"]
    assert sorted(exposure["depends_on"]) == sorted(f"ref('{name}')" for name in assets("datasets"))


def test_every_chart_is_on_the_dashboard_and_asks_for_known_metrics() -> None:
    datasets = {one["uuid"]: one for one in assets("datasets").values()}
    charts = {one["uuid"]: one for one in assets("charts").values()}
    (dashboard,) = assets("dashboards").values()
    placed = [
        part["meta"]
        for part in dashboard["position"].values()
        if isinstance(part, dict) and part["type"] == "CHART"
    ]
    assert sorted(meta["uuid"] for meta in placed) == sorted(charts)
    assert {meta["uuid"]: meta["sliceName"] for meta in placed} == {
        uuid: chart["slice_name"] for uuid, chart in charts.items()
    }
    for chart in charts.values():
        params = chart["params"]
        known = {one["metric_name"] for one in datasets[chart["dataset_uuid"]]["metrics"]}
        shown = params.get("metrics") or [params[key] for key in ("metric",) if key in params]
        assert set(shown) <= known, chart["slice_name"]
        # What the API answers is what the page draws.
        (asked,) = json.loads(chart["query_context"])["queries"]
        assert (asked["metrics"] or []) == shown, chart["slice_name"]


def test_a_filter_reaches_a_chart_or_the_chart_says_so() -> None:
    datasets = {
        one["uuid"]: {column["column_name"] for column in one["columns"]}
        for one in assets("datasets").values()
    }
    charts = {one["uuid"]: one for one in assets("charts").values()}
    (dashboard,) = assets("dashboards").values()
    placed = {
        part["meta"]["chartId"]: charts[part["meta"]["uuid"]]
        for part in dashboard["position"].values()
        if isinstance(part, dict) and part["type"] == "CHART"
    }
    filters = {one["name"]: one for one in dashboard["metadata"]["native_filter_configuration"]}
    reached = {name: set(placed) - set(one["scope"]["excluded"]) for name, one in filters.items()}
    for name, column in (("Segment", "segment_name"), ("State", "customer_state")):
        assert filters[name]["controlValues"]["creatable"] is False
        has_column = {
            number for number, chart in placed.items() if column in datasets[chart["dataset_uuid"]]
        }
        assert reached[name] == has_column
    for number, chart in placed.items():
        title = chart["slice_name"]
        about_customers = title != "Where the data come from"
        is_reached = number in reached["Segment"]
        assert ("all customers" in title) == (not is_reached and about_customers), title
        only_segment = number in reached["Segment"] - reached["State"]
        assert ("all states" in title) == only_segment, title
        # A range of dates reaches a chart that filters by one, and no other.
        ranged = [
            one
            for one in chart["params"].get("adhoc_filters", [])
            if one.get("operator") == "TEMPORAL_RANGE"
        ]
        assert bool(ranged) == (number in reached["As-of dates"]), title
        (asked,) = json.loads(chart["query_context"])["queries"]
        assert [one["col"] for one in asked["filters"] if one["op"] == "TEMPORAL_RANGE"] == [
            one["subject"] for one in ranged
        ]
        assert {one["subject"] for one in ranged} <= datasets[chart["dataset_uuid"]]


SHOP_SEGMENTS = [f"Segment {number}" for number in range(6)]


@pytest.mark.parametrize(
    ("currency", "title"),
    [
        ("GBP", "Revenue, GBP, all customers"),
        ("XXX", "Revenue, all customers"),
        ("BRL", "Revenue, BRL, all customers"),
    ],
)
def test_the_assets_of_a_shop_speak_of_no_other(currency: str, title: str) -> None:
    contents = {
        path.relative_to(ASSETS).as_posix(): path.read_text("utf-8")
        for path in ASSETS.rglob("*.yaml")
    }
    shop = {"name": "gifts", "currency": currency, "notice": "Ours"}
    changed = of_a_shop(contents, shop, SHOP_SEGMENTS)
    assert contents.keys() - changed.keys() == {"charts/states.yaml"}
    foreign = re.compile(r"(?i)brazil|brl|BR-|CC BY|\bstates?\b|customer_state|state_code")
    for name, text in changed.items():
        if currency != "BRL":
            assert not foreign.search(text), name
        assert not re.search(r"(?i)olist", text), name
    assets_ = {name: yaml.safe_load(text) for name, text in changed.items()}
    charts = {one["slice_name"]: one for name, one in assets_.items() if name.startswith("charts/")}
    assert title in charts
    (dashboard,) = (one for name, one in assets_.items() if name.startswith("dashboards/"))
    position = dashboard["position"]
    for name, place in position.items():
        for child in place.get("children", ()) if isinstance(place, dict) else ():
            assert child in position, name
    rows = [
        place for place in position.values() if isinstance(place, dict) and place["type"] == "ROW"
    ]
    assert {sum(position[child]["meta"]["width"] for child in row["children"]) for row in rows} == {
        12
    }
    shown = {
        place["meta"]["uuid"]: place["meta"]["sliceName"]
        for place in position.values()
        if isinstance(place, dict) and place["type"] == "CHART"
    }
    assert shown == {one["uuid"]: name for name, one in charts.items()}
    metrics = {
        (one["uuid"], metric["metric_name"])
        for name, one in assets_.items()
        if name.startswith("datasets/")
        for metric in one["metrics"]
    }
    for name, chart in charts.items():
        asked = chart["params"].get("metrics", [chart["params"].get("metric")])
        for metric in asked or ():
            if isinstance(metric, str):
                assert (chart["dataset_uuid"], metric) in metrics, name
    colours = dashboard["metadata"]["label_colors"]
    assert list(colours) == SHOP_SEGMENTS
    assert len(set(colours.values())) == len(SHOP_SEGMENTS)
    filters = dashboard["metadata"]["native_filter_configuration"]
    assert [one["name"] for one in filters] == ["Segment", "As-of dates"]


def test_the_connection_is_read_only_and_no_file_names_a_machine() -> None:
    (database,) = assets("databases").values()
    assert database["extra"]["engine_params"]["connect_args"]["read_only"] is True
    assert not any(database[right] for right in ("allow_dml", "allow_ctas", "allow_cvas"))
    for path in FOLDER.rglob("*"):
        if path.is_file() and not {"home", "__pycache__"} & set(path.relative_to(FOLDER).parts):
            text = path.read_text(encoding="utf-8")
            for place in (str(PROJECT), str(Path.home()), "/tmp/", "://pypi", "index-url"):
                assert place not in text, f"{path.name} contains {place}"
