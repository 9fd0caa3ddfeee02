"""A synthetic Olist of any size: the nine files, the same bytes for the same request.

``write`` draws a world (``catalogue``: places, sellers, products) and then people, block by block
(``block``: ``orders``, ``baskets``, ``payments``, ``reviews``), so that memory does not grow with
the number of customers. ``marginals`` are those of the real set; ``cast`` are a few people whose
histories are awkward on purpose.
"""

from olist.sample.marginals import REAL_CUSTOMERS
from olist.sample.write import DEFAULT_SEED, write_sample

__all__ = ["DEFAULT_SEED", "REAL_CUSTOMERS", "write_sample"]
