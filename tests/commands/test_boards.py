"""The boards, opened as a person opens them: in a browser, without a network."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path

import duckdb
import pytest
import yaml

from browser import CHROMIUM, SERIOUS, TOO_WIDE, Browser, axe_source
from conftest import PROJECT, made_once, model_properties, query
from customer_segmentation import boards
from customer_segmentation.boards import drawing, rendering
from customer_segmentation.boards.pages import pages_of, table_of
from customer_segmentation.boards.sources import read_board
from customer_segmentation.publishing import CommandError

CHARTS = PROJECT / "charts"
BOARDS = boards.TITLES
DCT = Path(sys.executable).with_name("dct")
# Okabe and Ito (2008).
OKABE_ITO = {
    "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7", "#000000",
}  # fmt: skip
needs_charts = pytest.mark.skipif(
    not DCT.exists(), reason="dbt Charts is not installed; `make boards` installs it"
)
needs_browser = pytest.mark.skipif(
    not CHROMIUM, reason="there is no chromium; on Debian: apt install chromium"
)


class Page(HTMLParser):
    """The text of a page as a reader sees it, without scripts and styles."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.hidden = 0
        self.texts: list[str] = []
        self.feed(source)
        self.text = " ".join(" ".join(self.texts).split())
        # With the blanks at which no line is broken.
        self.whole = re.sub(r"[ \n]+", " ", " ".join(self.texts))

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.hidden += tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self.hidden -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        if not self.hidden and data.strip():
            self.texts.append(data.strip())


@pytest.fixture(scope="module")
def pages(sample_database: Path, shared_folder: Path) -> Path:
    """Return the folder of the boards rendered from the sample."""
    folder = shared_folder / "boards"
    made_once(folder, lambda: draw_pages(sample_database, folder))
    return folder


