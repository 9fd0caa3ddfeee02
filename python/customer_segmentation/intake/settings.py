"""Look at the settings before anything is built: what dbt_project.yml says that they must be, and what they are."""

from __future__ import annotations

import dataclasses
import datetime
import difflib
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeGuard

from customer_segmentation.intake.seed_files import read_yaml

# What `vars:` holds besides values: the statement of each setting, and of each feature.
STATEMENTS = ("settings", "features")
# Values that are no settings: whose data, and how they are read (customer_segmentation.shop judges the second).
ADAPTERS = ("olist", "orders")
# A whole number of DuckDB's holds no more, and no setting needs to.
LARGEST = 2**32 - 1
A_TYPE = {
    "boolean": "true or false",
    "date": "a date such as 2018-10-18",
    "month": "the first of a month, such as 2018-10-01",
    "integer": "a whole number",
    "number": "a number",
    "text": "text",
}


@dataclasses.dataclass(frozen=True)
class Stated:
    """What one value must be; see the head of dbt_project.yml.

    Attributes
    ----------
    default : object
    type : str
        A key of `A_TYPE`.
    list : bool
        Whether it is a list of such.
    by : str or None
        Whether it is a mapping to such: ``feature``, ``own`` or ``name``.
    values : tuple of str
        What a text, or besides days a date, may be; empty for any.
    minimum, maximum, above : float or None
    unit : str or None
    or_null, or_empty : str or None
        What null, or an empty list, means; None where there must be a value.
    one_of : str or None
        A list of the same group, which must have it; of a mapping, one that must have its names.
    reserved : tuple of str
        Names that a mapping may not have.
    features : tuple of str
        Those that segments may be made from.
    """

    default: Any
    type: str
    list: bool = False
    by: str | None = None
    values: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    unit: str | None = None
    or_null: str | None = None
    or_empty: str | None = None
    one_of: str | None = None
    reserved: tuple[str, ...] = ()
    features: tuple[str, ...] = ()

    def problems(self, name: str, value: object) -> Iterator[str]:
        """Say what a value is not.

        Parameters
        ----------
        name : str
            What it is called in sentences.
        value : object
            As YAML gives it.

        Yields
        ------
        str
            Sentences.
        """
        if self.by is None:
            if _is_number(value) and abs(value) > LARGEST:
                yield f"{name} is {value}; it must be at most {LARGEST}."
            elif not self.has(value):
                yield f"{name} is {_shown(value)}; it must be {self.wanted()}."
        elif not isinstance(value, Mapping):
            yield f"{name} is {_shown(value)}; it must be a mapping, such as {_shown(self.example())}."
        else:
            keys = {"feature": self.features, "own": tuple(self.default)}.get(self.by)
            for key, one in value.items():
                if keys is not None and key not in keys:
                    yield f"{name} names {key}; it can name {', '.join(keys)}."
                elif (
                    not isinstance(key, str)
                    or not key.isprintable()
                    or key != key.strip()
                    or not key
                ):
                    yield f"{name} names {_shown(key)}; a name is text without blanks around it."
                elif key in self.reserved:
                    yield f"{name} names {key}, which is the project's own; give it another name."
                elif not self.has(one):
                    yield f"{name} of {key} is {_shown(one)}; it must be {self.wanted()}."

    def has(self, value: object) -> bool:
        """Say whether a value, or one of a mapping, is as stated."""
        if value is None:
            return self.or_null is not None
        if not self.list:
            return self.has_one(value)
        if not isinstance(value, list) or (not value and self.or_empty is None):
            return False
        return all(self.has_one(one) for one in value) and len({*map(str, value)}) == len(value)

    def has_one(self, value: object) -> bool:
        """Say whether a value, or one of a list, is as stated."""
        if self.type in ("integer", "number"):
            return self.has_number(value)
        if self.type == "boolean":
            return isinstance(value, bool)
        if self.type == "text":
            return isinstance(value, str) and (not self.values or value in self.values)
        return value in self.values or _is_day(value, is_month=self.type == "month")

    def has_number(self, value: object) -> bool:
        """Say whether a value is a number in the range."""
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not math.isfinite(value)
        ):
            return False
        return (
            (self.type == "number" or isinstance(value, int))
            and abs(value) <= LARGEST
            and (self.minimum is None or value >= self.minimum)
            and (self.maximum is None or value <= self.maximum)
            and (self.above is None or value > self.above)
        )

    def wanted(self) -> str:
        """Return what a value must be, for a sentence."""
        if self.type == "text" and self.values:
            one = " or ".join(filter(None, [", ".join(self.values[:-1]), self.values[-1]]))
        else:
            one = " or ".join([A_TYPE[self.type], *self.values])
        if self.minimum is not None and self.maximum is not None:
            one += f" from {_shown(self.minimum)} to {_shown(self.maximum)}"
        elif self.minimum is not None:
            one += f", {_shown(self.minimum)} or more"
        elif self.above is not None:
            one += f" above {_shown(self.above)}"
        if self.unit:
            one += f" ({self.unit})"
        if self.list:
            one = f"a list of different values, each {one}"
        if self.or_empty is not None:
            one += f"; or [] for {self.or_empty}"
        if self.or_null is not None:
            one += f"; or null for {self.or_null}"
        return one

    def example(self) -> dict[str, Any]:
        """Return a mapping that may be given."""
        return dict(list((self.default or {self.features[0]: self.values[0]}).items())[:1])


def project_vars(project: Path) -> dict[str, Any]:
    """Return what stands under ``vars:`` in a project.

    Parameters
    ----------
    project : Path
        Folder with dbt_project.yml.

    Returns
    -------
    dict of str to object
    """
    return dict(read_yaml(project / "dbt_project.yml").get("vars") or {})


