"""What Spark writes about its stages, summed for each dbt node.

Spark writes an event log where ``spark.eventLog.enabled`` is true, for example in the file spark-defaults.conf of the
folder that SPARK_CONF_DIR names. Run as ``python -m benchmarks.spark.event_log FILE`` to see one as a table.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

EXECUTION = "spark.sql.execution.id"
DESCRIPTION = "spark.job.description"
STARTED = "org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionStart"
# Of what was started outside any node.
NO_NODE = "dbt itself"


@dataclasses.dataclass
class Work:
    """What the stages of one dbt node took on all executors.

    Attributes
    ----------
    stages, tasks, failed_tasks : int
    task_seconds, cpu_seconds : float
        Summed over tasks. Processor time is the JVM's; that of Python workers is not in it.
    longest_task_seconds : float
    read_bytes, written_bytes : int
        From and into files of tables.
    shuffle_bytes : int
        Written for other stages to read.
    spilled_bytes : int
        To disk, for want of memory.
    driver_bytes : int
        Results that went to the driver.
    """

    stages: int = 0
    tasks: int = 0
    failed_tasks: int = 0
    task_seconds: float = 0.0
    cpu_seconds: float = 0.0
    longest_task_seconds: float = 0.0
    read_bytes: int = 0
    written_bytes: int = 0
    shuffle_bytes: int = 0
    spilled_bytes: int = 0
    driver_bytes: int = 0

    def add_task(self, event: Mapping[str, Any]) -> None:
        """Count a task that has ended.

        Parameters
        ----------
        event : mapping
            SparkListenerTaskEnd.
        """
        info, metrics = event["Task Info"], event.get("Task Metrics") or {}
        self.tasks += 1
        self.failed_tasks += bool(info.get("Failed"))
        seconds = metrics.get("Executor Run Time", 0) / 1e3
        self.task_seconds += seconds
        self.longest_task_seconds = max(self.longest_task_seconds, seconds)
        self.cpu_seconds += metrics.get("Executor CPU Time", 0) / 1e9
        self.read_bytes += metrics.get("Input Metrics", {}).get("Bytes Read", 0)
        self.written_bytes += metrics.get("Output Metrics", {}).get("Bytes Written", 0)
        self.shuffle_bytes += metrics.get("Shuffle Write Metrics", {}).get(
            "Shuffle Bytes Written", 0
        )
        self.spilled_bytes += metrics.get("Disk Bytes Spilled", 0)
        self.driver_bytes += metrics.get("Result Size", 0)


def work_by_node(lines: Iterable[str]) -> dict[str, Work]:
    """Sum what an event log says of each dbt node's stages.

    A stage is that of the statement that it was started for; the adapter gives a statement the name of its node. Tasks
    that failed or were done twice count, too: they were work.

    Parameters
    ----------
    lines : iterable of str
        Of the log, a JSON object each; one that a killed driver left half written ends the reading.

    Returns
    -------
    dict of str to Work
        By dbt's unique_id, in order of the first stage.
    """
    statements: dict[str, str] = {}
    nodes: dict[int, str] = {}
    seen: set[tuple[int, int]] = set()
    found: dict[str, Work] = {}
    for line in lines:
        try:
            event = json.loads(line)
        except json.JSONDecodeError:
            break
        kind = event["Event"]
        if kind == STARTED:
            statements[str(event["executionId"])] = event.get("description") or NO_NODE
        elif kind == "SparkListenerStageSubmitted":
            properties = event.get("Properties") or {}
            statement = statements.get(properties.get(EXECUTION, ""))
            node = statement or properties.get(DESCRIPTION) or NO_NODE
            stage = event["Stage Info"]
            nodes[stage["Stage ID"]] = node
            attempt = stage["Stage ID"], stage.get("Stage Attempt ID", 0)
            found.setdefault(node, Work()).stages += attempt not in seen
            seen.add(attempt)
        elif kind == "SparkListenerTaskEnd":
            node = nodes.get(event["Stage ID"], NO_NODE)
            found.setdefault(node, Work()).add_task(event)
    return found


def main(words: list[str] | None = None) -> int:
    """Print an event log as a table, the nodes with the most shuffled bytes first."""
    (file,) = words if words is not None else sys.argv[1:]
    with Path(file).open(encoding="utf-8") as lines:
        found = work_by_node(lines)
    names = [field.name for field in dataclasses.fields(Work)]
    print("\t".join(["node", *names]))
    for node, work in sorted(found.items(), key=lambda item: -item[1].shuffle_bytes):
        print("\t".join([node, *(f"{getattr(work, name):g}" for name in names)]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
