"""Build beside the published database, look, swap it in; keep what was there, and go back.

Nothing is replaced before its successor was built and tested, and a reader never sees two states.

``build``          the whole of it, under the lock: `build_and_publish`; `swap` is the moment of it
``database_file``  the published file and what may lie beside it: locks, logs, foreign files
``settings``       variables of the environment and vars that nothing could be built with
``dbt_process``    dbt as a process of ours
``completeness``   whether a run built and tested the whole project
``readers``        the published database opened to read, or why it cannot be
``rollback``       earlier databases, kept and brought back
``costs``          what a build cost, for ``maintenance.run_history``
``summary``        what a person reads at the end
``stopping``       signals that end a process, as an exception
``errors``         the one error of a command that cannot go on
"""

from customer_segmentation.publishing.build import build_and_publish, refuse_bad_data
from customer_segmentation.publishing.database_file import (
    DEFAULT_DATABASE,
    build_lock,
    database_path,
)
from customer_segmentation.publishing.dbt_process import (
    builds_whole,
    forget_stale_parse,
    project_folder,
    target_folder,
    target_of,
)
from customer_segmentation.publishing.errors import CommandError, InUseError
from customer_segmentation.publishing.readers import one_row, open_to_read, reading, vars_of
from customer_segmentation.publishing.rollback import WITHDRAWN, choices, go_back
from customer_segmentation.publishing.settings import (
    given_vars,
    refuse_bad_settings,
    with_chosen_clusters,
    with_shop,
)
from customer_segmentation.publishing.stopping import Stopped, stopped_by_signals
from customer_segmentation.publishing.summary import DEFAULT_RAW_DIR

__all__ = [
    "DEFAULT_DATABASE",
    "DEFAULT_RAW_DIR",
    "WITHDRAWN",
    "CommandError",
    "InUseError",
    "Stopped",
    "build_and_publish",
    "build_lock",
    "builds_whole",
    "choices",
    "database_path",
    "forget_stale_parse",
    "given_vars",
    "go_back",
    "one_row",
    "open_to_read",
    "project_folder",
    "reading",
    "refuse_bad_data",
    "refuse_bad_settings",
    "stopped_by_signals",
    "target_folder",
    "target_of",
    "vars_of",
    "with_chosen_clusters",
    "with_shop",
]
