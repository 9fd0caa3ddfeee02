"""What Spark does not understand in our SQL, by file and line: `python -m tools.portability`.

The models are written in words that DuckDB and Spark both know, so that they run on either; where the engines say
a thing differently, a macro of macros/engine.sql says it, in a Python model a method of its engine. This looks at
the text of SQL files and at the texts in the Python of models and their steps, so it cannot see what only types tell:
a cast of a double to a whole number rounds on DuckDB and cuts on Spark. `make parity` sees that.

A line that must stay is in `ALLOWED`, with its reason; macros that begin with duckdb__ or spark__ are one engine's own.
--mend removes the comma after the last column, which is all that can be mended without thought.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
FOLDERS = ("models", "macros", "tests/singular", "tests/generic")
PYTHON_FOLDERS = ("models", "python/customer_segmentation/steps")
# Each engine's own words.
ENGINES = "python/customer_segmentation/steps/engines/"

COMMA = "comma after the last column"
# A rule is a pattern, and what to write instead.
RULES = {
    COMMA: (
        # Before what ends a select list; in a loop it stands after the last round, too.
        r"(?<!loop\.last %\}),(?=\s*(?:\{%-?\s*end(?:for|if)\s*-?%\}\s*)*(?:from\b|\)|union\b|$))",
        "leave it out (--mend); in a loop: {% if not loop.last %},{% endif %}",
    ),
    "qualify": (r"\bqualify\b", "rank in a subquery and filter outside of it"),
    "exclude": (r"\*\s*exclude\s*\(", "macro all_but, or name the columns"),
    "string_agg": (r"\bstring_agg\s*\(", "macros ordered_list, sorted_list"),
    "files": (
        r"\b(?:read_csv|read_parquet|read_json|read_text|glob)\s*\(",
        "raw_table of macros/raw_files.sql",
    ),
    "structs": (r"\bstruct_pack\s*\(|:=", "macros json_object, rows_of_list"),
    "last bits": (r"(?<![\w.])(?:ln|exp)\s*\(", "macros natural_logarithm, exponential"),
    "is finite": (r"\b(?:isfinite|isinf)\s*\(", "macro is_finite"),
    "error": (r"(?<![\w.])error\s*\(", "macro stop_with"),
    "hash": (r"(?<!\w)hash\s*\(", "macro rows_fingerprint"),
    "difference of times": (
        r"\b(?:date_sub|date_diff|datesub|datediff)\s*\(",
        "macros whole_days, days_late, months_between",
    ),
    "text of times": (r"\b(?:strftime|strptime|dayname|monthname)\s*\(", "date_part and a lookup"),
    "rows from nothing": (
        r"\b(?:generate_series|unnest)\s*\(|(?<![\w.])(?<!in )range\s*\(",
        "macros month_starts, days_between",
    ),
    "lists": (
        r"\blist_\w+\s*\(|(?<![\w.])(?:list|len)\s*\(|\barray_to_string\s*\(",
        "rows instead of a list",
    ),
    "json": (r"\bjson_extract\w*\s*\(|->>?\s*'", "a column instead of JSON"),
    "best row": (r"\b(?:arg_max|arg_min)\s*\(", "max_by, min_by"),
    "ignore nulls": (r"\bignore\s+nulls\s*\)", "macro last_known"),
    "sum in a text": (
        r"\|\|\s*[A-Za-z_][\w.]*\s+[-+]\s+\w",
        "brackets around the sum: on Spark || binds no less than +",
    ),
    "whole division": (r"\w\)?\s+//\s+\w", "cast(floor(… / …) as int)"),
    "cast": (r"\w::\w", "cast(… as …)"),
    "catalogue": (r"\bduckdb_\w+\s*\(\)", "what dbt's graph says"),
}
# In a window, a key that may be null needs its place said: DuckDB puts null last, Spark first.
NULLS = "place of nulls in a window"
NULLS_MEND = "say nulls last (DuckDB's order) for a key that may be null"
# These are never null.
NEVER_NULL = r"\{\{ nulls_last\(.*|count\s*\(.*|coalesce\s*\(.*|.* is (?:not )?null"


# By file and rule: why a line stays as it is.
NEVER = {NULLS: "its keys are never null"}
OF_THE_CATALOGUE = "a hook that runs on DuckDB only, and looks at its catalogue and at files"
OF_THE_READER = "what DuckDB's CSV reader refused; another engine has its own reader"
ALLOWED: dict[str, dict[str, str]] = {
    "macros/before_a_run.sql": dict.fromkeys(("files", "json", "catalogue"), OF_THE_CATALOGUE),
    "macros/dbt_own.sql": dict.fromkeys(
        ("lists", "json"), "called by duckdb__get_test_sql, and by nothing else"
    ),
    "macros/kept_tables.sql": dict.fromkeys(("catalogue",), OF_THE_CATALOGUE),
    "macros/raw_files.sql": dict.fromkeys(
        ("string_agg", "error", "rows from nothing", "lists"), OF_THE_READER
    ),
    "python/customer_segmentation/steps/study/traits.py": {
        "rows from nothing": "of rows that were collected, which DuckDB has on either engine"
    },
    "macros/raw_values.sql": NEVER,
    "models/bi/top_sellers.sql": NEVER,
    "models/bi/worst_rated_zip_codes.sql": NEVER,
    "models/maintenance/run_costs.sql": NEVER,
    "models/maintenance/run_totals.sql": NEVER,
    "models/adapters/olist/marts/customer_facts.sql": NEVER,
    "models/adapters/orders/marts/customer_facts.sql": NEVER,
    "models/adapters/olist/marts/orders.sql": NEVER,
    "models/marts/periods.sql": NEVER,
    "models/marts/rfm.sql": NEVER,
    "models/marts/rfm_scores.sql": NEVER,
    "models/segmentation/model_comparison.sql": NEVER,
    "models/segmentation/period_models.sql": NEVER,
    "models/segmentation/segment_traits.sql": NEVER,
    "models/segmentation/work/period_inputs.sql": NEVER,
    "models/segmentation/work/refresh_inputs.sql": NEVER,
    "tests/singular/published_models_are_those_of_the_decisions.sql": NEVER,
    "tests/singular/raw_loads_rejected_share_is_at_most_the_maximum.sql": NEVER,
}


@dataclass(frozen=True)
class Finding:
    """What one line says that Spark does not understand.

    Attributes
    ----------
    path : str
        Of the file, from the project's folder.
    line : int
        From 1.
    rule : str
        Key of `RULES`, or `NULLS`.
    text : str
        What stands there.
    """

    path: str
    line: int
    rule: str
    text: str

    @property
    def sentence(self) -> str:
        """What a person reads."""
        mend = NULLS_MEND if self.rule == NULLS else RULES[self.rule][1]
        return f"{self.path}:{self.line}: {self.rule} ({self.text}): {mend}"


def sql_files() -> Iterator[Path]:
    """Give the files that are looked at."""
    for folder in FOLDERS:
        yield from sorted((PROJECT / folder).rglob("*.sql"))


def findings(text: str, path: str = "") -> list[Finding]:
    """Find what Spark does not understand in a file.

    Parameters
    ----------
    text : str
        SQL with Jinja.
    path : str
        Name for the findings.

    Returns
    -------
    list of Finding
        By line.
    """
    sql = without_comments_and_texts(text)
    found = [
        Finding(path, _line(sql, match.start()), rule, " ".join(match[0].split()))
        for rule, (pattern, _) in RULES.items()
        for match in re.finditer(pattern, sql, flags=re.I)
    ]
    found += [
        Finding(path, _line(sql, place), NULLS, key) for place, key in keys_without_nulls(sql)
    ]
    return sorted(found, key=lambda finding: (finding.line, finding.rule))


def python_files() -> Iterator[Path]:
    """Give the Python files whose texts are looked at."""
    for folder in PYTHON_FOLDERS:
        for path in sorted((PROJECT / folder).rglob("*.py")):
            if not path.relative_to(PROJECT).as_posix().startswith(ENGINES):
                yield path


def python_findings(source: str, path: str = "") -> list[Finding]:
    """Find what Spark does not understand in the texts of a Python file.

    Parameters
    ----------
    source : str
    path : str
        Name for the findings.

    Returns
    -------
    list of Finding
        By line. A comma at the end of a text without a select is what joins names.
    """
    found = []
    for line, text in _texts(ast.parse(source)):
        is_query = re.search(r"\bselect\b", text, flags=re.I) is not None
        found += [
            replace(finding, line=line + finding.line - 1)
            for finding in findings(text, path)
            if is_query or finding.rule != COMMA
        ]
    return sorted(found, key=lambda finding: (finding.line, finding.rule))


def _texts(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Give line and text of what is quoted, docstrings left out; a name stands for what is put in."""
    left_out: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            left_out.add(node.value)
        elif isinstance(node, ast.JoinedStr) and node not in left_out:
            left_out.update(part for part in ast.walk(node) if part is not node)
            parts = (
                part.value if isinstance(part, ast.Constant) else "put_in" for part in node.values
            )
            yield node.lineno, "".join(map(str, parts))
        elif (
            isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in left_out
        ):
            yield node.lineno, node.value


