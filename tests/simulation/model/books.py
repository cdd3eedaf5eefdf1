"""The books of the model: plain dictionaries of what is where, who was promised what, and what was answered."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from ledger.commands import DocumentCommand, Quantity

Row = tuple[str, str]
"""(sku, location)."""

INSIDE = ("sellable", "reserved", "sold", "shipped", "returned", "damaged", "researching")
PILES = (*INSIDE, "supply", "adjustment", "transit")
DISABLED = "location-disabled"
LIVE = ("reserving", "awaiting_payment", "committing")
MAY_STILL_BE_PAID = (
    *("requires_payment", "processing", "authorized"),
    *("capturing", "unknown", "voiding"),
)
CLAIMING = ("held", "committing", "confirmed")


class No(Exception):
    """The model expects a refusal, with this code and at least these facts."""

    def __init__(self, code: str, /, *, conflict: bool = False, **facts: Any) -> None:
        super().__init__(code)
        self.code = code
        self.conflict = conflict
        self.facts = facts


class Wait(Exception):
    """The model expects the document to wait."""


@dataclass(slots=True)
class Shelf:
    """One row: units by pile, what is kept back, and how many entries its history has."""

    piles: Counter[str] = field(default_factory=Counter)
    safety_stock: int = 0
    feed_buffer: int = 0
    pauses: set[str] = field(default_factory=set)
    entries: int = 0

    @property
    def available(self) -> int:
        """Units the next cart may have."""
        if self.pauses:
            return 0
        return max(0, self.piles["sellable"] - self.safety_stock - self.feed_buffer)


@dataclass(slots=True)
class Place:
    """A location."""

    priority: int
    enabled: bool = True


@dataclass(slots=True)
class Sale:
    """A checkout."""

    customer: str
    cart: tuple[str, str] | None
    total: int
    opened: int
    prices: dict[str, int]
    status: str = "reserving"
    ordinal: int = 0


@dataclass(slots=True)
class Hold:
    """A reservation."""

    state: str
    lines: dict[Row, int] = field(default_factory=dict)


@dataclass(slots=True)
class Money:
    """A payment, and what was asked of the provider: kind and outcome, oldest first."""

    state: str = "none"
    intent: str | None = None
    authorized: int = 0
    captured: int = 0
    refunded: int = 0
    asked: list[list[str]] = field(default_factory=list)
    never_begun: set[str] = field(default_factory=set)
    debts: dict[str, int] = field(default_factory=dict)
    """What was ever owed, by what owes it; `whole` is what was left of it when the sale was undone."""
    whole_done: bool = False

    def owe(self, debt: str, worth: int) -> int:
        """Owe what something is worth, as far as there is money left; once."""
        amount = min(worth, self.captured - sum(self.debts.values()))
        if amount > 0 and debt not in self.debts:
            self.debts[debt] = amount
            return amount
        return 0


@dataclass(slots=True)
class Parcel:
    """What an order gets from one row."""

    quantity: int
    shipped: int = 0
    returned: int = 0
    short: int = 0

    @property
    def to_ship(self) -> int:
        """Still on the shelf."""
        return self.quantity - self.shipped - self.short

    @property
    def outside(self) -> int:
        """With the customer."""
        return self.shipped - self.returned


@dataclass(slots=True)
class Order:
    """A placed order."""

    parcels: dict[Row, Parcel]
    cancelled: bool = False
    changed: int = 0

    @property
    def state(self) -> str:
        """Where it stands, by what became of its units."""
        if self.cancelled:
            return "cancelled"
        parcels = self.parcels.values()
        due = sum(parcel.quantity - parcel.short for parcel in parcels)
        for word, done in (
            ("returned", sum(parcel.returned for parcel in parcels)),
            ("shipped", sum(parcel.shipped for parcel in parcels)),
        ):
            if done:
                return word if done >= due else f"partly_{word}"
        return "placed"


@dataclass(slots=True)
class Came:
    """Units of a sku that came back, and what was made of them."""

    quantity: int
    restocked: int = 0
    damaged: int = 0
    refunded: int = 0


@dataclass(slots=True)
class Back:
    """A return."""

    order: str
    location: str
    lines: dict[str, Came]
    changed: int


@dataclass(slots=True)
class Sent:
    """Units of a sku in a transfer."""

    quantity: int
    received: int = 0
    lost: int = 0

    @property
    def travelling(self) -> int:
        """Neither here nor there."""
        return self.quantity - self.received - self.lost


@dataclass(slots=True)
class Trip:
    """A transfer."""

    source: str
    target: str
    lines: dict[str, Sent]
    changed: int


@dataclass(slots=True)
class Paper:
    """A document of the warehouse."""

    command: DocumentCommand
    state: str
    tried: int


@dataclass(slots=True)
class Books:
    """All of it."""

    limits: dict[str, int | None] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)
    shelves: dict[Row, Shelf] = field(default_factory=lambda: defaultdict(Shelf))
    sales: dict[str, Sale] = field(default_factory=dict)
    holds: dict[str, Hold] = field(default_factory=dict)
    money: dict[str, Money] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    returns: dict[str, Back] = field(default_factory=dict)
    trips: dict[str, Trip] = field(default_factory=dict)
    papers: dict[tuple[str, str], Paper] = field(default_factory=dict)
    reviews: dict[str, tuple[str, str, int]] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    step: int = 0
    """One for each transaction."""

    def move(self, row: Row, source: str, target: str, quantity: int) -> None:
        """Take units from one pile to another: one entry."""
        if not quantity:
            return
        shelf = self.shelves[row]
        shelf.piles[source] -= quantity
        shelf.piles[target] += quantity
        shelf.entries += 1
        assert all(shelf.piles[pile] >= 0 for pile in INSIDE), (row, shelf)

    def born(self, row: Row) -> Shelf:
        """Give a row before something happens to it: the first entry at a disabled location is its pause."""
        shelf = self.shelves[row]
        if shelf.entries == 0 and not self.places[row[1]].enabled:
            shelf.pauses.add(DISABLED)
            shelf.entries += 1
        return shelf

    def arrive(self, row: Row, source: str, quantity: int, target: str = "sellable") -> None:
        """Bring units to a row that may not have been there."""
        self.born(row)
        self.move(row, source, target, quantity)

    def served(self, sku: str, units: int, empty: Collection[str] = ()) -> dict[Row, int]:
        """Say which rows serve so many units, or as many as there are: the nearest first, and no empty place."""
        lines: dict[Row, int] = {}
        left = units
        for place in sorted(self.places, key=lambda place: (self.places[place].priority, place)):
            share = 0 if place in empty else min(left, self.shelves[sku, place].available)
            if share:
                lines[sku, place] = share
                left -= share
        return lines

    def known(self, sku: str, location: str) -> None:
        """Refuse what nobody has named."""
        if sku not in self.limits:
            raise No("unknown-sku")
        if location not in self.places:
            raise No("unknown-location")

    def to_send(self) -> list[tuple[str, Row, int]]:
        """List what orders are still to get from which row, of cancelled ones too."""
        return [
            (order, row, parcel.to_ship)
            for order, placed in sorted(self.orders.items())
            for row, parcel in placed.parcels.items()
            if parcel.to_ship
        ]

    def outside(self) -> list[tuple[str, Row, int]]:
        """List what customers have of which order and row."""
        return [
            (order, row, parcel.outside)
            for order, placed in sorted(self.orders.items())
            for row, parcel in placed.parcels.items()
            if parcel.outside
        ]

    def awaited(self, kind: str, there: set[str]) -> list[str]:
        """Name what documents of a kind wait for."""
        papers = (paper for (of, _), paper in self.papers.items() if of == kind)
        names = {paper.command.refers_to for paper in papers if paper.state == "waiting"}
        return sorted(names - there)

    def sale(self, checkout_id: str) -> Sale:
        """Give a checkout."""
        if checkout_id not in self.sales:
            raise No("unknown-checkout")
        return self.sales[checkout_id]

    def hold_state(self, checkout_id: str) -> str:
        """Say where a checkout's hold stands."""
        hold = self.holds.get(f"{checkout_id}/1")
        return hold.state if hold else "none"

    def paid(self, checkout_id: str) -> str:
        """Say where a checkout's money stands."""
        return self.money[checkout_id].state if checkout_id in self.money else "none"


def total(lines: tuple[Quantity, ...]) -> dict[str, int]:
    """Add up a document's lines. Refused: none, or one without a unit."""
    if not lines or min(line.quantity for line in lines) < 1:
        raise No("nothing-wanted")
    units: Counter[str] = Counter()
    for line in lines:
        units[line.sku] += line.quantity
    return dict(sorted(units.items()))
