"""Customer segmentation in dbt: the Python behind the models, in rooms that tell their purpose.

``cluster``     K-means and spectral clustering: scaling, fits, canonical cluster numbers.
``distance``    Silhouettes, from the distances among all customers.
``measure``     What is measured on clusters and periods: agreement, quality, stability, separation, drift …
``steps``       What a dbt Python model calls: one function a table, with re-use of the last build's results.
``intake``      What is looked at before dbt starts: the raw files, the seeds and the settings.
``shop``        Somebody's own orders: where they are, what their columns mean, whether they can be used.
``publishing``  Build beside the published database, look, swap in; keep what was there, and go back.
``boards``      Pages and pictures of what the published database says, in English and French.
``commands``    The command line: ``python -m customer_segmentation --help``.

Each room's ``__init__`` lists its public names; modules with an underscore are for that room alone.
A room uses those above it in this list, never those below. Only the last five read or write files.
The Olist data set itself is the business of package ``olist``.
"""

from __future__ import annotations

import importlib
from types import ModuleType

__all__ = [
    "boards",
    "cluster",
    "commands",
    "distance",
    "intake",
    "measure",
    "publishing",
    "shop",
    "steps",
]


def __getattr__(name: str) -> ModuleType:
    """Import a room when it is asked for, so that a command does not wait for all of them."""
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *__all__]