def without_comments_and_texts(text: str) -> str:
    """Return SQL with blanks for comments and quoted texts, every other letter in its place."""

    def blank(match: re.Match[str]) -> str:
        return "".join(letter if letter == "\n" else " " for letter in match[0])

    text = re.sub(r"\{#.*?#\}", blank, text, flags=re.S)
    text = re.sub(
        r"\{%-?\s*macro\s+(?:duckdb|spark)__.*?\{%-?\s*endmacro\s*-?%\}", blank, text, flags=re.S
    )
    text = re.sub(r"(?<![\w-])--(?!\s*%)[^\n]*", blank, text)
    # A quote and its end stay: they are a value.
    return re.sub(
        r"(?<!\w)'(?:[^'\n]|'')*'",
        lambda match: "'" + " " * (len(match[0]) - 2) + "'",
        text,
    )


def keys_without_nulls(sql: str) -> Iterator[tuple[int, str]]:
    """Give place and text of the keys of windows that leave the place of nulls to the engine."""
    for match in re.finditer(r"\bover\s*\(|\bwindow\s+\w+\s+as\s*\(", sql, flags=re.I):
        inside = _inside(sql, match.end())
        order = re.search(r"\border\s+by\b", inside, flags=re.I)
        if not order:
            continue
        rest = inside[order.end() :]
        frame = re.search(r"\b(?:rows|range|groups)\b", rest, flags=re.I)
        rest = rest[: frame.start()] if frame else rest
        place = match.end() + order.end()
        for key in _split(rest):
            words = " ".join(key.split())
            is_said = re.search(r"\bnulls\s+(?:first|last)\s*$", words, flags=re.I)
            if words and not is_said and not re.fullmatch(NEVER_NULL, words, flags=re.I):
                yield place + len(key) - len(key.lstrip()), words
            place += len(key) + 1


