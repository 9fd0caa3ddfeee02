"""Whether this machine has what Spark needs beside Python packages."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from customer_segmentation.publishing import CommandError

OLDEST_JAVA = 17
INSTALL = (
    f"Spark needs Java {OLDEST_JAVA} or later: install it (Debian and Ubuntu: apt install openjdk-17-jre-headless), or"
    " name the folder of one in JAVA_HOME."
)


def refuse_without_spark(environment: Mapping[str, str]) -> None:
    """Stop when Java or PySpark is missing.

    Parameters
    ----------
    environment : mapping of str to str
        JAVA_HOME and PATH say which Java.

    Raises
    ------
    CommandError
    """
    if importlib.util.find_spec("pyspark") is None:
        raise CommandError(
            "PySpark is not installed; run `make spark`, which installs what it needs into .venv-spark."
        )
    version = java_version(environment)
    if version is None:
        raise CommandError(f"there is no Java on this machine. {INSTALL}")
    if version < OLDEST_JAVA:
        raise CommandError(f"the Java of this machine is version {version}. {INSTALL}")


def java_version(environment: Mapping[str, str]) -> int | None:
    """Return the version of the Java that Spark would start, such as 17; None without one."""
    home = environment.get("JAVA_HOME", "").strip()
    program = (
        str(Path(home) / "bin" / "java")
        if home
        else shutil.which("java", path=environment.get("PATH", os.defpath))
    )
    if not program:
        return None
    try:
        done = subprocess.run(
            [program, "-version"],
            capture_output=True,
            text=True,
            check=False,
            env=dict(environment),
        )
    except OSError:
        return None
    return version_of(done.stderr + done.stdout)


def version_of(said: str) -> int | None:
    """Read the version out of what ``java -version`` says: 17 of "17.0.15", 8 of "1.8.0_402"."""
    found = re.search(r'version "(?:1\.)?(\d+)', said)
    return int(found[1]) if found else None
