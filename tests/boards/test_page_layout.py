"""Tables, lists of pages and tooltips, without a database."""

from __future__ import annotations

import datetime
import re
from pathlib import Path

import duckdb
import pytest
import yaml

from browser import CHROMIUM, TOO_WIDE, Browser
from conftest import PROJECT
from customer_segmentation.boards import Words, read_catalogue
from customer_segmentation.boards.drawing import Furniture, Page, Panel, tooltip, whole_board
from customer_segmentation.boards.pages import (
    Link,
    Table,
    in_groups,
    page_html,
    pages_of,
    table_of,
)
from customer_segmentation.boards.serving import OPTIONAL, query_in, translated
from customer_segmentation.boards.sources import TABLE, VARIABLE, Board, answers, read_board
from customer_segmentation.boards.words import read_names
from customer_segmentation.commands._contract import CHARTS, FIGURES, TABLES

FRENCH = Words(
    "fr",
    read_catalogue(PROJECT / "charts" / "french.csv"),
    read_names(PROJECT / "charts" / "names.csv", "fr"),
)
LINKS = [
    Link("index", "All pages"), Link("overview", "Overview"), Link("segment_big", "Segment: Big spenders"),
    Link("segment_repeat", "Segment: Repeat buyers"), Link("segment_recent", "Segment: Newer one-time buyers"),
    Link("segment_lapsed", "Segment: Older one-time buyers"), Link("rfm", "Recency, frequency, money"),
    Link("retention", "Who comes back"), Link("places", "Where customers live"), Link("quality", "Data quality"),
]  # fmt: skip


def panel(kind: str, rows: list[dict], *, groups: tuple[str, ...] = (), **chart: object) -> Panel:
    return Panel(
        name="p", chart={"type": kind, **chart}, title="T", subtitle="", rows=rows, groups=groups
    )


def test_what_rows_share_is_said_once() -> None:
    rows = [
        {"segment": "Big", "rule": "one order", "days": "below 60", "n": 1},
        {"segment": "Big", "rule": "one order", "days": "from 60", "n": 2},
        {"segment": "Small", "rule": "two orders", "days": "any", "n": 3},
    ]
    columns = {name: {"label": name.capitalize()} for name in rows[0]}
    table = table_of(
        panel("table", rows, groups=("segment", "rule"), style={"columns": columns}), Words("en")
    )
    assert table is not None
    assert table.heads == [("Days", False), ("N", True)]
    [(is_open, groups)] = table.parts
    assert is_open
    assert [(name, len(members)) for name, members in groups] == [
        ("Big – one order", 2), ("Small – two orders", 1),
    ]  # fmt: skip


def test_each_colour_of_a_chart_is_a_column_of_its_figures() -> None:
    day = datetime.date(2018, 8, 1)
    rows = [
        {"month": day, "segment": name, "share": share}
        for name, share in [("a", 0.0449), ("b", None)]
    ]
    labels = {"month": "Month", "segment": "Segment", "share": "Share"}
    style = {"axis_y": {"labels": {"format": "percent_whole"}}}
    chart = {"x": "month", "y": "share", "color": "segment", "field_labels": labels, "style": style}
    table = table_of(panel("line", rows, **chart), Words("fr"))
    assert table == Table(
        heads=[("Month", False), ("a", True), ("b", False)],
        rows=[("", ["août 2018", "4,5\u00a0%", "–"])],
    )
    # One colour says nothing; two rows of a colour at one place stay two rows.
    table = table_of(panel("line", rows[:1], **chart), Words("en"))
    assert table == Table(
        heads=[("Month", False), ("Share", True)], rows=[("", ["August 2018", "4.5\u00a0%"])]
    )
    table = table_of(panel("line", [rows[0], rows[0], rows[1]], **chart), Words("en"))
    assert table is not None
    assert len(table.rows) == 3


