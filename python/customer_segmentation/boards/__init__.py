"""The boards: pages and pictures of what the published database says, in English and French.

``sources``   the boards in ``charts/``, and the answers of a database to their queries
``words``     words, numbers and dates in the language of a page
``pages``     what a page shows, and its HTML
``drawing``   charts drawn by dbt Charts, in the width of a desk and of a phone
``rendering`` all pages of a database into a folder
``serving``   the live board
"""

from customer_segmentation.boards.drawing import OTHER_COLOURS
from customer_segmentation.boards.rendering import FORMATS, USUAL_FORMATS, render
from customer_segmentation.boards.serving import serve
from customer_segmentation.boards.sources import CHARTS, TITLES, board_names, tables_of
from customer_segmentation.boards.words import LANGUAGES, Words, read_catalogue

__all__ = [
    "CHARTS",
    "FORMATS",
    "LANGUAGES",
    "OTHER_COLOURS",
    "TITLES",
    "USUAL_FORMATS",
    "Words",
    "board_names",
    "read_catalogue",
    "render",
    "serve",
    "tables_of",
]
