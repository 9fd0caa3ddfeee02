"""Signals that end a process, as an exception that lets it put away what was begun."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

STOPPING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """Somebody asked this process to end; the message says what that leaves."""


@contextlib.contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Turn the signals that end a process into `Stopped`."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise Stopped

    try:
        before = {number: signal.signal(number, stop) for number in STOPPING_SIGNALS}
    except ValueError:
        # Not the main thread: its caller answers signals.
        yield
        return
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def finish_undisturbed() -> None:
    """Let nobody stop what is left to do; called when the next step changes what is published."""
    with contextlib.suppress(ValueError):
        for number in STOPPING_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