def draw_pages(sample_database: Path, folder: Path) -> None:
    """Render all boards in both languages."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "customer_segmentation",
            "boards",
            "--to",
            str(folder),
            "--format",
            "html",
        ],
        cwd=PROJECT,
        env={
            **os.environ,
            "PYTHONPATH": str(PROJECT / "python"),
            "SEGMENTATION_DATABASE": str(sample_database),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    # A truncated title, an unformatted number, a missing column: dbt Charts says so.
    assert "WARN-" not in done.stderr
    assert "left out" not in done.stderr


Opened = tuple[Page, list[str], list[str]]
Open = Callable[[Path], Opened]


@pytest.fixture(scope="module")
def open_page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Open]:
    """Return what opens a page in a browser without a network, once: its text, its console, what it asked for."""
    opened: dict[Path, Opened] = {}
    with Browser(tmp_path_factory.mktemp("browser"), is_offline=True) as browser:

        def open_it(path: Path) -> Opened:
            if path not in opened:
                source, console, requests = browser.read(path.as_uri())
                opened[path] = Page(source), console, requests
            return opened[path]

        yield open_it


def charts_of(board: str) -> dict[str, dict]:
    """Return the charts of a board by name."""
    return yaml.safe_load((CHARTS / f"{board}.yml").read_text(encoding="utf-8"))["charts"]


def number(value: float, places: int = 0) -> str:
    return f"{value:,.{places}f}"


@needs_browser
def test_an_error_and_a_request_of_a_page_would_be_seen(open_page: Open, tmp_path: Path) -> None:
    path = tmp_path / "bad.html"
    path.write_text(
        "<p>text</p><img src='http://example.invalid/x.png'><script>undefined.x</script>"
        "<iframe src='http://example.invalid/frame'></iframe><script>console.warn('said')</script>"
        # Not at once, but before a reader has turned to another page.
        "<script>setTimeout(() => fetch('http://example.invalid/late'), 3000)</script>"
    )
    page, console, requests = open_page(path)
    assert page.text == "text"
    for said in ("TypeError", '"said"', "ERR_NAME_NOT_RESOLVED"):
        assert any(said in line for line in console), said
    assert requests == [f"http://example.invalid/{name}" for name in ("frame", "late", "x.png")]
    path = tmp_path / "good.html"
    path.write_text("<p>another text</p>")
    page, console, requests = open_page(path)
    assert (page.text, console, requests) == ("another text", [], [])


@needs_charts
@needs_browser
@pytest.mark.build
@pytest.mark.parametrize("board", BOARDS)
def test_a_board_opens_without_error_or_request_and_shows_its_charts(
    board: str, pages: Path, open_page: Open
) -> None:
    (first, *_) = sorted(pages.glob(f"{board}*.html"))
    page, console, requests = open_page(first)
    assert console == []
    assert requests == []
    assert "SYNTHETIC DATA" in page.text
    # Every chart has its drawings, every figure and every table its labels; what has nothing to
    # show, as the sellers above a threshold that nobody reaches, is left out.
    source = first.read_text(encoding="utf-8")
    assert source.count('<div class="drawing desk">') >= 1
    for name, chart in charts_of(board).items():
        labels = [chart["label"]] if "label" in chart else []
        if chart["type"] == "table" and f'id="{name}"' in source:
            labels = [
                column["label"]
                for key, column in chart["style"]["columns"].items()
                if key not in chart.get("groups", ())
            ]
        elif chart["type"] not in ("kpi", "callout") and f'id="{name}"' in source:
            for size in ("desk", "phone"):
                assert f'id="{first.stem}-{size}-{name}-chart-{name}"' in source, f"{name}: {size}"
        for label in labels:
            assert "{{" in label or label in page.text, f"{name} is not drawn: no {label!r}"
    assert "{{" not in page.text
    assert "ERR-" not in page.text


@needs_charts
@needs_browser
@pytest.mark.build
def test_the_numbers_on_the_pages_are_those_of_the_queries(
    sample_database: Path, pages: Path, open_page: Open
) -> None:
    latest = "(select max(as_of_date) from segmentation.segment_profiles)"
    overview, _, _ = open_page(pages / "overview.html")
    ((customers, orders, revenue),) = query(
        sample_database, "select count(*), sum(order_count), sum(total_spent) from marts.customers"
    )
    for value in (customers, orders, revenue):
        assert number(value) in overview.texts
    profiles = query(
        sample_database,
        "select segment_name, customers, 100 * customer_share, 100 * revenue_share, mean_monetary,"
        f" segment_code from segmentation.segment_profiles where as_of_date = {latest}",
    )
    best = max(profiles, key=lambda row: row[3] / row[2])
    assert (
        f"{best[0]} are {number(best[2], 1)}\u00a0% of the customers"
        f" and bring {number(best[3], 1)}\u00a0% of the revenue" in overview.whole
    )
    for name, count, _, _, spent, code in profiles:
        page, _, _ = open_page(pages / f"segment_{code}.html")
        assert page.text.count(name) >= 1
        assert number(count) in page.texts
        assert number(spent, 2) in page.texts
    late = query(sample_database, "select count(*) from bi.late_orders")[0][0]
    experience, _, _ = open_page(pages / "experience.html")
    since = query(sample_database, "select late_orders_from_date from bi.question_period")[0][0]
    assert (
        f"Of the orders placed since {since:%-d %B %Y}, {number(late)} came 3 days late or more"
        in experience.text
    )
    score, sold = query(
        sample_database,
        "select average_review_score, items_value from"
        " (from marts.product_categories order by items_value desc, product_category limit 12)"
        " order by average_review_score, product_category limit 1",
    )[0]
    assert f" is rated worst: {number(score, 2)} of 5" in experience.text
    assert number(sold) in experience.texts
    study, _, _ = open_page(pages / "study.html")
    candidates = query(sample_database, "select count(*) from segmentation.model_comparison")[0][0]
    assert number(candidates) in study.texts


@needs_charts
@needs_browser
@pytest.mark.build
def test_the_numbers_on_the_evolution_page_are_those_of_the_queries(
    sample_database: Path, pages: Path, open_page: Open
) -> None:
    page, _, _ = open_page(pages / "evolution.html")
    months = dict(
        query(
            sample_database,
            "select cadence, interval_months from maintenance.refresh_policy where is_recommended",
        )
    )
    every = {name: "month" if size == 1 else f"{size} months" for name, size in months.items()}
    assert (
        f"Refresh the lists of customers every {every['rescore']},"
        f" and renew the model every {every['refit']}" in page.text
    )
    for value in months.values():
        assert number(value) in page.texts
    dates = [row[0] for row in query(sample_database, "select distinct as_of_date from marts.rfm")]
    segmented = {
        row[0]
        for row in query(
            sample_database, "select distinct as_of_date from segmentation.segment_profiles"
        )
    }
    now = max(segmented)
    # The last segmented date of which the third month is over.
    before = max(
        date
        for date in segmented
        if (now.year - date.year) * 12 + now.month - date.month - (now.day < date.day) >= 3
    )
    assert now == max(dates)
    # Every node of the flow, and those who were elsewhere at the date of comparison.
    people = "select customer_unique_id, segment_name from segmentation.customer_segments where as_of_date = "
    old = dict(query(sample_database, f"{people}'{before}'"))
    new = dict(query(sample_database, f"{people}'{now}'"))
    both = old.keys() & new.keys()
    for sizes in (Counter(old[who] for who in both), Counter(new.values())):
        for segment, size in sizes.items():
            assert segment in page.texts
            assert number(size) in page.texts
    assert number(len(new) - len(both)) in page.texts
    moved = 100 * sum(old[who] != new[who] for who in both) / len(both)
    assert (
        f"{moved:.0f}\u00a0% of the customers of {before:%-d %B %Y} are in another segment"
        in page.whole
    )
    elsewhere, retention, segment = query(
        sample_database,
        "select (select max_by(changed_share, as_of_date) from maintenance.period_stability"
        " where design = 'prediction_vs_refit'), min(retention), min_by(segment_name, retention)"
        f" from segmentation.segment_retention where as_of_date > '{now}'::date - 330",
    )[0]
    assert (
        f"A model left alone puts {100 * elsewhere:.0f}\u00a0% of customers elsewhere" in page.whole
    )
    assert (
        f"At least {100 * retention:.0f}\u00a0% of each segment stayed in it"
        f" In the last eleven months; the fewest: {segment}," in page.whole
    )


@needs_charts
@pytest.mark.build
def test_no_page_tells_where_it_was_made(pages: Path, sample_database: Path) -> None:
    for path in pages.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        for place in (str(PROJECT), str(sample_database.parent), str(Path.home()), "/tmp/"):
            assert place not in text, f"{path.name} contains {place}"
        outside = set(re.findall(r"(?:src|href)=[\"'](https?:[^\"']*)", text))
        assert outside == set(), f"{path.name} points outside"


@needs_charts
@pytest.mark.build
def test_every_segment_has_one_colour_on_every_page(pages: Path) -> None:
    colours = yaml.safe_load((CHARTS / "_brand.yml").read_text())["style"]["charts"][
        "category_colors"
    ]["segment"]["values"]
    for board in ("overview", "study"):
        text = (pages / f"{board}.html").read_text(encoding="utf-8").lower()
        for name, colour in colours.items():
            assert colour.lower() in text, f"{name} is not {colour} in {board}"


@needs_charts
@pytest.mark.build
@pytest.mark.thorough
@pytest.mark.parametrize(("kind", "begins"), [("png", b"\x89PNG"), ("pdf", b"%PDF")])
def test_a_picture_is_rendered_too(
    kind: str, begins: bytes, sample_database: Path, tmp_path: Path
) -> None:
    done = subprocess.run(
        [
            sys.executable, "-m", "customer_segmentation", "boards", "quality",
            "--format", kind, "--language", "en", "--to", str(tmp_path), "--database", str(sample_database),
        ],
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": str(PROJECT / "python")},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == [f"quality.{kind}"]
    assert (tmp_path / f"quality.{kind}").read_bytes().startswith(begins)


def test_names_are_short_on_a_phone_where_they_stay_different() -> None:
    def short(*names: str, kind: str = "bar") -> list[str]:
        chart = {"type": kind, "x": "name", "style": {"orientation": "horizontal"}}
        rows = [{"name": name, "n": 1} for name in names]
        panel = drawing.Panel(name="p", chart=chart, title="", subtitle="", rows=rows)
        return [row["name"] for row in drawing.with_short_names(panel)]

    long = "Category: watches and gifts (358 of 2,561)"
    assert short(long, "Payment: voucher (1 of 2)") == [
        "Category: watches and gifts", "Payment: voucher",
    ]  # fmt: skip
    assert short("5. Itaquaquecetuba (SP) · 7c67e1") == ["5. Itaquaquecetuba (SP)"]
    for kept in ([long, "Category: watches and gifts (1 of 2)"], ["Acre (1 of 30)"]):
        assert short(*kept) == kept
    assert short(long, kind="line") == [long]


def test_segments_are_coloured_as_the_playbook_names_them() -> None:
    """A segment that was renamed in the seed and not in the brand would lose its colour."""
    brand = yaml.safe_load((CHARTS / "_brand.yml").read_text())["style"]["charts"]
    colours = brand["category_colors"]["segment"]["values"]
    names = {
        row["name"]
        for row in _rows_of_seed(PROJECT / "seeds" / "segment_labels.csv")
        if row["language"] == "en" and row["segment_code"] in ("repeat", "big", "recent", "lapsed")
    }
    assert names == set(colours)
    assert len(set(colours.values())) == len(colours)
    assert set(colours.values()) <= OKABE_ITO
    # What is no segment never has the colour of one.
    assert not set(brand["color"]["categorical"]["palette"]) & set(colours.values())


def _rows_of_seed(path: Path) -> list[dict[str, str]]:
    import csv

    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_titles_are_computed_and_axes_are_labelled() -> None:
    for board in BOARDS:
        source = yaml.safe_load((CHARTS / f"{board}.yml").read_text(encoding="utf-8"))
        assert "{{ queries." in source["title"]
        for name, chart in source["charts"].items():
            if chart["type"] in ("bar", "line", "scatter"):
                assert "y_label" in chart, f"{board}: {name} has no unit"
                assert not re.search(r"\d", chart["title"]), f"{board}: {name} has a typed figure"


@pytest.mark.parametrize("board", BOARDS)
def test_a_share_of_customers_is_a_quotient_of_counts(board: str) -> None:
    """A sum of as many shares as there are customers ends in other digits with each order of its rows."""
    queries = read_board(board).queries
    assert not [
        name for name, sql in queries.items() if re.search(r"sum\([\w.]*customer_share", sql)
    ]


def test_an_unknown_board_is_refused_with_the_known_ones(monkeypatch) -> None:
    monkeypatch.chdir(PROJECT)
    with pytest.raises(CommandError, match="Known boards: overview, segment, rfm"):
        boards.board_names(["nonsense"])


def test_a_board_without_its_tables_is_left_out_with_a_sentence(monkeypatch, capsys) -> None:
    monkeypatch.chdir(PROJECT)
    with duckdb.connect() as connection:
        assert not rendering.can_be_answered(connection, "study", Path("x"))
    said = capsys.readouterr().err
    assert "study: left out, the database has no" in said
    assert "segmentation.model_comparison" in said


def test_every_board_is_an_exposure_with_the_tables_that_it_reads(monkeypatch) -> None:
    monkeypatch.chdir(PROJECT)
    exposures = {
        exposure["name"]: exposure
        for properties in model_properties()
        for exposure in properties.get("exposures", [])
    }
    for board in BOARDS:
        exposure = exposures[f"board_{board}"]
        assert exposure["owner"]["name"]
        assert "example" not in str(exposure["owner"])
        assert exposure["maturity"]
        read = {table.split(".")[1] for table in boards.tables_of(board)}
        declared = {re.fullmatch(r"ref\('(\w+)'\)", ref).group(1) for ref in exposure["depends_on"]}
        assert declared == read, json.dumps(sorted(read))


@needs_browser
def test_a_fault_of_a_page_would_be_found(tmp_path: Path) -> None:
    axe = axe_source()
    path = tmp_path / "bad.html"
    path.write_text("<html><body><img src='x.png'><p style='width:2000px'>wide</p></body></html>")
    with Browser(tmp_path) as browser:
        browser.open(path.as_uri(), width=390)
        assert browser.run(TOO_WIDE) > 1000
        browser.run(f"{axe}; 0")
        found = browser.run(SERIOUS)
    assert {one.split(":")[0] for one in found} >= {"image-alt", "html-has-lang"}


@needs_charts
@needs_browser
@pytest.mark.build
@pytest.mark.parametrize("language", ["en", "fr"])
def test_pages_are_accessible_and_as_wide_as_the_screen(
    language: str, pages: Path, tmp_path: Path
) -> None:
    axe = axe_source()
    folder = pages if language == "en" else pages / language
    with Browser(tmp_path) as browser:
        for path in sorted(folder.glob("*.html")):
            for width in (1280, 390):
                browser.open(path.as_uri(), width=width)
                assert browser.run(TOO_WIDE) <= 0, f"{path.name} at {width}"
                assert browser.run("document.documentElement.lang") == language
                assert browser.run("document.querySelectorAll('h1').length") == 1
                # One of the two drawings of each chart is seen.
                shown = (
                    "[...document.querySelectorAll('.drawing')].filter(e => e.offsetWidth).length"
                )
                assert browser.run(f"2 * {shown}") == browser.run(
                    "document.querySelectorAll('.drawing').length"
                )
                # Translated words change nothing that axe judges, unless there is little room.
                if language == "en" or width == 390:
                    browser.run(f"{axe}; 0")
                    assert browser.run(SERIOUS) == [], f"{path.name} at {width}"


@needs_charts
@pytest.mark.build
def test_every_link_leads_to_a_page(pages: Path) -> None:
    files = sorted(pages.rglob("*.html"))
    assert {path.name for path in files if path.parent == pages} == {
        path.name for path in files if path.parent.name == "fr"
    }
    for path in files:
        source = path.read_text(encoding="utf-8")
        links = re.findall(r'<a[^>]* href="([^"]+)"', source)
        assert "index.html" in links
        ids = set(re.findall(r'\sid="([^"]+)"', source))
        for link in links:
            if link.startswith("#"):
                assert link[1:] in ids, f"{path.name}: {link}"
            else:
                assert (path.parent / link).exists(), f"{path.name}: {link}"
        assert len(ids) == len(re.findall(r'\sid="', source)), f"{path.name}: an id twice"


@needs_charts
@pytest.mark.build
def test_nothing_on_the_french_pages_is_english(
    sample_database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = set()
    translate = boards.Words.text

    def text(words: boards.Words, english: str) -> str:
        said.add(translate(words, english))
        return translate(words, english)

    monkeypatch.setattr(boards.Words, "text", text)
    with duckdb.connect(str(sample_database), read_only=True) as connection:
        words = rendering.words_of(connection, "fr")
        for board in BOARDS:
            for page in pages_of(connection, read_board(board), words)[0]:
                for panel in page.panels():
                    if panel.kind != "kpi" and panel.rows:
                        table_of(panel, words)
    assert not words.unknown, sorted(words.unknown)
    # A sentence that fits the wrong pattern is half translated, and not unknown. Categories are as the files name them.
    common = r"\b(the|with|of|and|every|months?|days|held|customers|orders|than)\b"
    assert not [
        sentence
        for sentence in said
        if re.search(common, sentence) and not sentence.startswith("Catégorie")
    ]


OVERLAPS = """(title => [...document.querySelectorAll('[data-dbt-variable]')].filter(one => {
    const box = one.getBoundingClientRect();
    return box.width && box.left < title.right && box.right > title.left
        && box.top < title.bottom && box.bottom > title.top;
}).map(one => one.dataset.dbtVariable))(
    [...document.querySelectorAll('svg text')]
        .find(one => one.textContent.includes('had spent')).getBoundingClientRect())"""


def choose(browser: Browser, variable: str, option: str) -> None:
    """Choose an option of the live board with the mouse."""
    x, y = browser.run(
        "(box => [box.x + box.width / 2, box.y + box.height / 2])"
        f"(document.querySelector('[data-dbt-variable={variable}]').getBoundingClientRect())"
    )
    browser.click(x, y)
    browser.wait("document.querySelector('.dbt-select-option')")
    browser.run(
        "[...document.querySelectorAll('.dbt-select-option')]"
        f".find(option => option.textContent.trim() === {option!r}).click()"
    )


@needs_charts
@needs_browser
@pytest.mark.build
@pytest.mark.thorough
def test_the_live_board_shows_the_numbers_of_the_date_that_is_chosen(
    sample_database: Path, tmp_path: Path
) -> None:
    (day, customers, spent), *_ = query(
        sample_database,
        "select strftime(as_of_date, '%-d %B %Y'), count(*), round(sum(monetary))::bigint from marts.rfm"
        " group by as_of_date order by as_of_date limit 1 offset 3",
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "customer_segmentation", "boards", "--serve", "--port", str(port)],
        cwd=PROJECT,
        env={
            **os.environ,
            "PYTHONPATH": str(PROJECT / "python"),
            "SEGMENTATION_DATABASE": str(sample_database),
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        with Browser(tmp_path) as browser:
            end = time.monotonic() + 60
            while time.monotonic() < end:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                    break
                time.sleep(0.2)
            browser.open(f"http://127.0.0.1:{port}/explore/")
            headline = "document.title"
            browser.wait(f"{headline}.includes('customers had spent')", seconds=120)
            everybody = query(
                sample_database,
                "select count(*), round(sum(total_spent))::bigint,"
                " (select strftime(latest_as_of_date, '%-d %B %Y') from marts.data_origin),"
                " (select latest_as_of_date from marts.data_origin) from marts.customers",
            )[0]
            assert browser.run(headline) == (
                f"{number(everybody[0])} customers had spent {number(everybody[1])} BRL as of {everybody[2]}"
            )
            choose(browser, "as_of_date", day)
            browser.wait(f"{headline}.startsWith('{number(customers)} customers')", seconds=120)
            assert browser.run(headline) == (
                f"{number(customers)} customers had spent {number(spent)} BRL as of {day}"
            )
            # What can be chosen stands beside nothing else.
            assert browser.run(OVERLAPS) == []
            # The same in French, with words, days and numbers of the pages.
            browser.open(f"http://127.0.0.1:{port}/explorer/")
            browser.wait(f"{headline}.includes('clients avaient')", seconds=120)
            choose(browser, "segment", "Gros acheteurs")
            [(big, money)] = query(
                sample_database,
                "select count(*), round(sum(monetary))::bigint from segmentation.customer_segments"
                " inner join marts.rfm using (as_of_date, customer_unique_id)"
                " where segment_code = 'big' and as_of_date = (select max(as_of_date) from marts.periods)",
            )
            browser.wait(
                f"{headline}.startsWith('{boards.Words('fr').value(big)} clients')", seconds=120
            )
            latest = boards.Words("fr").date(everybody[3])
            assert browser.run(headline) == (
                f"{boards.Words('fr').value(big)} clients avaient dépensé"
                f" {boards.Words('fr').value(money)} BRL au {latest}"
            )
            page = browser.run("document.body.innerText")
            for word in (
                "Leurs segments",
                "Commandes par client",
                "Les 50 qui ont le plus dépensé",
            ):
                assert word in page
            for word in ("Customers", "Orders", "Latest", "All states"):
                assert word not in page
    finally:
        server.terminate()
        server.wait()
