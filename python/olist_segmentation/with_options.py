"""Run a module with the options that variable OPTIONS of the environment holds, quoted as for a shell.

Run as ``python -m olist_segmentation.with_options MODULE [option ...]``. No shell reads OPTIONS:
``$(…)``, ``;`` and the like are parts of words.
"""

from __future__ import annotations

import os
import runpy
import shlex
import sys


def main() -> int:
    """Run the module in this process; its exit status is that of the process.

    Returns
    -------
    int
        1 when OPTIONS cannot be taken apart; otherwise the module ends the process.
    """
    module, *options = sys.argv[1:]
    text = os.environ.get("OPTIONS", "")
    try:
        options += shlex.split(text)
    except ValueError as error:
        print(f"make: OPTIONS={text} is not whole ({error}).", file=sys.stderr)
        return 1
    sys.argv = [module, *options]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
