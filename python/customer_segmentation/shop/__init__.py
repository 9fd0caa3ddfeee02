"""Somebody's own orders: where they are, what their columns mean, and whether they can be used.

``source``        files, or a table of another database, as SQL
``columns``       what a column looks like; by it ``guess`` finds those of the orders, ``guess_traits`` those of
                  customers and reviews
``mapping``       what var shop says of them
``times``         how times are written
``lines``         the orders under the names of the model shop_lines, typed
``look``          what is in them, and what is wrong with them
``answers``       what dbt asks
``clusters``      how many segments the comparison chooses
``plugin``        how dbt-duckdb reads them
"""

from customer_segmentation.shop.answers import ShopAnswers
from customer_segmentation.shop.clusters import STUDY, ClusterChoice, choose_clusters
from customer_segmentation.shop.guess import NO_CURRENCY_FOUND, Guess, guess_mapping
from customer_segmentation.shop.guess_traits import guess_customer_file, guess_review_file
from customer_segmentation.shop.lines import Lines, typed_lines
from customer_segmentation.shop.look import Look, events_sql, look_at, problems_of
from customer_segmentation.shop.mapping import (
    NO_CURRENCY,
    Mapping,
    ShopError,
    in_currency,
    left_out,
    mapping_from,
)
from customer_segmentation.shop.source import Source, open_source, rows_in_two_files, source_from
from customer_segmentation.shop.times import in_words

__all__ = [
    "NO_CURRENCY",
    "NO_CURRENCY_FOUND",
    "STUDY",
    "ClusterChoice",
    "Guess",
    "Lines",
    "Look",
    "Mapping",
    "ShopAnswers",
    "ShopError",
    "Source",
    "choose_clusters",
    "events_sql",
    "guess_customer_file",
    "guess_mapping",
    "guess_review_file",
    "in_currency",
    "in_words",
    "left_out",
    "look_at",
    "mapping_from",
    "open_source",
    "problems_of",
    "rows_in_two_files",
    "source_from",
    "typed_lines",
]
