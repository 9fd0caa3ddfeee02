"""The semantic layer: every metric, asked as a person asks, against SQL written by hand."""

from __future__ import annotations

import csv
import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
import yaml

from conftest import PROJECT, query
from customer_segmentation.__main__ import main
from customer_segmentation.commands import metrics, postgres
from customer_segmentation.publishing import CommandError
from forks import DBT, Forks

MF = Path(sys.executable).with_name("mf")

pytestmark = [
    pytest.mark.build,
    pytest.mark.skipif(
        not MF.exists(), reason="MetricFlow is not installed; `make metrics` installs it"
    ),
]


class Layer:
    """A copy of the project with a copy of a database, under one name, so that dbt parses once."""

    def __init__(self, folder: Path, published: Path, forks: Forks) -> None:
        self.folder = folder
        self.forks = forks
        for name in ("models", "macros", "seeds", "analyses", "python", "tests"):
            (folder / name).symlink_to(PROJECT / name)
        for path in PROJECT.glob("*.yml"):
            shutil.copy(path, folder)
        (folder / "asking.py").write_text(ASKING, "utf-8")
        self.published = published
        self.database = folder / "warehouse" / "olist.duckdb"
        self.database.parent.mkdir()
        self.begin_anew()
        # As the command does it, which then finds nothing to parse anew.
        done = self.run(str(DBT), "--quiet", "--no-partial-parse", "parse")
        assert done.returncode == 0, done.stdout + done.stderr

    def begin_anew(self) -> None:
        """Take the database as it was published."""
        shutil.copy(self.published, self.database)

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess:
        """Run a program of Python in the folder of the project."""
        inherited = {name: value for name, value in os.environ.items() if name[:4] != "DBT_"}
        own = {
            "SEGMENTATION_DATABASE": str(self.database),
            "DBT_PROFILES_DIR": str(self.folder),
            "PYTHONPATH": str(PROJECT / "python"),
        }
        return self.forks.run(
            *command, cwd=self.folder, environment={**inherited, **own, **environment}
        )

    def call(self, *command: str) -> None:
        done = self.run(*command, SEGMENTATION_ACCESS_MODE="read_only")
        assert done.returncode == 0, done.stdout + done.stderr

    def ask(self, *questions: Question) -> dict[Question, dict[str, list[float]]]:
        """Return the values of metrics by group, all under one name when there is no group."""
        files = {question: self.folder / f"{i}.csv" for i, question in enumerate(questions)}
        words = [
            ["query", "--metrics", ",".join(asked), "--csv", str(files[asked, by])]
            + (["--group-by", by] if by else [])
            for asked, by in questions
        ]
        self.call(str(self.folder / "asking.py"), json.dumps(words))
        answers = {}
        for (asked, by), path in files.items():
            with path.open(newline="") as file:
                answers[asked, by] = {
                    (row[by] if by else "all"): [float(row[metric] or 0) for metric in asked]
                    for row in csv.DictReader(file)
                }
        return answers


# What program mf does, for one question after another.
ASKING = """
import json, sys
from dbt_metricflow.cli.cli_configuration import CLIConfiguration
from dbt_metricflow.cli.main import cli
configuration = CLIConfiguration()
for words in json.loads(sys.argv[1]):
    cli.main(words, obj=configuration, standalone_mode=False)
"""
Question = tuple[tuple[str, ...], str | None]
# Olist has no refund: revenue less refunds is revenue.
MONEY = (("revenue", "orders", "average_order_value", "net_revenue"), None)
BY_PAYMENT_TYPE = (("revenue",), "order__payment_type")
BY_MONTH = (("orders",), "metric_time__month")
PEOPLE = (
    ("customers", "segment_share", "segment_revenue_share", "customer_value"),
    "customer__segment",
)
# A join of the two semantic models over the person.
MONEY_BY_SEGMENT = (("revenue",), "customer__segment")
BY_REGION = (("repeat_customers", "repeat_rate", "at_risk_revenue"), "customer__region")


@pytest.fixture(scope="module")
def layer(sample_database: Path, tmp_path_factory: pytest.TempPathFactory, forks: Forks) -> Layer:
    return Layer(tmp_path_factory.mktemp("semantic"), sample_database, forks)


@pytest.fixture(scope="module")
def answers(layer: Layer) -> dict[Question, dict[str, list[float]]]:
    return layer.ask(MONEY, BY_PAYMENT_TYPE, BY_MONTH, PEOPLE, MONEY_BY_SEGMENT, BY_REGION)


