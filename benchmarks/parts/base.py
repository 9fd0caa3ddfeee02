"""What a part is, and how results are compared."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from benchmarks.job import Job, Meter
from benchmarks.warehouse import Warehouse


@dataclasses.dataclass(frozen=True)
class Check:
    """One comparison of results.

    Attributes
    ----------
    what : str
    difference : float
        Largest one found, in the unit of the tolerance.
    tolerance : float or None
        None for a figure that is only reported, because the two need not agree.
    """

    what: str
    difference: float
    tolerance: float | None

    @property
    def is_equal(self) -> bool:
        """Whether the difference is within the tolerance."""
        return self.tolerance is None or bool(self.difference <= self.tolerance)


class Part:
    """One part; the docstring of a subclass says what is compared.

    Attributes
    ----------
    name, title : str
    is_counted : bool
        Whether its time is part of the whole (some parts are shares of others).
    is_slow : bool
        Whether the yardstick is measured once, whatever the number of repeats.
    largest_size : int
        Largest multiple of Olist at which the yardsticks are run.
    expert_tools : tuple of str
        Packages that the expert's way is made with; none when nothing does it better than the plain way's
        libraries.
    """

    name = ""
    title = ""
    is_counted = True
    is_slow = False
    largest_size = 1
    expert_tools: tuple[str, ...] = ()

    def prepare_ours(self, job: Job) -> Any:
        """Make the inputs of `ours`."""
        raise NotImplementedError

    def ours(self, job: Job, inputs: Any) -> Any:
        """Do the work our way."""
        raise NotImplementedError

    def collect_ours(self, job: Job, inputs: Any, outcome: Any) -> Any:
        """Make what `compare` reads of the outcome; off the clock."""
        return outcome

    def prepare_plain(self, job: Job) -> Any:
        """Make the inputs of `plain`."""
        raise NotImplementedError

    def plain(self, job: Job, inputs: Any, meter: Meter) -> Any:
        """Do the work the plain way, or a share of it."""
        raise NotImplementedError

    def collect_plain(self, job: Job, inputs: Any, outcome: Any) -> Any:
        """Make what `compare` reads of the outcome; off the clock."""
        return outcome

    def prepare_expert(self, job: Job) -> Any:
        """Make the inputs of `expert`."""
        return self.prepare_plain(job)

    def expert(self, job: Job, inputs: Any, meter: Meter) -> Any:
        """Do the work as somebody does who knows the best tool for it, or a share of it."""
        raise NotImplementedError

    def collect_expert(self, job: Job, inputs: Any, outcome: Any) -> Any:
        """Make what `compare` reads of the outcome; off the clock."""
        return self.collect_plain(job, inputs, outcome)

    def compare(self, job: Job, ours: Any, plain: Any) -> list[Check]:
        """Compare what ours and one of the yardsticks collected."""
        raise NotImplementedError

    def release(self, inputs: Any) -> None:
        """Let go of the inputs, so that they can be made again."""


class ModelPart(Part):
    """A part that is one or several dbt models on our side.

    Attributes
    ----------
    models : tuple of str
        In order.
    """

    models: tuple[str, ...] = ()

    def prepare_ours(self, job: Job) -> Any:
        warehouse = job.warehouse(forget=list(self.models[::-1]))
        if any(warehouse.nodes[name]["language"] == "python" for name in self.models):
            import customer_segmentation.steps  # noqa: F401
        return warehouse

    def release(self, inputs: Any) -> None:
        # DuckDB hands out an open database again by its path.
        if isinstance(inputs, Warehouse):
            inputs.connection.close()

    def changes(self, job: Job) -> dict[str, Any]:
        """Return settings of the models to replace."""
        return {}

    def ours(self, job: Job, inputs: Any) -> Any:
        inputs.make(self.models, changes=self.changes(job))

    def collect_ours(self, job: Job, inputs: Any, outcome: Any) -> Any:
        return inputs.frame(f"from {inputs.relation(self.models[-1])}")


def largest_gap(a: Any, b: Any) -> float:
    """Return the largest difference of two columns; infinity where only one has a value."""
    one, other = (np.asarray(x, dtype=float) for x in (a, b))
    if len(one) == 0:
        return 0.0
    gap = np.abs(one - other)
    gap[np.isnan(one) & np.isnan(other)] = 0.0
    return float(np.where(np.isnan(gap), np.inf, gap).max())