def mended(text: str) -> str:
    """Return SQL without the commas after last columns; one in a loop stands after all rounds but the last."""
    sql = without_comments_and_texts(text)
    letters = list(text)
    for match in re.finditer(RULES[COMMA][0], sql, flags=re.I):
        rest = sql[match.start() :]
        if re.match(r",\s*\{%-?\s*endfor\s*-?%\}(?!\s*\{%)", rest):
            letters[match.start()] = "{% if not loop.last %},{% endif %}"
        elif not re.match(r",\s*\{%", rest):
            letters[match.start()] = ""
    return "".join(letters)


def _inside(sql: str, start: int) -> str:
    """Return what stands between a parenthesis that is open at `start` and its end."""
    depth = 1
    for place in range(start, len(sql)):
        depth += {"(": 1, ")": -1}.get(sql[place], 0)
        if depth == 0:
            return sql[start:place]
    return sql[start:]


def _split(text: str) -> list[str]:
    """Split at the commas that are in no parenthesis."""
    parts, depth = [""], 0
    for letter in text:
        depth += {"(": 1, ")": -1, "{": 1, "}": -1}.get(letter, 0)
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return parts


def _line(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1


def project_findings() -> tuple[list[Finding], list[str]]:
    """Look at every file.

    Returns
    -------
    not_allowed : list of Finding
    not_needed : list of str
        Sentences on what `ALLOWED` names and no file has.
    """
    not_allowed, met = [], set()
    looks = [(path, findings) for path in sql_files()]
    looks += [(path, python_findings) for path in python_files()]
    for path, look in looks:
        name = path.relative_to(PROJECT).as_posix()
        for finding in look(path.read_text(encoding="utf-8"), name):
            if finding.rule in ALLOWED.get(name, {}):
                met.add((name, finding.rule))
            else:
                not_allowed.append(finding)
    not_needed = [
        f"{name}: ALLOWED of tools/portability.py allows {rule!r}, which is not there; take it out"
        for name, rules in ALLOWED.items()
        for rule in rules
        if (name, rule) not in met
    ]
    return not_allowed, not_needed


def main() -> int:
    """Say what is not portable; 1 when something is not."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument(
        "--mend", action="store_true", help="remove the commas after last columns from the files"
    )
    if parser.parse_args().mend:
        for path in sql_files():
            text = path.read_text(encoding="utf-8")
            if mended(text) != text:
                path.write_text(mended(text), encoding="utf-8")
    found, not_needed = project_findings()
    for sentence in [*(finding.sentence for finding in found), *not_needed]:
        print(sentence)
    return 1 if found or not_needed else 0


if __name__ == "__main__":
    sys.exit(main())
