"""What callers do all day: goods come in; customers fill carts and then pay, think again, or forget."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from tests.history.plants import PLENTY
from tests.unit.ledger.cast import BERLIN, LAMP, MUNICH, RUG, TEAPOT

PLACES = (BERLIN, MUNICH)
SCARCE = (LAMP, TEAPOT, RUG, "oak-stool", "tin-kettle", "felt-hat", "salt-mill", "jam-jar")
SKUS = (*SCARCE, PLENTY)
LINES_A_CART = 4


class Ending(StrEnum):
    """What becomes of a hold."""

    RELEASE = "release"
    EXPIRE = "expire"
    BUY = "buy"
    BUY_AND_CANCEL = "buy and cancel"
    LEAVE = "leave"


ENDINGS = {
    Ending.RELEASE: 45,
    Ending.EXPIRE: 30,
    Ending.BUY: 6,
    Ending.BUY_AND_CANCEL: 4,
    Ending.LEAVE: 15,
}
"""How often, of a hundred."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Goods:
    """A receipt of one line."""

    receipt: str
    sku: str
    location: str
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """One checkout. The cart's lines stand in the order in which they were put there: crossed, as they come."""

    checkout: str
    cart: dict[str, int]
    ending: Ending


Story = Goods | Customer


def stories(seed: int, *, mine: int, processes: int, doubled: float) -> Iterator[Story]:
    """Draw the share of process number `mine` in a day that is the same for all of them, without end.

    A share of `doubled` belongs to all at once; those customers never pay, since two who bring each
    other's money would be another test.
    """
    random = Random(seed)
    number = 0
    while True:
        number += 1
        story = _story(random, number)
        shared = random.random() < doubled
        if shared and isinstance(story, Customer):
            ending = random.choice([Ending.RELEASE, Ending.EXPIRE])
            story = Customer(checkout=story.checkout, cart=story.cart, ending=ending)
        if shared or number % processes == mine:
            yield story


def _story(random: Random, number: int) -> Story:
    if random.random() < 0.2:
        return Goods(
            receipt=f"goods-{number}",
            sku=random.choice(SKUS),
            location=random.choice(PLACES),
            quantity=random.randint(1, 6),
        )
    skus = random.sample(SKUS, random.randint(1, LINES_A_CART))
    return Customer(
        checkout=f"co_{number}",
        cart={sku: random.randint(1, 3) for sku in skus},
        ending=random.choices(list(ENDINGS), weights=list(ENDINGS.values()))[0],
    )