@pytest.mark.parametrize(
    ("rows", "cell", "parts"), [(9, 41, 2), (8, 41, 1), (9, 40, 1), (80, 40, 1)]
)
def test_many_rows_of_sentences_are_shown_on_request(rows: int, cell: int, parts: int) -> None:
    table = Table(heads=[("A", False), ("B", False)], rows=[("", ["a", "x" * cell])] * rows)
    assert [is_open for is_open, _ in table.parts] == [True, False][:parts]
    assert sum(len(members) for _, groups in table.parts for _, members in groups) == rows
    assert table.is_of_figures == (cell <= 40)


def test_pages_of_one_kind_stand_together() -> None:
    groups = in_groups(LINKS)
    assert [(name, len(links)) for name, links in groups if name] == [("Segment", 4)]
    assert [link.short for link in groups[2][1]][:2] == ["Big spenders", "Repeat buyers"]
    assert Link("segment_big", "Segment\u00a0: Gros acheteurs").short == "Gros acheteurs"
    assert Link("rfm", "Recency: a page").short == "Recency: a page"


@pytest.mark.skipif(not CHROMIUM, reason="there is no chromium; on Debian: apt install chromium")
def test_the_list_of_pages_takes_two_lines_of_a_phone(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(PROJECT)
    numbers = Panel(
        name="p", title="Numbers", subtitle="", rows=[{"name": "a", **{f"n{i}": 1_234_567 for i in range(9)}}],
        chart={"type": "table", "style": {"columns": {"name": {"label": "Name"}}}},
    )  # fmt: skip
    page = Page(
        "segment_lapsed", read_board("segment"), "Older", "A headline", [("panels", [numbers])]
    )
    text = page_html(page, LINKS, Words("en"), Furniture("", ""), other_language="fr/x.html")
    (tmp_path / "page.html").write_text(text, encoding="utf-8")
    seen = (
        "[...document.querySelectorAll('nav a')].filter(e => e.offsetWidth).map(e => e.textContent)"
    )
    with Browser(tmp_path, is_offline=True) as browser:
        browser.open((tmp_path / "page.html").as_uri(), width=390)
        assert browser.run(seen) == ["All pages", "Older one-time buyers", "Français"]
        assert browser.run("document.querySelector('nav').offsetHeight") < 90
        # A table of figures is moved sideways, the page is not; its first column stays.
        assert browser.run(TOO_WIDE) <= 0
        assert browser.run("(e => e.scrollWidth > e.clientWidth)(document.querySelector('.wide'))")
        assert (
            browser.run("getComputedStyle(document.querySelector('.wide td')).position") == "sticky"
        )
        browser.open((tmp_path / "page.html").as_uri(), width=1280)
        assert len(browser.run(seen)) == len(LINKS) + 1
        assert browser.run("document.querySelector('.next a').textContent") == (
            "Next page: Recency, frequency, money"
        )


@pytest.mark.parametrize(
    ("said", "english", "french"),
    [
        ("Date: 1 avr. 2018; Share of, customers: 0.5", "Date: 1 avr. 2018; Share of customers: 0.5",
         "Date: 1er avr. 2018; Share of customers: 0,5"),
        ("\u20610.02; Big; Share of customers: −1.5", "\u20610.02; Big; Share of customers: −1.5",
         "\u20610,02; Big; Share of customers: −1,5"),
        ("share: Big", "Share of customers: Big", "Share of customers: Big"),
        ("11 juin 2018; n: 1,234", "11 juin 2018; n: 1,234", "11 juin 2018; n: 1\u202f234"),
        ("X-axis titled 'Date' for a time scale", "", ""),
        ("Symbol legend for fill color", "", ""),
    ],
)  # fmt: skip
def test_a_tooltip_is_in_the_language_of_the_page(said: str, english: str, french: str) -> None:
    shown = panel("line", [], field_labels={"share": "Share of customers"})
    assert tooltip(said, shown, Words("en")) == english
    assert tooltip(said, shown, Words("fr")) == french


def test_the_live_board_speaks_french() -> None:
    sql = (
        "select format('{} customers had spent {} BRL', replace(format('{:,}', 1234567), ',', ','), 'x')"
        " || ' as of ' || strftime(as_of_date, '%-d %B %Y'), 'All segments', 'Nobody''s'"
        " from (select unnest([date '2018-08-01', date '2018-02-11']) as as_of_date)"
    )
    found = duckdb.sql(query_in(sql, FRENCH)).fetchall()
    said = "1\u202f234\u202f567 clients avaient dépensé x BRL au "
    assert found == [
        (f"{said}1er août 2018", "Tous les segments", "Nobody's"),
        (f"{said}11 février 2018", "Tous les segments", "Nobody's"),
    ]
    part = {
        "label": "State",
        "default": "All states",
        "title": "{{ queries.a.one.b }}",
        "x": ["Latest"],
    }
    assert translated([part], FRENCH) == [
        {
            "label": "État",
            "default": "Tous les États",
            "title": "{{ queries.a.one.b }}",
            "x": ["Latest"],
        }
    ]


def declared(name: str) -> set[str]:
    """Return the tables that an exposure names."""
    text = (PROJECT / "models" / "bi" / "_exposures.yml").read_text(encoding="utf-8")
    [found] = [one for one in yaml.safe_load(text)["exposures"] if one["name"] == name]
    assert found["owner"]["name"]
    return {re.sub(r"^ref\('|'\)$", "", ref) for ref in found["depends_on"]}


def test_the_live_board_and_the_contract_are_exposures_with_the_tables_that_they_read() -> None:
    live = (PROJECT / "charts" / "live" / "explore.yml").read_text(encoding="utf-8")
    origin = {"marts.data_origin"}
    read = set(TABLE.findall(live)) | origin
    assert declared("live_board") == {table.split(".")[1] for table in read - set(OPTIONAL)}
    said = [one.sql for part in (FIGURES, TABLES, CHARTS) for one in part.values()]
    said += [table.french_sql for table in TABLES.values() if table.french_sql]
    read = {table for sql in said for table in TABLE.findall(sql)} | origin
    assert declared("maintenance_contract") == {table.split(".")[1] for table in read}


SHARES = "Big are 25.0 % of the customers and bring 50.0 % of the revenue"


@pytest.mark.parametrize(
    ("rule", "french", "english_title", "french_title", "is_long"),
    [
        ("one order", "une commande", "Big: one order", "Gros : une commande", False),
        ("one order; or 9 days", "une ; ou 9", SHARES, None, True),
        (None, None, SHARES, None, None),
    ],
)  # fmt: skip
def test_the_title_of_a_segment_is_its_rule_when_it_is_short(
    rule: str | None,
    french: str | None,
    english_title: str,
    french_title: str | None,
    is_long: bool,
) -> None:
    sql = read_board("segment", charts=PROJECT / "charts").queries["findings"]
    with duckdb.connect() as connection:
        connection.execute(
            "create schema segmentation; create schema seeds; create schema bi;"
            " create table seeds.segment_labels as select 'big' as segment_code, 'fr' as language, 'Gros' as name;"
            " create table bi.customer_360 as select 'Big' as segment_name, 0.7 as confidence;"
            " create table segmentation.segment_traits (as_of_date date, segment_name text, trait text, value text,"
            " share_in_segment double, share_overall double, share_low double, share_difference double, cases int,"
            " origin text)"
        )
        connection.execute(
            "create table segmentation.segment_profiles as select date '2018-01-01' as as_of_date,"
            " 'Big' as segment_name, 'big' as segment_code, 5 as customers, 0.25 as customer_share,"
            " 0.5 as revenue_share,"
            " 2.0 as mean_monetary,"
            " $1::text as rule, $2::text as rule_french",
            [rule, french],
        )
        [found] = connection.execute(VARIABLE.sub(r"$\1", sql), {"segment": "Big"}).fetchall()
        columns = [column[0] for column in connection.description or []]
    one = dict(zip(columns, found, strict=True))
    assert (one["headline"], one["headline_french"], one["is_long_rule"]) == (
        english_title, french_title, is_long,
    )  # fmt: skip


FREE = """
    create schema segmentation; create schema bi; create schema marts; create schema seeds;
    create table segmentation.segment_profiles as
        select date '2018-01-01' as as_of_date, 'big' as segment_code, 'Big' as segment_name, 30 as customers,
            0.75 as customer_share, cast(null as double) as revenue_share, 0.0 as mean_monetary,
            9.0 as mean_recency_days, 1.0 as mean_frequency, cast(null as double) as mean_average_review_score,
            'one; or two' as rule, 'un' as rule_french;
    create table segmentation.period_models as select date '2018-01-01' as as_of_date, 'Segmented.' as note;
    create table segmentation.segment_traits (as_of_date date, segment_name text, trait text, value text,
        share_in_segment double, share_overall double, share_low double, share_difference double, cases int,
        origin text);
    create table seeds.segment_labels as select 'big' as segment_code, 'fr' as language, 'Gros' as name;
    create table bi.customer_360 as select 'Big' as segment_name, 0.7 as confidence;
    create table bi.customer_measures as
        select 'Big' as segment_name, 0.0::double as monetary, cast(null as double) as revenue_share,
            number < 10 as is_at_risk, 'New' as rfm_segment
        from range(40) as numbers (number);
    create table marts.customers as select 0.00::decimal(14, 2) as total_spent, 1 + number % 2 as order_count
        from range(40) as numbers (number);
"""


@pytest.mark.parametrize(
    ("board", "query", "said"),
    [
        (
            "overview",
            "findings",
            {
                "headline": "Big are 75 % of the customers",
                "shares_title": "Big are 75 % of the customers",
            },
        ),
        (
            "rfm",
            "findings",
            {
                "headline": "10 customers are at risk",
                "boxes_title": "The box “New” holds 100 % of the customers",
                "risk_title": "Who is at risk in each segment",
            },
        ),
        (
            "segment",
            "findings",
            {
                "headline": "Big are 75.0 % of the customers",
                "ratio_title": "How they differ from the average customer",
            },
        ),
        ("retention", "totals", {"repeat_share": 0.5, "money_share": None}),
    ],
)
def test_a_shop_without_any_money_has_headings(
    board: str, query: str, said: dict[str, object]
) -> None:
    sql = read_board(board, charts=PROJECT / "charts").queries[query]
    with duckdb.connect() as connection:
        connection.execute(FREE)
        values = {"segment": "Big"} if "segment" in VARIABLE.findall(sql) else None
        one = connection.execute(VARIABLE.sub(r"$\1", sql), values).df().to_dict("records")[0]
    found = {name: None if one[name] != one[name] else one[name] for name in said}
    assert found == said
    for text in said.values():
        if isinstance(text, str):
            assert FRENCH.text(text) != text


def test_a_chart_of_which_nothing_is_known_is_left_out_and_its_reason_said() -> None:
    board = Board(
        name="b",
        title="T",
        queries={"q": "select 'a' as segment, 0.0::double / 0 as share"},
        charts={
            "drawn": {"type": "bar", "query": "q", "x": "segment", "y": "share", "title": "Shares"}
        },
        rows=["drawn"],
        brand={},
    )
    with duckdb.connect() as connection:
        rows, _ = answers(connection, board, {"language": "en"})
        [page], _ = pages_of(connection, board, Words("en", {}, {}))
    assert rows["q"] == [{"segment": "a", "share": None}]
    assert page.panels() == []


def test_a_picture_has_no_reference_to_a_query_that_left_a_text_empty() -> None:
    one = panel("bar", [{"x": 1, "y": 2}], x="x", y="y", subtitle="{{ queries.findings.one.note }}")
    board = Board(
        name="b",
        title="T",
        queries={},
        charts={},
        rows=[],
        brand={"style": {"charts": {"category_colors": {"segment": {}}}}},
    )
    page = Page(stem="b", board=board, name="B", headline="H", blocks=[("panels", [one])])
    drawn = whole_board(page, words=Words("en", {}, {}), colours={})
    assert drawn["charts"] == {"p": {"type": "bar", "x": "x", "y": "y", "title": "T", "query": "p"}}
