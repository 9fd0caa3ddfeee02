"""The command-line program: ``python -m customer_segmentation COMMAND``.

Each command is a module of room ``commands`` with a docstring, which is its help, and two
functions: ``add_options(parser)`` says what it takes, ``run(options)`` does it and returns the
status for the shell. Only the module of the command that is asked for is imported.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from customer_segmentation.commands import COMMANDS

DESCRIPTION = "Build, publish and use a customer segmentation in dbt."
FOOT = """\
COMMAND --help tells more of each. All of them work in the folder of the dbt project. `make help`
lists the same as make targets, which also install what a command needs. The Olist data set has
a program of its own: python -m olist --help."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    arguments : sequence of str, optional
        Those of the command line by default.

    Returns
    -------
    int
        Status for the shell: 0; 1 after a sentence on the error stream; 130 when stopped.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    name = next((word for word in words if not word.startswith("-")), "")
    module = importlib.import_module(f"{__package__}.commands.{name}") if name in COMMANDS else None
    parser = build_parser(name, module)
    options, others = parser.parse_known_args(words)
    if module is None:
        parser.error("say which command.")
    if others and "others" not in options:
        # Not what they say: a connection string may be among them.
        named = [word.split("=")[0] for word in others if word.startswith("-")]
        what = ", ".join(named) or f"{len(others)} of the arguments"
        parser.error(f"{name} does not know {what}; see {name} --help.")
    options.others = others
    from customer_segmentation.publishing import (
        CommandError,
        Stopped,
        database_path,
        stopped_by_signals,
    )

    try:
        with stopped_by_signals():
            default = getattr(module, "default_database", lambda options: "")
            options.database = database_path(options.database or default(options))
            return int(module.run(options))
    except CommandError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 1
    except (Stopped, KeyboardInterrupt) as stop:
        print(f"{name}: stopped. {stop}".rstrip(), file=sys.stderr)
        return 130


def build_parser(name: str = "", module: ModuleType | None = None) -> argparse.ArgumentParser:
    """Return the parser of the program, with the options of one command.

    Parameters
    ----------
    name : str
        That of the command.
    module : module, optional
        Where the command is; without it, commands have names only.

    Returns
    -------
    argparse.ArgumentParser
    """
    as_module = Path(sys.argv[0]).name == "__main__.py"
    parser = argparse.ArgumentParser(
        prog=f"python -m {__package__}" if as_module else "customer-segmentation",
        description=DESCRIPTION,
        epilog=FOOT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for known, sentence in COMMANDS.items():
        chosen = commands.add_parser(
            known,
            help=sentence,
            description=module.__doc__ if module and known == name else sentence,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        if module and known == name:
            module.add_options(chosen)
            chosen.add_argument(
                "--database",
                metavar="FILE",
                default=os.environ.get("SEGMENTATION_DATABASE") or "",
                help="the published database (default: SEGMENTATION_DATABASE or warehouse/olist.duckdb)",
            )
    return parser


if __name__ == "__main__":
    sys.exit(main())
