"""The Olist data set: fetch the real files, verify them, or make a synthetic sample.

The command is ``python -m olist --help``. Nothing here knows of the engine that reads the files.
"""

from olist.files import FILES, SYNTHETIC_MARKER
from olist.verify import is_real

__all__ = ["FILES", "SYNTHETIC_MARKER", "is_real"]
