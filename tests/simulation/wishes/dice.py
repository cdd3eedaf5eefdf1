"""Small numbers that hypothesis throws and shrinks, read as choices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from hypothesis import strategies as st

from ledger.commands import Quantity
from tests.simulation.model.books import Books, Row

Choice = TypeVar("Choice")

SKUS = ("brass-lamp", "blue-teapot", "long-rug")
LIMITED = SKUS[2]
UNKNOWN_SKU = "no-such-thing"
PLACES = ("BER1", "HAM1", "MUC1")
UNKNOWN_PLACE = "NOWHERE"
CHECKOUTS = tuple(f"co_{n}" for n in range(5))
CUSTOMERS = ("ada", "bob")
FACES = 60
"""Divisible by the number of nearly every choice's options."""


class Dice:
    """Choices one after the other; all zeros is the simplest, and an option's first is the plain one."""

    def __init__(self, thrown: Sequence[int]) -> None:
        self.thrown = list(thrown)
        self.next = 0

    def __repr__(self) -> str:
        return f"Dice({self.thrown})"

    def of(self, options: Sequence[Choice]) -> Choice:
        """Choose one."""
        number = self.thrown[self.next % len(self.thrown)]
        self.next += 1
        return options[number % len(options)]

    def one_in(self, times: int) -> bool:
        """Say yes once in so many times."""
        return self.of([*[False] * (times - 1), True])

    def units(self) -> int:
        """Give a number of units, and now and then none."""
        return self.of((1, 2, 3, 1, 2, 4, 1, 2, 5, 0))

    def up_to(self, most: int) -> int:
        """Give some of what there is, and now and then one more than that."""
        if most < 1 or self.one_in(8):
            return most + 1
        return self.of(range(1, most + 1))

    def sku(self) -> str:
        """Name something that is sold, as a rule."""
        return UNKNOWN_SKU if self.one_in(20) else self.of(SKUS)

    def place(self) -> str:
        """Name a place that there is, as a rule."""
        return UNKNOWN_PLACE if self.one_in(20) else self.of(PLACES)

    def row(self, books: Books, pile: str) -> Row:
        """Name a row that has something in a pile, if one has, as a rule."""
        rows = sorted(row for row, shelf in books.shelves.items() if shelf.piles[pile] > 0)
        if rows and not self.one_in(6):
            return self.of(rows)
        return self.sku(), self.place()

    def cart(self) -> dict[str, int]:
        """Give one to three skus with units."""
        first, second, third = self.of(SKUS), self.of(SKUS), self.of(SKUS)
        wanted = self.of(([first], [first, second], [first], [first, second, third]))
        return {sku: self.of((1, 2, 1, 3, 1, 2)) for sku in wanted}

    def split(self, units: dict[str, int]) -> tuple[Quantity, ...]:
        """Write lines, and now and then a sku on two of them."""
        lines = [Quantity(sku=sku, quantity=quantity) for sku, quantity in units.items()]
        if lines and lines[0].quantity > 1 and self.one_in(3):
            sku, quantity = lines[0].sku, lines[0].quantity
            lines = [
                Quantity(sku=sku, quantity=quantity - 1),
                *lines[1:],
                Quantity(sku=sku, quantity=1),
            ]
        return tuple(lines)


dice = st.lists(st.integers(0, FACES - 1), min_size=12, max_size=12).map(Dice)
