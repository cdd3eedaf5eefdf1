"""What is sold in a benchmark, and checkouts opened beforehand, each ready to be reserved once."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import md5
from itertools import count

from sqlalchemy.ext.asyncio import AsyncEngine

from ledger import ids, policies
from ledger.checkouts import CheckoutLine
from ledger.commands import OpenCheckout, Quantity, Receive, Reserve
from ledger.posting import Ledger

LOCATION = "BER1"
PRICE_MINOR = 4_900
UNITS = 10**9
"""Received of each sku: nothing runs out."""
AT_ONCE = 500
"""Commands in one batch of the preparations."""
OFFERED_AT_ONCE = 8

Skus = Callable[[int], tuple[str, ...]]
"""Which skus, a unit each, the checkout of a number wants."""


async def stock_up(engine: AsyncEngine, skus: int) -> None:
    """Offer `sku-0` and so on at one location, with plenty of each."""
    ledger = Ledger(engine)
    location = policies.Location(
        location=LOCATION, kind="warehouse", seller=None, reports="free", priority=1, enabled=True
    )
    await policies.put_location(engine, location, "bench")
    for first in range(0, skus, AT_ONCE):
        names = [sku(n) for n in range(first, min(first + AT_ONCE, skus))]
        offers = iter(names)
        await asyncio.gather(*(_offer(engine, offers) for _ in range(OFFERED_AT_ONCE)))
        await _accepted(
            ledger,
            Receive(
                actor="bench",
                receipt_id=f"bench-{first}",
                location=LOCATION,
                lines=tuple(Quantity(sku=name, quantity=UNITS) for name in names),
            ),
        )


async def _offer(engine: AsyncEngine, names: Iterator[str]) -> None:
    for name in names:
        product = policies.Product(
            sku=name, title=name, price_minor=PRICE_MINOR, currency="EUR", limit_per_customer=None
        )
        await policies.put_product(engine, product)


def sku(number: int) -> str:
    """Name a sku."""
    return f"sku-{number}"


def hashed_id(text: str) -> str:
    """Make a checkout's id that SQL can make too; as random as the real ones, and as long."""
    return f"co_{md5(text.encode(), usedforsecurity=False).hexdigest()[:26]}"


@dataclass(kw_only=True)
class Carts:
    """Checkouts that are opened in bulk and given out once each."""

    ledger: Ledger
    skus: Skus
    owner: str
    waiting: deque[Reserve] = field(default_factory=deque)
    _numbers: Iterator[int] = field(default_factory=count)

    async def prepare(self, wanted: int) -> None:
        """Have at least so many open."""
        while len(self.waiting) < wanted:
            size = min(4 * AT_ONCE, wanted - len(self.waiting))
            numbers = [next(self._numbers) for _ in range(size)]
            opened = [
                (ids.checkout_id(self.owner, str(number)), self.skus(number)) for number in numbers
            ]
            await open_checkouts(self.ledger, opened)
            self.waiting.extend(_reserve(*checkout) for checkout in opened)

    def __iter__(self) -> Iterator[Reserve]:
        """Give out what is ready."""
        while self.waiting:
            yield self.waiting.popleft()


async def open_checkouts(ledger: Ledger, checkouts: list[tuple[str, tuple[str, ...]]]) -> None:
    """Open checkouts by id and skus, in a few transactions."""
    commands = [_opening(*checkout) for checkout in checkouts]
    await asyncio.gather(
        *(
            _accepted(ledger, *commands[first : first + AT_ONCE])
            for first in range(0, len(commands), AT_ONCE)
        )
    )


async def _accepted(ledger: Ledger, *commands: OpenCheckout | Receive) -> None:
    for answer in await ledger.post_batch(commands):
        answer.accepted()


def _opening(checkout_id: str, skus: tuple[str, ...]) -> OpenCheckout:
    return OpenCheckout(
        actor="bench",
        checkout_id=checkout_id,
        owner="bench",
        customer_id=f"customer-{checkout_id[3:15]}",
        cart_id=None,
        lines=tuple(
            CheckoutLine(sku=name, quantity=1, price_minor=PRICE_MINOR) for name in sorted(skus)
        ),
        total_minor=PRICE_MINOR * len(skus),
        currency="EUR",
        ttl_seconds=900,
        request_fingerprint=checkout_id,
    )


def _reserve(checkout_id: str, skus: tuple[str, ...]) -> Reserve:
    return Reserve(
        actor="workflow",
        reservation_id=ids.reservation_id(checkout_id),
        lines=tuple(Quantity(sku=name, quantity=1) for name in skus),
    )
