"""A few people of every sample whose histories are awkward on purpose."""

from __future__ import annotations

import numpy as np

BROKEN_COMMENT = 'Produto excelente.\r\n\r\nChegou antes do prazo, recomendo a "loja".'

# People who play a part, so that even a small sample has every awkward row.
FIRST_BUYER, LAST_BUYER = 0, 1
SMALLEST_CAST = 200
(
    DECEMBER_BUYER,
    MOVER,
    SAME_INSTANT_BUYER,
    SPLIT_PAYER,
    MANY_SELLERS_BUYER,
    CANCELED_DELIVERED_BUYER,
    NO_ITEMS_BUYER,
    NO_PAYMENT_BUYER,
    LINE_BREAK_WRITER,
) = range(2, 11)
LARGE_CAST = 2_000
MOST_ORDERS_BUYER, BIG_SPENDER = 11, 12
BIG_SPENDER_ITEMS = 8
BIG_SPENDER_FREIGHT_CENTS = 2_801


class Cast:
    """Finds the first order of the people who play a part in this block."""

    def __init__(self, *, customers: int, start: int, first_order: np.ndarray) -> None:
        self.customers = customers
        self.start = start
        self.first_order = first_order

    def person(self, role: int) -> np.ndarray:
        """Return the position of the person in the block: one number, or none."""
        smallest = (
            role + 1
            if role <= LAST_BUYER
            else SMALLEST_CAST
            if role < MOST_ORDERS_BUYER
            else LARGE_CAST
        )
        here = self.customers >= smallest and 0 <= role - self.start < len(self.first_order)
        return np.array([role - self.start] if here else [], dtype=np.int64)

    def order(self, role: int) -> np.ndarray:
        """Return the position of the first order of the person: one number, or none."""
        return self.first_order[self.person(role)]
