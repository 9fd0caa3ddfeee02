"""What dbt works out for each test and each line of its log, worked out once in a run, or not where nobody asks."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

from dbt.tracking import track_behavior_change_warn
from dbt_common.clients import agate_helper, jinja
from dbt_common.events import event_manager, functions
from dbt_common.events.base_types import EventLevel
from dbt_common.exceptions import env_secrets

# As dbt has them, however often `work_out_once` is called.
_type_tester = agate_helper.build_type_tester
_fire_event = event_manager.EventManager.fire_event


def work_out_once() -> None:
    """Have dbt keep in this process what it would work out again, with the same result.

    - An argument of a test is read in the context of its node, without a copy of all macros and
      variables in it: dbt does so for the text of a model, and copies for an argument.
    - Which variables of the environment are secret is looked up once, not for each line.
    - What is for a log of all that dbt does, such as each query, is not put into words where no
      log has it.
    - How values of a query's result are read, patterns of dates among it, is prepared once for
      each set of text columns.
    """
    in_its_place: list[tuple[Any, str, Any]] = [
        (jinja.NativeSandboxTemplate, "new_context", jinja.MacroFuzzTemplate.new_context),
        (functions, "env_secrets", functools.cache(env_secrets)),
        (event_manager.EventManager, "fire_event", _fire_if_heard),
        (agate_helper, "build_type_tester", _once_for_each_set(_type_tester)),
    ]
    for place, name, value in in_its_place:
        setattr(place, name, value)


def _fire_if_heard(
    self: event_manager.EventManager,
    e: Any,
    level: EventLevel | None = None,
    node: Any = None,
    force_warn_or_error_handling: bool = False,
) -> None:
    """Do what dbt does with an event, unless it is one of debugging and nobody listens to those."""
    quiet = (EventLevel.DEBUG, EventLevel.TEST)
    is_heard = (
        force_warn_or_error_handling
        or (level or e.level_tag()) not in quiet
        or any(one.level in quiet for one in self.loggers)
        # dbt's own callback waits for another kind of event.
        or any(one is not track_behavior_change_warn for one in self.callbacks)
    )
    if is_heard:
        _fire_event(self, e, level, node, force_warn_or_error_handling)


def _once_for_each_set(make: Callable[..., Any]) -> Callable[..., Any]:
    """Return what calls a function of text columns and null values once for each set of both."""
    once = functools.cache(make)

    def made_once(
        text_columns: Iterable[str], string_null_values: Iterable[str] | None = ("null", "")
    ) -> Any:
        nulls = None if string_null_values is None else tuple(string_null_values)
        return once(frozenset(text_columns), nulls)

    return made_once
