"""The maintenance contract: what it says, how it is written, and its page.

``figures``  queries on the published database, one for each figure, table and chart
``words``    numbers and dates as people of a language write them
``charts``   the pictures, as SVG
``page``     templates, filled; as Markdown and as HTML
"""

from customer_segmentation.commands._contract import charts
from customer_segmentation.commands._contract.figures import CHARTS, FIGURES, TABLES
from customer_segmentation.commands._contract.page import TEMPLATES, markdown, page_as_html
from customer_segmentation.commands._contract.words import LANGUAGES, Language, written

__all__ = [
    "CHARTS",
    "FIGURES",
    "LANGUAGES",
    "TABLES",
    "TEMPLATES",
    "Language",
    "charts",
    "markdown",
    "page_as_html",
    "written",
]
