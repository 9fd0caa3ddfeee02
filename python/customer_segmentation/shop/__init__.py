"""Somebody's own orders: where they are, what their columns mean, and whether they can be used."""

from customer_segmentation.shop.errors import ShopError
from customer_segmentation.shop.guess import Guess, guess_mapping
from customer_segmentation.shop.lines import Lines, typed_lines
from customer_segmentation.shop.look import Look, events_sql, look_at, problems_of
from customer_segmentation.shop.mapping import Mapping, mapping_from
from customer_segmentation.shop.source import Source, open_source, source_from

__all__ = [
    "Guess",
    "Lines",
    "Look",
    "Mapping",
    "ShopError",
    "Source",
    "events_sql",
    "guess_mapping",
    "look_at",
    "mapping_from",
    "open_source",
    "problems_of",
    "source_from",
    "typed_lines",
]
