"""The data command: fetch the real Olist files, verify them, or make a synthetic sample."""

from olist.files import FILES, SYNTHETIC_MARKER
from olist.verify import is_real

__all__ = ["FILES", "SYNTHETIC_MARKER", "is_real"]
