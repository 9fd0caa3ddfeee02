"""The one error of a command that cannot go on."""

from __future__ import annotations


class CommandError(Exception):
    """A command cannot go on; the message says in a sentence why, and how to mend it."""


class InUseError(CommandError):
    """A program has the file open for writing; the message names it."""
