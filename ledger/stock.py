"""One row of stock, a sku at a location: its piles, its policy, and how a movement changes it.

Every unit is in exactly one pile, and a movement takes units from one pile to another, so the sum
over all piles of a row is always zero: what came in is what `supply` owes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from operator import attrgetter

from ledger.replacing import replace

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


PILES = tuple(pile.value for pile in Pile)
"""The piles' names, in order."""

_read_piles = attrgetter(*PILES)

OUTSIDE = frozenset({Pile.SUPPLY, Pile.ADJUSTMENT, Pile.TRANSIT})


class MovementKind(StrEnum):
    """What a movement means. The second group moves nothing but changes what may be sold."""

    RECEIVE = "receive"
    RESERVE = "reserve"
    RELEASE = "release"
    EXPIRE = "expire"
    CONFIRM = "confirm"
    CANCEL = "cancel"
    SHIP = "ship"
    RETURN = "return"
    RESTOCK = "restock"
    DAMAGE = "damage"
    REGRADE = "regrade"
    WRITE_OFF = "write_off"
    ADJUST = "adjust"
    RESEARCH = "research"
    RESOLVE = "resolve"
    TRANSFER = "transfer"
    LOSE = "lose"

    SET_SAFETY_STOCK = "set_safety_stock"
    SET_FEED_BUFFER = "set_feed_buffer"
    PAUSE = "pause"
    RESUME = "resume"


_K, _P = MovementKind, Pile

ALLOWED_MOVES: dict[MovementKind, frozenset[tuple[Pile, Pile]]] = {
    _K.RECEIVE: frozenset({(_P.SUPPLY, _P.SELLABLE)}),
    _K.RESERVE: frozenset({(_P.SELLABLE, _P.RESERVED)}),
    _K.RELEASE: frozenset({(_P.RESERVED, _P.SELLABLE)}),
    _K.EXPIRE: frozenset({(_P.RESERVED, _P.SELLABLE)}),
    _K.CONFIRM: frozenset({(_P.RESERVED, _P.SOLD)}),
    _K.CANCEL: frozenset({(_P.SOLD, _P.SELLABLE)}),
    _K.SHIP: frozenset({(_P.SOLD, _P.SHIPPED)}),
    _K.RETURN: frozenset({(_P.SHIPPED, _P.RETURNED)}),
    _K.RESTOCK: frozenset({(_P.RETURNED, _P.SELLABLE)}),
    _K.DAMAGE: frozenset({(_P.SELLABLE, _P.DAMAGED), (_P.RETURNED, _P.DAMAGED)}),
    _K.REGRADE: frozenset({(_P.DAMAGED, _P.SELLABLE)}),
    _K.WRITE_OFF: frozenset({(_P.DAMAGED, _P.ADJUSTMENT)}),
    _K.ADJUST: frozenset({(_P.ADJUSTMENT, _P.SELLABLE), (_P.SELLABLE, _P.ADJUSTMENT)}),
    _K.RESEARCH: frozenset({(_P.SELLABLE, _P.RESEARCHING), (_P.SOLD, _P.RESEARCHING)}),
    _K.RESOLVE: frozenset({(_P.RESEARCHING, _P.SELLABLE), (_P.RESEARCHING, _P.ADJUSTMENT)}),
    _K.TRANSFER: frozenset(
        {
            (_P.SELLABLE, _P.TRANSIT),
            (_P.SHIPPED, _P.TRANSIT),
            (_P.TRANSIT, _P.SELLABLE),
            (_P.TRANSIT, _P.RETURNED),
        }
    ),
    _K.LOSE: frozenset({(_P.TRANSIT, _P.ADJUSTMENT)}),
}
"""From and to, by kind; the movement table's CHECK is this table, and a test holds the two together."""

TOTALS = (
    "received",
    "reserved",
    "released",
    "expired",
    "sold",
    "cancelled",
    "shipped",
    "returned",
    "restocked",
    "damaged",
)
"""The running totals of a row: units that ever went each way."""

_TOTAL_OF_KIND = {
    _K.RECEIVE: "received",
    _K.RESERVE: "reserved",
    _K.RELEASE: "released",
    _K.EXPIRE: "expired",
    _K.CONFIRM: "sold",
    _K.CANCEL: "cancelled",
    _K.SHIP: "shipped",
    _K.RETURN: "returned",
    _K.RESTOCK: "restocked",
    _K.REGRADE: "restocked",
    _K.DAMAGE: "damaged",
}


def total_of(kind: MovementKind, target: Pile | None) -> str | None:
    """Say which running total a movement adds to. A return that arrived elsewhere counts where it lies."""
    if kind is _K.TRANSFER and target is _P.RETURNED:
        return "returned"
    return _TOTAL_OF_KIND.get(kind)


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
    def held_back_by(self) -> tuple[tuple[str, int], ...]:
        """Say which policies keep units out of sale, and how many each: they add up to `held_back`."""
        if self.paused:
            return (("pause", self.sellable),)
        safe = min(self.safety_stock, self.sellable)
        buffered = min(self.feed_buffer, self.sellable - safe)
        policies = (("safety_stock", safe), ("feed_buffer", buffered))
        return tuple((policy, quantity) for policy, quantity in policies if quantity)

    @property
    def available(self) -> int:
        """Units that the next reservation may take; never negative."""
        return self.sellable - self.held_back

    def piles(self) -> dict[str, int]:
        """Count the units in each pile, in order."""
        return dict(zip(PILES, _read_piles(self), strict=True))

    def units(self, pile: Pile) -> int:
        """Count the units in a pile."""
        units: int = getattr(self, pile.value)
        return units

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
        return replace(self, **{source: left, target: getattr(self, target) + quantity})


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
    safety_stock: int | None = None
    """The new one, for `set_safety_stock`."""
    feed_buffer: int | None = None
    """The new one, for `set_feed_buffer`."""

    def apply(self, stock: Stock) -> Stock:
        """Give the row as it is afterwards, still with the old sequence."""
        if self.source and self.target:
            return stock.moved(self.source, self.target, self.quantity)
        if self.paused is not None:
            return replace(stock, paused=self.paused)
        if self.safety_stock is not None:
            return replace(stock, safety_stock=self.safety_stock)
        if self.feed_buffer is not None:
            return replace(stock, feed_buffer=self.feed_buffer)
        return stock
