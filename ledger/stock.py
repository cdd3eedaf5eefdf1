"""One row of stock, a sku at a location: its piles, its policy, and how a movement changes it.

Every unit is in exactly one pile, and a movement takes units from one pile to another, so the sum
over all piles of a row is always zero: what came in is what `supply` owes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

GENESIS_HASH = bytes(32)
"""What the first movement of a row is chained to."""


class Pile(StrEnum):
    """Where a unit can be. The last three are the outside world and alone may be negative."""

    SELLABLE = "sellable"
    RESERVED = "reserved"
    SOLD = "sold"
    SHIPPED = "shipped"
    RETURNED = "returned"
    DAMAGED = "damaged"
    RESEARCHING = "researching"
    SUPPLY = "supply"
    ADJUSTMENT = "adjustment"
    TRANSIT = "transit"


OUTSIDE = frozenset({Pile.SUPPLY, Pile.ADJUSTMENT, Pile.TRANSIT})


class MovementKind(StrEnum):
    """What a movement means. The second group moves nothing but changes what may be sold."""

    RECEIVE = "receive"
    RESERVE = "reserve"
    RELEASE = "release"
    EXPIRE = "expire"
    CONFIRM = "confirm"
    CANCEL = "cancel"

    PAUSE = "pause"
    RESUME = "resume"


ALLOWED_MOVES: dict[MovementKind, frozenset[tuple[Pile, Pile]]] = {
    MovementKind.RECEIVE: frozenset({(Pile.SUPPLY, Pile.SELLABLE)}),
    MovementKind.RESERVE: frozenset({(Pile.SELLABLE, Pile.RESERVED)}),
    MovementKind.RELEASE: frozenset({(Pile.RESERVED, Pile.SELLABLE)}),
    MovementKind.EXPIRE: frozenset({(Pile.RESERVED, Pile.SELLABLE)}),
    MovementKind.CONFIRM: frozenset({(Pile.RESERVED, Pile.SOLD)}),
    MovementKind.CANCEL: frozenset({(Pile.SOLD, Pile.SELLABLE)}),
}
"""From and to, by kind; the movement table's CHECK is this table, and a test holds the two together."""

TOTALS: dict[MovementKind, str] = {
    MovementKind.RECEIVE: "received",
    MovementKind.RESERVE: "reserved",
    MovementKind.RELEASE: "released",
    MovementKind.EXPIRE: "expired",
    MovementKind.CONFIRM: "sold",
    MovementKind.CANCEL: "cancelled",
}
"""Which running total of the row a kind adds to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """The piles and the policy of one sku at one location, as after its movement number `sequence`.

    Quantities are whole units. `paused` holds the reasons why nothing of this row may be sold.
    """

    sku: str
    location: str
    sellable: int = 0
    reserved: int = 0
    sold: int = 0
    shipped: int = 0
    returned: int = 0
    damaged: int = 0
    researching: int = 0
    supply: int = 0
    adjustment: int = 0
    transit: int = 0
    safety_stock: int = 0
    feed_buffer: int = 0
    paused: tuple[str, ...] = ()
    sequence: int = 0
    hash: bytes = GENESIS_HASH
    recorded_at: datetime | None = None

    @property
    def on_hand(self) -> int:
        """Units in the building, sound, and not yet sold."""
        return self.sellable + self.reserved

    @property
    def held_back(self) -> int:
        """Sellable units that policy keeps out of sale."""
        if self.paused:
            return self.sellable
        return min(self.safety_stock + self.feed_buffer, self.sellable)

    @property
    def available(self) -> int:
        """Units that the next reservation may take; never negative."""
        return self.sellable - self.held_back

    def moved(self, source: Pile, target: Pile, quantity: int) -> Stock:
        """Take `quantity` units from one pile to another.

        Raises ValueError where a pile of the building would turn negative, or nothing would move: a
        rule let it through that must not have, and the table's CHECK would say the same.
        """
        if quantity <= 0:
            raise ValueError(quantity)
        left = getattr(self, source) - quantity
        if left < 0 and source not in OUTSIDE:
            raise ValueError(source)
        return replace(self, **{source.value: left, target.value: getattr(self, target) + quantity})


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What a rule wants moved, before it has a sequence and a time. Policy changes have no piles."""

    kind: MovementKind
    sku: str
    location: str
    quantity: int = 0
    source: Pile | None = None
    target: Pile | None = None
    paused: tuple[str, ...] | None = None
    """The new set of pauses, for `pause` and `resume`."""

    def apply(self, stock: Stock) -> Stock:
        """Give the row as it is afterwards, still with the old sequence."""
        if self.source and self.target:
            return stock.moved(self.source, self.target, self.quantity)
        if self.paused is not None:
            return replace(stock, paused=self.paused)
        return stock
