"""What Jinja has read and compiled, kept for other processes: dbt hands it the same texts in each of its runs.

Half of the time of a parse goes into the grammar of macros, models and YAML, which no setting changes. The same text
gives the same tree and the same code, so that a process need not read what another one has read.
"""

from __future__ import annotations

import marshal
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dbt_common.clients.jinja import MacroFuzzEnvironment, get_environment

# The name of an environment's class, and a text. Each environment of a class of dbt's has the same extensions.
Key = tuple[str, str]
# Fewer are not worth a file.
LEAST = 20


class Texts:
    """Trees and code of texts.

    Attributes
    ----------
    trees : dict
        What an environment of dbt's gives for `parse`; dbt only looks at it.
    code : dict
        What it gives for `compile`.
    new_trees, new_code : set
        Keys that this process has added.
    """

    def __init__(self) -> None:
        self.trees: dict[Key, Any] = {}
        self.code: dict[Key, Any] = {}
        self.new_trees: set[Key] = set()
        self.new_code: set[Key] = set()

    def keep(self) -> None:
        """Have every environment of dbt's ask here first."""
        MacroFuzzEnvironment.parse = self._once(
            MacroFuzzEnvironment.parse, self.trees, self.new_trees
        )
        MacroFuzzEnvironment.compile = self._once(
            MacroFuzzEnvironment.compile, self.code, self.new_code
        )

    @staticmethod
    def _once(make: Callable, known: dict[Key, Any], new: set[Key]) -> Callable:
        def made_once(environment: Any, source: Any, *others: Any, **named: Any) -> Any:
            # A name of a file would be in the code.
            if type(source) is not str or others or named:
                return make(environment, source, *others, **named)
            key = type(environment).__name__, source
            if key not in known:
                known[key] = make(environment, source)
                new.add(key)
            return known[key]

        return made_once

    def write(self, folder: Path) -> None:
        """Write what this process has added into a folder, for `learn`."""
        if len(self.new_trees) + len(self.new_code) < LEAST or not folder.is_dir():
            return
        added = list(self.new_trees), {key: self.code[key] for key in self.new_code}
        part = folder / f"{os.getpid()}.part"
        part.write_bytes(marshal.dumps(added))
        part.rename(folder / f"{os.getpid()}.texts")

    def learn(self, folder: Path) -> bool:
        """Take what others have written, and say whether there was any; no file holds a tree, so it is made anew."""
        files = list(folder.glob("*.texts"))
        for path in files:
            trees, code = marshal.loads(path.read_bytes())
            path.unlink()
            self.code |= code
            for key in trees:
                name, text = key
                if key not in self.trees:
                    environment = get_environment(native=name != MacroFuzzEnvironment.__name__)
                    self.trees[key] = environment.parse(text)
        self.new_trees.clear()
        return bool(files)
