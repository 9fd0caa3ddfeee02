"""The Olist data set: fetch the real files, verify them, or make a synthetic sample.

``files``     the nine files and their columns
``fetch``     the real ones, from Kaggle or from a folder
``verify``    whether a folder holds them, by ``manifest``: sizes, digests and figures
``sample``    synthetic ones of any size

The command is ``python -m olist --help``. Nothing here knows of the engine that reads the files.
"""

from olist.files import FILES, SYNTHETIC_MARKER
from olist.verify import is_real

__all__ = ["FILES", "SYNTHETIC_MARKER", "is_real"]
