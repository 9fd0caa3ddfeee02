"""What Spark does not understand is found with file and line, what is allowed has a reason, and the comma is mended."""

from __future__ import annotations

import pytest

from tools import portability
from tools.portability import (
    ALLOWED,
    COMMA,
    NULLS,
    RULES,
    findings,
    mended,
    project_findings,
    python_files,
    python_findings,
)

# A line that breaks each rule, and one that does not.
LINES = {
    COMMA: ("select a,\n    b,\nfrom t", "select a,\n    b\nfrom t"),
    "qualify": ("qualify n = 1", "where qualified = 1"),
    "exclude": ("select t.* exclude (a)", "select t.* {{ all_but(['a']) }}"),
    "string_agg": ("string_agg(a, ', ' order by b)", "{{ ordered_list('a', ', ', 'b') }}"),
    "files": ("from read_csv('x.csv')", "from {{ raw_table('x') }}"),
    "structs": ("struct_pack(a := 1)", "{{ json_object(['a']) }}"),
    "last bits": ("ln(1 + a)", "{{ natural_logarithm('1 + a') }}"),
    "is finite": ("isfinite(a)", "{{ is_finite('a') }}"),
    "error": ("then error('no')", "then {{ stop_with(no) }}"),
    "hash": ("sum(hash(a, b))", "{{ rows_fingerprint(['a', 'b']) }}"),
    "difference of times": ("date_diff('day', a, b)", "{{ whole_days('a', 'b') }}"),
    "text of times": ("strftime(day, '%B')", "date_part('month', day)"),
    "rows from nothing": ("select unnest(a)", "{% for i in range(3) %}x{% endfor %}"),
    "lists": ("list_sort(a)", "listed(a)"),
    "json": ("a ->> '$.b'", "a - 1 > b"),
    "best row": ("arg_max(a, b)", "max_by(a, b)"),
    "ignore nulls": ("last_value(a ignore nulls) over w", "{{ last_known('a') }} over w"),
    "sum in a text": ("'; ' || n_clusters + 1 || ' more'", "'; ' || (n_clusters + 1) || ' more'"),
    "whole division": ("(a + 1) // 2", "a / 2"),
    "cast": ("a::int", "cast(a as int)"),
    "catalogue": ("from duckdb_tables()", "from tables"),
    NULLS: ("row_number() over (order by a)", "row_number() over (order by a nulls last)"),
}


def rules_of(sql: str) -> set[str]:
    return {finding.rule for finding in findings(sql)}


def test_every_rule_is_tried() -> None:
    assert set(LINES) == {*RULES, NULLS}


@pytest.mark.parametrize("rule", LINES)
def test_a_rule_finds_what_it_is_for_and_nothing_else(rule: str) -> None:
    broken, sound = LINES[rule]
    assert rules_of(broken) == {rule}
    assert not rules_of(sound)
    # Nor in what is no SQL of every engine.
    assert not rules_of(f"-- {broken.splitlines()[0]}")
    assert not rules_of("{#- " + broken + " -#}")
    assert not rules_of("{% macro duckdb__x() %}" + broken + "{% endmacro %}")


@pytest.mark.parametrize(
    ("window", "keys"),
    [
        ("sum(a) over (partition by b order by c, d desc)", ["c", "d desc"]),
        ("sum(a) over (order by f(c, d), e nulls first rows unbounded preceding)", ["f(c, d)"]),
        ("window w as (order by c range unbounded preceding)", ["c"]),
        ("over (order by count(*) desc, coalesce(a, 0), b is null)", []),
        ("over (order by {{ nulls_last(['a', 'b']) }})", []),
        ("over (partition by a)", []),
        ("select a from t order by a", []),
    ],
)
def test_keys_of_windows_say_where_nulls_go(window: str, keys: list[str]) -> None:
    assert [finding.text for finding in findings(window)] == keys


def test_a_finding_says_file_and_line_and_what_to_write() -> None:
    (finding,) = findings("select\n    a\nfrom t\nqualify true", "models/a.sql")
    assert finding.sentence == (
        "models/a.sql:4: qualify (qualify): rank in a subquery and filter outside of it"
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("select\n    a,\n    b,\nfrom t", "select\n    a,\n    b\nfrom t"),
        ("with a as (\n    select b,\n)", "with a as (\n    select b\n)"),
        (
            "select\n    {%- for x in y %}\n    {{ x }},\n    {%- endfor %}\nfrom t",
            "select\n    {%- for x in y %}\n    {{ x }}{% if not loop.last %},{% endif %}\n    {%- endfor %}\nfrom t",
        ),
        (
            "select\n    {%- for x in y %}\n    {{ x }},\n    {%- endfor %}\n    z\nfrom t",
            "select\n    {%- for x in y %}\n    {{ x }},\n    {%- endfor %}\n    z\nfrom t",
        ),
        ("select ', from t' as a", "select ', from t' as a"),
        ("select a, -- ,\nfrom t", "select a -- ,\nfrom t"),
    ],
)
def test_the_comma_after_the_last_column_is_mended(before: str, after: str) -> None:
    assert mended(before) == after
    assert mended(after) == after


def test_every_comma_of_the_project_can_be_mended() -> None:
    for path in portability.sql_files():
        left = findings(mended(path.read_text(encoding="utf-8")), str(path))
        assert [finding.sentence for finding in left if finding.rule == COMMA] == []


def test_what_is_allowed_has_a_reason() -> None:
    for rules in ALLOWED.values():
        for rule, reason in rules.items():
            assert rule in {*RULES, NULLS}
            assert len(reason.split()) > 3


def test_texts_in_python_are_looked_at_too() -> None:
    source = '''"""A module that says list( in its docstring."""


def model(dbt, session):
    """Says unnest( too."""
    names = ", ".join(columns)  # a comma that joins names
    days = engine.rows(orders, [f"date_diff('day', a, b) as {name}"])
    rows = engine.query(
        f"select {names}, from {{orders}}"
        f" qualify row_number() over (order by {key}) = 1"
    )
    return engine.row(customers, ["ln(monetary)"])
'''
    found = [(finding.line, finding.rule) for finding in python_findings(source, "a.py")]
    assert found == [
        (7, "difference of times"),
        (9, "comma after the last column"),
        (9, "place of nulls in a window"),
        (9, "qualify"),
        (12, "last bits"),
    ]
    assert portability.PROJECT / "models/segmentation/work/kmeans_fits.py" in python_files()
    assert not [path for path in python_files() if "engines" in path.parts]


def test_the_project_is_portable(monkeypatch: pytest.MonkeyPatch) -> None:
    found, not_needed = project_findings()
    assert [finding.sentence for finding in found] == []
    assert not_needed == []
    # What is allowed and not there is said, too.
    monkeypatch.setitem(portability.ALLOWED, "models/no.sql", {"cast": "there is no such file"})
    assert len(project_findings()[1]) == 1
