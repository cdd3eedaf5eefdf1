"""Commands on stock that no checkout is needed for."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from ledger.commands.base import Command, Needs, Quantity, merged


@dataclass(frozen=True, slots=True, kw_only=True)
class Receive(Command):
    """Goods came in at a location: supply → sellable."""

    receipt_id: str
    location: str
    lines: tuple[Quantity, ...]
    occurred_at: datetime | None = None

    @property
    def key(self) -> str:
        return f"receipt/{self.receipt_id}"

    def substance(self) -> Any:
        return [self.receipt_id, self.location, merged(self.lines)]

    def needs(self) -> Needs:
        return Needs(
            new_rows=frozenset({frozenset((line.sku, self.location) for line in self.lines)})
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePause(Command):
    """Stop or allow the sale of one row, for one reason. A row is for sale when no reason is left."""

    sku: str
    location: str
    reason: str
    paused: bool

    def needs(self) -> Needs:
        return _one_new_row(self.sku, self.location)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetSafetyStock(Command):
    """Say how many sellable units of a row are never promised to anybody."""

    sku: str
    location: str
    quantity: int

    def needs(self) -> Needs:
        return _one_new_row(self.sku, self.location)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetFeedBuffer(Command):
    """Say how many units are kept back because a seller's feed is not to be trusted at the moment."""

    sku: str
    location: str
    quantity: int
    reason: str

    def needs(self) -> Needs:
        return _one_new_row(self.sku, self.location)


class AdjustmentKind(StrEnum):
    """What a person corrects."""

    ADJUST = "adjust"
    DAMAGE = "damage"
    REGRADE = "regrade"
    WRITE_OFF = "write_off"
    LOST_IN_TRANSIT = "lost_in_transit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjust(Command):
    """Correct what the ledger holds of one row, with a reason as a code.

    `quantity` is positive, and signed for kind `adjust` alone. `expected_version` is the row's, as the
    person saw it. `note` is free text and is kept beside the movement, where it can be erased.
    """

    adjustment_id: str
    kind: AdjustmentKind
    sku: str
    location: str
    quantity: int
    reason: str
    note: str | None = field(default=None, repr=False)
    occurred_at: datetime | None = None
    expected_version: int | None = None

    @property
    def key(self) -> str:
        return f"adjustment/{self.adjustment_id}"

    def substance(self) -> Any:
        return [self.adjustment_id, self.kind.value, self.sku, self.location, self.quantity]

    def needs(self) -> Needs:
        row = (self.sku, self.location)
        rows = frozenset({row})
        if self.kind is AdjustmentKind.ADJUST and self.quantity > 0:
            return _one_new_row(*row)
        if self.kind is AdjustmentKind.LOST_IN_TRANSIT:
            return Needs(rows=rows, sent_from=rows)
        if self.kind in (AdjustmentKind.ADJUST, AdjustmentKind.DAMAGE):
            return Needs(rows=rows, claims_on=rows)
        return Needs(rows=rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Research(Command):
    """Hold disputed units out of sale while somebody looks for them.

    They are taken from `sellable`, or, where `order_id` is given, from what that order has paid for and
    not been sent.
    """

    research_id: str
    sku: str
    location: str
    quantity: int
    reason: str
    order_id: str | None = None
    occurred_at: datetime | None = None

    @property
    def key(self) -> str:
        return f"research/{self.research_id}"

    def substance(self) -> Any:
        return [self.research_id, self.sku, self.location, self.quantity, self.order_id]

    def needs(self) -> Needs:
        order = frozenset({self.order_id} if self.order_id else ())
        return Needs(checkouts=order, rows=frozenset({(self.sku, self.location)}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolve(Command):
    """End the search for some units: found, they are for sale again; not found, they are written down as gone."""

    resolution_id: str
    sku: str
    location: str
    quantity: int
    found: bool
    reason: str
    occurred_at: datetime | None = None

    @property
    def key(self) -> str:
        return f"resolution/{self.resolution_id}"

    def substance(self) -> Any:
        return [self.resolution_id, self.sku, self.location, self.quantity, self.found]

    def needs(self) -> Needs:
        return Needs(rows=frozenset({(self.sku, self.location)}))


def _one_new_row(sku: str, location: str) -> Needs:
    return Needs(new_rows=frozenset({frozenset({(sku, location)})}))
