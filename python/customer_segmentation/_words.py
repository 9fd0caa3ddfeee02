"""Numbers in sentences."""

from __future__ import annotations


def counted(number: int, one: str, several: str | None = None) -> str:
    """Return a number and what is counted, in English.

    Parameters
    ----------
    number : int
    one : str
        What there is one of, such as "customer".
    several : str, optional
        The plural, when it is not ``one`` with an s.

    Returns
    -------
    str
        As "1 customer" or "6,000 customers".
    """
    return f"{number:,} {one if number == 1 else several or f'{one}s'}"
