"""What Jinja has made of a text is made once, and known to other processes."""

from __future__ import annotations

from pathlib import Path

import jinja2
import pytest
from dbt_common.clients.jinja import MacroFuzzEnvironment, get_environment, get_template

from templates import LEAST, Texts

MACRO = "{% macro twice(x) %}{{ 2 * x }}{% endmacro %}"


@pytest.fixture
def texts(monkeypatch: pytest.MonkeyPatch) -> Texts:
    """Return what keeps trees and code for as long as a test takes."""
    for name in ("parse", "compile"):
        monkeypatch.setattr(MacroFuzzEnvironment, name, getattr(MacroFuzzEnvironment, name))
    found = Texts()
    found.keep()
    return found


def test_a_text_is_compiled_once_and_rendered_anew(texts: Texts) -> None:
    for number in (2, 3):
        assert get_template("{{ n + 1 }}", {"n": number}).render({"n": number}) == str(number + 1)
    assert len(texts.code) == 1
    # The code of a native template is another one.
    assert get_template("{{ n + 1 }}", {"n": 2}, native=True).render({"n": 2}) == 3
    assert len(texts.code) == 2


def test_a_tree_is_that_of_the_text(texts: Texts) -> None:
    first, second = (get_environment().parse(MACRO) for _ in range(2))
    assert first is second
    assert [macro.name for macro in first.find_all(jinja2.nodes.Macro)] == ["dbt_macro__twice"]


def test_what_is_wrong_is_said_each_time(texts: Texts) -> None:
    for _ in range(2):
        with pytest.raises(jinja2.TemplateSyntaxError):
            get_environment().parse("{% macro %}")
    assert not texts.trees


def test_another_process_knows_what_one_has_found(texts: Texts, tmp_path: Path) -> None:
    for number in range(LEAST):
        get_environment().compile(f"{{{{ x + {number} }}}}")
    get_environment().parse(MACRO)
    texts.write(tmp_path)
    other = Texts()
    assert other.learn(tmp_path)
    assert not other.learn(tmp_path)
    assert other.code == texts.code
    assert other.trees.keys() == texts.trees.keys()
    # What is known already is not written again.
    other.write(tmp_path)
    assert list(tmp_path.iterdir()) == []
