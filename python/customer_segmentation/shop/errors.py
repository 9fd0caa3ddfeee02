"""The one error of this room."""

from __future__ import annotations

from collections.abc import Sequence


class ShopError(Exception):
    """Orders cannot be used; each problem is a sentence that says why, and how to mend it."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n  - ".join(problems))
        self.problems: Sequence[str] = problems