def default_settings(project: Path, *, adapter: str = "olist") -> dict[str, Any]:
    """Return every setting with its default; groups are mappings.

    Parameters
    ----------
    project : Path
        Folder with dbt_project.yml.
    adapter : str
        Whose defaults they are.

    Returns
    -------
    dict of str to object
    """

    def default(stated: Mapping[str, Any]) -> Any:
        return stated.get("for_orders" if adapter == "orders" else "default", stated["default"])

    return {
        name: {key: default(one) for key, one in stated["settings"].items()}
        if "settings" in stated
        else default(stated)
        for name, stated in project_vars(project)["settings"].items()
    }


def settings_problems(project: Mapping[str, Any], given: Mapping[Any, Any]) -> list[str]:
    """Say which settings nobody reads, and which are not what they must be.

    Parameters
    ----------
    project : mapping of str to object
        As `project_vars` returns it; values that stand there beside the statements are looked at too.
    given : mapping
        Values that count instead, by name.

    Returns
    -------
    list of str
        Sentences.
    """
    features = tuple(name for name, one in project["features"].items() if one["of"] == "rfm")
    stated = project["settings"]
    values = {k: v for k, v in project.items() if k not in STATEMENTS} | dict(given)
    found = _whose(values.pop("adapter", "olist"), values.pop("shop", {}))
    for name, value in values.items():
        if name not in stated:
            found.append(_unknown(name, stated))
        elif "settings" not in stated[name]:
            found += _stated(stated[name], features).problems(name, value)
        elif not isinstance(value, Mapping):
            found.append(
                f"{name} is {_shown(value)}; it must be a mapping, such as "
                f"{_shown({k: v['default'] for k, v in list(stated[name]['settings'].items())[:1]})}."
            )
        else:
            group = stated[name]["settings"]
            for key, one in value.items():
                if key in group:
                    found += _stated(group[key], features).problems(f"{name}.{key}", one)
                else:
                    alike = difflib.get_close_matches(str(key), group, n=1)
                    instead = (
                        f"did you mean {alike[0]}?" if alike else f"it has {', '.join(group)}."
                    )
                    found.append(f"{name} has no setting {key}; {instead}")
            if not found:
                found += _not_one_of(name, group, value)
    return found


def _whose(adapter: object, shop: object) -> list[str]:
    """Say what vars adapter and shop are not."""
    if adapter not in ADAPTERS:
        return [f"adapter is {_shown(adapter)}; it must be {' or '.join(ADAPTERS)}."]
    if not isinstance(shop, Mapping):
        return [f"shop is {_shown(shop)}; it must be a mapping, as `make shop` writes it."]
    if shop and adapter == "olist":
        return ["shop is given, and adapter is olist; write adapter: orders beside it."]
    if adapter == "orders" and not shop:
        return ["adapter is orders, and shop is not given; `make shop` writes it."]
    return []


def _not_one_of(
    name: str, group: Mapping[str, Mapping[str, Any]], given: Mapping[str, Any]
) -> list[str]:
    """Say which settings of a group are not in the list that must have them."""
    found = []
    for key, stated in group.items():
        of = stated["must_be"].get("one_of")
        if of is None:
            continue
        value, among = (given.get(each, group[each]["default"]) for each in (key, of))
        if isinstance(value, Mapping):
            # Of a mapping, what is not named stays.
            names = list({**group[of]["default"], **among})
            found += [
                f"{name}.{key} names {one}; {name}.{of} has {', '.join(names) or 'no name'}."
                for one in value
                if key in given and one not in names
            ]
        elif value not in among:
            found.append(
                f"{name}.{key} is {_shown(value)}; it must be one of {name}.{of}, {_shown(among)}."
            )
    return found


def _stated(stated: Mapping[str, Any], features: tuple[str, ...]) -> Stated:
    must_be = dict(stated["must_be"])
    values = must_be.pop("values", ())
    reserved = must_be.pop("reserved", ())
    return Stated(
        default=stated["default"],
        values=features if values == "features" else tuple(values),
        reserved=tuple(reserved),
        features=features,
        **must_be,
    )


def _unknown(name: object, stated: Mapping[str, Any]) -> str:
    """Say that nobody reads a setting, and which one was perhaps meant."""
    groups = [key for key, group in stated.items() if name in group.get("settings", ())]
    if groups:
        written = " or ".join(f"{{{group}: {{{name}: …}}}}" for group in groups)
        return (
            f"there is no setting {name}; it is one of {' and of '.join(groups)}: write {written}."
        )
    within = {key: group for group in stated for key in stated[group].get("settings", ())}
    alike = difflib.get_close_matches(str(name), [*stated, *within], n=1)
    if not alike:
        return (
            f"there is no setting {name}; dbt_project.yml has all of them, and seeds what a business"
            " decides."
        )
    meant = alike[0] if alike[0] in stated else f"{within[alike[0]]}.{alike[0]}"
    return f"there is no setting {name}; did you mean {meant}?"


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_day(value: object, *, is_month: bool) -> bool:
    """Say whether a value is a day of the calendar, written as ISO 8601 does."""
    if isinstance(value, datetime.datetime):
        return False
    text = value.isoformat() if isinstance(value, datetime.date) else value
    if not isinstance(text, str) or not re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
        return False
    try:
        day = datetime.date.fromisoformat(text)
    except ValueError:
        return False
    return not is_month or day.day == 1


def _shown(value: object) -> str:
    """Write a value as YAML does, in one line."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{k}: {_within(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_within, value)) + "]"
    return str(value) if isinstance(value, int | float) else f"'{value}'"


def _within(value: object) -> str:
    return value if isinstance(value, str) else _shown(value)
