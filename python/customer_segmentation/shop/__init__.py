"""Somebody's own orders: where they are, what their columns mean, and whether they can be used."""

from customer_segmentation.shop.clusters import STUDY, ClusterChoice, choose_clusters
from customer_segmentation.shop.errors import ShopError
from customer_segmentation.shop.guess import Guess, guess_mapping
from customer_segmentation.shop.guess_traits import guess_customer_file, guess_review_file
from customer_segmentation.shop.lines import Lines, typed_lines
from customer_segmentation.shop.look import Look, events_sql, look_at, problems_of
from customer_segmentation.shop.mapping import (
    NO_CURRENCY,
    Mapping,
    in_currency,
    left_out,
    mapping_from,
)
from customer_segmentation.shop.source import Source, open_source, source_from
from customer_segmentation.shop.times import in_words

__all__ = [
    "NO_CURRENCY",
    "STUDY",
    "ClusterChoice",
    "Guess",
    "Lines",
    "Look",
    "Mapping",
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
    "source_from",
    "typed_lines",
]