HOLDER = """
import sys
import duckdb
with duckdb.connect(sys.argv[1], read_only=sys.argv[2] == "reader") as connection:
    if sys.argv[2] == "writer":
        connection.execute("set checkpoint_threshold = '1TB'")
        connection.execute("delete from marts.orders")
    print("open", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("holder", ["reader", "writer"])
def test_metrics_are_asked_for_while_another_program_has_the_file_open(
    layer: Layer, sample_database: Path, tmp_path: Path, holder: str
) -> None:
    database = layer.database
    program = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(database), holder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert program.stdout.readline() == "open\n"
        before = {path.name: path.read_bytes() for path in database.parent.iterdir()}
        done = layer.run(
            "-m", "customer_segmentation", "metrics", "--metrics", "orders , revenue", "--by", "customer__region",
            DBT_TARGET_PATH=str(tmp_path / "elsewhere"),
        )  # fmt: skip
        # Nothing was written: no log, no copy that stays.
        assert {path.name: path.read_bytes() for path in database.parent.iterdir()} == before
        assert program.poll() is None
    finally:
        program.communicate("", timeout=60)
        layer.begin_anew()
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    assert rows[0] == ["customer__region", "orders", "revenue"]
    assert [row[0] for row in rows[2:]] == sorted(row[0] for row in rows[2:])
    orders, revenue = query(sample_database, "select count(*), sum(order_value) from marts.orders")[
        0
    ]
    assert sum(int(row[-2]) for row in rows[2:]) == orders
    # To the cent, and without an exponent.
    assert sum(float(row[-1]) for row in rows[2:]) == pytest.approx(float(revenue), abs=0.01)
    assert "e+" not in done.stdout
    said = f"(PID {program.pid}); the answer is from a copy of what it has last saved"
    assert (said in done.stderr) == (holder == "writer")


def test_an_unknown_group_is_refused_with_the_known_ones(layer: Layer) -> None:
    done = layer.run(
        "-m", "customer_segmentation", "metrics", "--metrics", "revenue", "--by", "metric_time__month,customer__segmen",
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert "revenue cannot be grouped by 'customer__segmen'. Known groups: " in done.stderr
    assert "customer__segment, " in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("", "say which metric, such as make metrics METRICS=revenue,orders"),
        (" , ", "say which metric"),
        ("revenu", "there is no metric 'revenu'. Known metrics: revenue, orders."),
        ("orders,x y", "there is no metric 'x', 'y'. Known metrics: revenue, orders."),
    ],
)
def test_an_unknown_metric_is_refused_with_the_known_ones(asked: str, said: str) -> None:
    with pytest.raises(CommandError) as refused:
        metrics.check_metrics(metrics.names_in(asked), known=["revenue", "orders"])
    assert str(refused.value).startswith(said)
    assert "\n" not in str(refused.value)


def test_what_is_no_database_of_ours_is_said_and_not_made(tmp_path: Path, capsys) -> None:
    database = tmp_path / "olist.duckdb"
    assert main(["metrics", "--metrics", "revenue", "--database", str(database)]) == 1
    assert "run `make build`" in capsys.readouterr().err
    assert not database.exists()
    database.write_text("no database")
    assert main(["metrics", "--metrics", "revenue", "--database", str(database)]) == 1
    assert "cannot be read" in capsys.readouterr().err
    database.unlink()
    duckdb.connect(str(database)).close()
    manifest = {
        "semantic_models": [{"node_relation": {"schema_name": "bi", "alias": "order_measures"}}],
        "project_configuration": {"time_spines": []},
    }
    with (
        pytest.raises(CommandError, match=r"has no bi\.order_measures; run `make build`"),
        metrics.readable(database) as (_, connection),
    ):
        metrics.check_tables(connection, database, manifest)


def test_a_copy_is_private_whole_and_does_not_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = tmp_path / "olist.duckdb"
    database.write_bytes(b"x" * 5000)
    left_by_a_killed_run = tmp_path / ".olist.metrics-killed"
    left_by_a_killed_run.mkdir()
    os.utime(left_by_a_killed_run, (0, 0))
    with metrics.private_copy(database) as copy:
        assert copy.read_bytes() == database.read_bytes()
        assert copy.name == database.name
        assert stat.S_IMODE(copy.parent.stat().st_mode) == 0o700
    copyfile = shutil.copyfile

    def written_meanwhile(source: Path, target: Path) -> None:
        copyfile(source, target)
        with source.open("ab") as file:
            file.write(b"more")

    monkeypatch.setattr(shutil, "copyfile", written_meanwhile)
    with (
        pytest.raises(CommandError, match="changes while it is read"),
        metrics.private_copy(database),
    ):
        pass
    monkeypatch.setenv("SEGMENTATION_TEMP_DIRECTORY", str(tmp_path / "none"))
    with (
        pytest.raises(CommandError, match="name another folder with SEGMENTATION_TEMP_DIRECTORY"),
        metrics.private_copy(database),
    ):
        pass
    assert [path.name for path in tmp_path.iterdir()] == [database.name]


def by_hand(database: Path, sql: str) -> dict[str, list[float]]:
    return {str(row[0]): [float(value) for value in row[1:]] for row in query(database, sql)}


def assert_same(found: dict[str, list[float]], expected: dict[str, list[float]]) -> None:
    assert found.keys() == expected.keys()
    for key, values in expected.items():
        assert found[key] == pytest.approx(values, rel=1e-9), key


def test_orders_and_money(answers: dict, sample_database: Path) -> None:
    assert_same(
        answers[MONEY],
        by_hand(
            sample_database,
            "select 'all', sum(order_value), count(*), sum(order_value) / count(*), sum(order_value) from marts.orders",
        ),
    )


def test_money_by_payment_type_and_by_month(answers: dict, sample_database: Path) -> None:
    assert_same(
        answers[BY_PAYMENT_TYPE],
        by_hand(
            sample_database,
            "select coalesce(main_payment_type, ''), sum(order_value) from marts.orders group by 1",
        ),
    )
    found = answers[BY_MONTH]
    assert_same(
        {month[:7]: values for month, values in found.items()},
        by_hand(
            sample_database,
            "select strftime(purchased_at, '%Y-%m'), count(*) from marts.orders group by 1",
        ),
    )


def test_people_by_segment(answers: dict, sample_database: Path) -> None:
    assert_same(
        answers[PEOPLE],
        by_hand(
            sample_database,
            "select segment_name, customers, customer_share, revenue_share, revenue"
            " from segmentation.segment_profiles"
            " where as_of_date = (select as_of_date from marts.periods where is_latest)",
        ),
    )


def test_money_of_orders_by_the_segment_of_the_customer(
    answers: dict, sample_database: Path
) -> None:
    assert_same(
        answers[MONEY_BY_SEGMENT],
        by_hand(
            sample_database,
            "select segments.segment_name, sum(orders.order_value) from marts.orders as orders"
            " inner join segmentation.customer_segments as segments using (customer_unique_id)"
            " where segments.as_of_date = (select as_of_date from marts.periods where is_latest)"
            " group by 1",
        ),
    )


def test_repeat_rate_and_money_at_risk(answers: dict, sample_database: Path) -> None:
    assert_same(
        answers[BY_REGION],
        by_hand(
            sample_database,
            """
            select states.region, count(*) filter (where rfm.frequency > 1),
                count(*) filter (where rfm.frequency > 1) / count(*),
                coalesce(sum(rfm.monetary) filter (
                    where scores.recency_score <= 2 and (rfm.frequency > 1 or scores.monetary_score >= 4)
                ), 0)
            from marts.rfm as rfm
            inner join marts.rfm_scores as scores using (as_of_date, customer_unique_id)
            inner join marts.customers as customers using (customer_unique_id)
            inner join seeds.states as states on customers.customer_state = states.state_code
            where rfm.as_of_date = (select as_of_date from marts.periods where is_latest)
            group by 1
            """,
        ),
    )


def test_what_is_published_to_a_server_is_what_dbt_calls_public(
    layer: Layer, sample_database: Path
) -> None:
    manifest = json.loads((layer.folder / "target" / "manifest.json").read_text(encoding="utf-8"))
    with duckdb.connect(str(sample_database), read_only=True) as connection:
        tables = postgres.public_tables(connection)
    assert {(table.schema, table.name) for table in tables} == {
        (node["schema"], node["name"])
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model"
        and node["access"] == "public"
        # What the engine takes in is public to other projects, and nothing for readers.
        and node["schema"] != "input"
    }


def test_every_metric_is_asked_for_here() -> None:
    models = yaml.safe_load((PROJECT / "models" / "bi" / "_metrics.yml").read_text())["models"]
    names = {metric["name"] for model in models for metric in model.get("metrics", [])}
    text = Path(__file__).read_text()
    assert {metric for metric in names if f'"{metric}"' not in text} == set()
