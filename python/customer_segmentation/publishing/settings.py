"""Settings that nothing could be built with: dbt would read for seconds, and end in a traceback.

What a setting must be is stated in dbt_project.yml; macro ``check_settings`` asks the same judge inside dbt.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import yaml

from customer_segmentation.intake import default_settings, project_vars, settings_problems
from customer_segmentation.publishing.dbt_process import project_folder
from customer_segmentation.publishing.errors import CommandError
from customer_segmentation.shop import STUDY, ShopError, choose_clusters


def refuse_bad_settings(options: Sequence[str], *, environment: Mapping[str, str]) -> None:
    """Stop when a variable of the environment, or a var among the options, cannot be used.

    Parameters
    ----------
    options : sequence of str
        Those of ``dbt build``.
    environment : mapping of str to str

    Raises
    ------
    CommandError
        With a sentence for each.
    """
    found = environment_problems(environment)
    folder = project_folder(environment)
    # Of a folder without the file, dbt says so.
    if (folder / "dbt_project.yml").exists():
        found += var_problems(text_of_vars(options), project=project_vars(folder))
    if found:
        raise CommandError("\n  - ".join(["settings that cannot be used:", *found]))


def environment_problems(environment: Mapping[str, str]) -> list[str]:
    """Say which of DuckDB's settings are none; one that is empty is not given.

    Parameters
    ----------
    environment : mapping of str to str

    Returns
    -------
    list of str
        Sentences.
    """
    found = []
    threads = environment.get("SEGMENTATION_THREADS")
    if threads and not re.fullmatch(r"0*[1-9][0-9]{0,3}", threads.strip(), re.ASCII):
        found.append(
            f"SEGMENTATION_THREADS is '{threads}'; it is a whole number, 1 or more, such as 2."
        )
    memory = environment.get("SEGMENTATION_MEMORY_LIMIT")
    if memory and not _is_memory(memory):
        found.append(f"SEGMENTATION_MEMORY_LIMIT is '{memory}'; it is a size such as 4GB or 800MB.")
    spill = environment.get("SEGMENTATION_TEMP_DIRECTORY")
    if spill:
        try:
            Path(spill).mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=spill):
                pass
        except OSError as error:
            found.append(
                f"SEGMENTATION_TEMP_DIRECTORY={spill} cannot be written to: {error.strerror}. "
                "Mend its permissions, or name another folder."
            )
    return found


def text_of_vars(options: Sequence[str]) -> str | None:
    """Return what follows ``--vars``; the last one counts."""
    text = None
    for position, option in enumerate(options):
        if option == "--vars" and position + 1 < len(options):
            text = options[position + 1]
        elif option.startswith("--vars="):
            text = option.removeprefix("--vars=")
    return text


def given_vars(options: Sequence[str], *, project: Path) -> dict[str, Any]:
    """Return adapter, shop and the settings as a build with these options has them."""
    text = text_of_vars(options)
    given = (yaml.safe_load(text) if text else None) or {}
    if not (project / "dbt_project.yml").exists():
        # dbt says so.
        return {"adapter": "olist", **given}
    stated = project_vars(project)
    plain = {name: value for name, value in stated.items() if name not in ("settings", "features")}
    both = {"adapter": "olist", "shop": {}, **plain, **given}
    return {**default_settings(project, adapter=both["adapter"]), **both}


def with_shop(options: Sequence[str], file: Path) -> list[str]:
    """Return options with the vars of a shop's file in them; those among the options go first.

    Parameters
    ----------
    options : sequence of str
        Those of ``dbt build``.
    file : Path
        As command ``shop`` writes it.

    Raises
    ------
    CommandError
    """
    try:
        shop = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise CommandError(
            f"{file} cannot be read ({error.strerror}); make shop ORDERS='folder/*.csv' writes it."
        ) from None
    except (yaml.YAMLError, ValueError) as error:
        raise CommandError(f"{file} is no YAML ({' '.join(str(error).split())}).") from None
    if not isinstance(shop, dict) or not isinstance(shop.get("shop"), dict):
        raise CommandError(
            f"{file} has no mapping `shop`; make shop ORDERS='folder/*.csv' writes it."
        )
    text = text_of_vars(options)
    try:
        given = (yaml.safe_load(text) if text else None) or {}
    except (yaml.YAMLError, ValueError):
        # refuse_bad_settings says what is wrong with them.
        return list(options)
    if not isinstance(given, dict):
        return list(options)
    both = {"adapter": "orders", **shop, **given}
    return [*options, "--vars", json.dumps(both, default=str)]


def with_chosen_clusters(options: Sequence[str]) -> list[str]:
    """Return options with the comparison's choice in the place of ``n_clusters: study``, and print it.

    Parameters
    ----------
    options : sequence of str
        Those of ``dbt build`` on somebody's own orders.

    Raises
    ------
    CommandError
        When a setting, or the orders, cannot be used.
    """
    text = text_of_vars(options)
    try:
        given = (yaml.safe_load(text) if text else None) or {}
    except (yaml.YAMLError, ValueError):
        given = None
    # What is wrong with the options is said later.
    if not isinstance(given, dict) or given.get("n_clusters") != STUDY:
        return list(options)
    project = project_folder(os.environ)
    default = default_settings(project, adapter="orders")["n_clusters"]
    as_default = [*options, "--vars", json.dumps({**given, "n_clusters": default}, default=str)]
    refuse_bad_settings(as_default, environment=os.environ)
    try:
        choice = choose_clusters(
            given.get("shop") or {}, given_settings(as_default, project=project), project=project
        )
    except ShopError as error:
        sentences = "".join(f"\n  - {problem}" for problem in error.problems)
        raise CommandError(f"the orders cannot be used; nothing was replaced.{sentences}") from None
    number = choice.n_clusters or default
    print(f"n_clusters {number}, as of {choice.as_of_date}: {choice.reason}", flush=True)
    return [*options, "--vars", json.dumps({**given, "n_clusters": number}, default=str)]


def given_settings(options: Sequence[str], *, project: Path) -> dict[str, Any]:
    """Return the settings as a build with these options has them; of a group, what is not given stays."""
    given = given_vars(options, project=project)
    defaults = default_settings(project, adapter=given["adapter"])
    return {
        name: {**value, **(given[name] or {})} if isinstance(value, dict) else given[name]
        for name, value in defaults.items()
    }


def var_problems(text: str | None, *, project: Mapping[str, Any]) -> list[str]:
    """Say which settings cannot be used, in the project and in what is given for one build.

    Parameters
    ----------
    text : str or None
        YAML, as ``--vars`` takes it; None without that option.
    project : mapping of str to object
        As ``intake.project_vars`` returns it.

    Returns
    -------
    list of str
        Sentences.
    """
    try:
        given = yaml.safe_load(text) if text is not None else None
    except (yaml.YAMLError, ValueError) as error:
        reason = " ".join(str(error).split())
        return [
            f"--vars '{text}' cannot be read as YAML ({reason}); write it as '{{n_clusters: 4}}'."
        ]
    if given is not None and not isinstance(given, dict):
        return [f"--vars '{text}' names no settings; write it as '{{n_clusters: 4}}'."]
    return settings_problems(project, given or {})


def _is_memory(text: str) -> bool:
    """Say whether DuckDB takes a text for an amount of memory."""
    try:
        with duckdb.connect() as connection:
            connection.execute("set memory_limit = ?", [text])
    except duckdb.Error:
        return False
    return True
