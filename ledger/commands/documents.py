"""Documents of the warehouse about orders, returns and transfers. They may come late and in any order.

Each is idempotent by its own id. One whose predecessor is missing waits for it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, ClassVar

from ledger.commands.base import Command, Needs, Quantity, merged

Body = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentCommand(Command):
    """Base of the documents that may wait."""

    document_kind: ClassVar[str]
    occurred_at: datetime | None = None

    @property
    def document_id(self) -> str:
        """The document's own id, unique per kind."""
        raise NotImplementedError

    @property
    def key(self) -> str:
        return f"{self.document_kind}/{self.document_id}"

    @property
    def refers_to(self) -> str:
        """The id of the predecessor: an order, a return or a transfer."""
        raise NotImplementedError

    def body(self) -> Body:
        """Say it all as JSON, so that it can be posted again when its predecessor has come."""
        return asdict(self)

    @property
    def document(self) -> frozenset[tuple[str, str]]:
        """What its rule must know of it: whether it waits already."""
        return frozenset({(self.document_kind, self.document_id)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Ship(DocumentCommand):
    """Units of an order left a location: sold → shipped."""

    document_kind: ClassVar[str] = "shipment"
    shipment_id: str
    order_id: str
    location: str
    lines: tuple[Quantity, ...]

    @property
    def document_id(self) -> str:
        return self.shipment_id

    @property
    def refers_to(self) -> str:
        return self.order_id

    def substance(self) -> Any:
        return [self.shipment_id, self.order_id, self.location, merged(self.lines)]

    def needs(self) -> Needs:
        return Needs(
            checkouts=frozenset({self.order_id}),
            rows=frozenset((line.sku, self.location) for line in self.lines),
            documents=self.document,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeBack(DocumentCommand):
    """Units of an order came back to a location: shipped → returned, across locations through transit."""

    document_kind: ClassVar[str] = "return"
    return_id: str
    order_id: str
    location: str
    lines: tuple[Quantity, ...]

    @property
    def document_id(self) -> str:
        return self.return_id

    @property
    def refers_to(self) -> str:
        return self.order_id

    def substance(self) -> Any:
        return [self.return_id, self.order_id, self.location, merged(self.lines)]

    def needs(self) -> Needs:
        order = frozenset({self.order_id})
        return Needs(
            checkouts=order,
            # For an inspection in the same batch.
            prices_of=order,
            stock_of=order,
            new_rows=frozenset({frozenset((line.sku, self.location) for line in self.lines)}),
            documents=self.document,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectedUnits:
    """What came of some returned units of a sku. `refund` is how many of them are paid back."""

    sku: str
    restock: int = 0
    damaged: int = 0
    refund: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspect(DocumentCommand):
    """Returned units were looked at: returned → sellable or damaged."""

    document_kind: ClassVar[str] = "inspection"
    inspection_id: str
    return_id: str
    lines: tuple[InspectedUnits, ...]

    @property
    def document_id(self) -> str:
        return self.inspection_id

    @property
    def refers_to(self) -> str:
        return self.return_id

    def substance(self) -> Any:
        lines = [[line.sku, line.restock, line.damaged, line.refund] for line in self.summed()]
        return [self.inspection_id, self.return_id, lines]

    def summed(self) -> list[InspectedUnits]:
        """Add up the lines of one sku, in order of sku."""
        totals: dict[str, list[int]] = {}
        for line in self.lines:
            of_sku = totals.setdefault(line.sku, [0, 0, 0])
            for place, units in enumerate((line.restock, line.damaged, line.refund)):
                of_sku[place] += units
        return [
            InspectedUnits(sku=sku, restock=units[0], damaged=units[1], refund=units[2])
            for sku, units in sorted(totals.items())
        ]

    def needs(self) -> Needs:
        return Needs(returns=frozenset({self.return_id}), documents=self.document)


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingUnits:
    """Units of a sku that were not found. Without `location`, where the order's only units of it lie."""

    sku: str
    quantity: int
    location: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortPick(DocumentCommand):
    """Paid units of an order were not found: sold → researching, and served from elsewhere or paid back."""

    document_kind: ClassVar[str] = "short"
    short_id: str
    order_id: str
    lines: tuple[MissingUnits, ...]

    @property
    def document_id(self) -> str:
        return self.short_id

    @property
    def refers_to(self) -> str:
        return self.order_id

    def substance(self) -> Any:
        totals: Counter[tuple[str, str]] = Counter()
        for line in self.lines:
            totals[line.sku, line.location or ""] += line.quantity
        lines = [[sku, location, units] for (sku, location), units in sorted(totals.items())]
        return [self.short_id, self.order_id, lines]

    def needs(self) -> Needs:
        order = frozenset({self.order_id})
        return Needs(
            checkouts=order,
            prices_of=order,
            # Whichever place may serve instead.
            skus=frozenset(line.sku for line in self.lines),
            rows=frozenset((line.sku, line.location) for line in self.lines if line.location),
            documents=self.document,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SendTransfer(Command):
    """Units set out from one location to another: sellable → transit."""

    transfer_id: str
    source: str
    target: str
    lines: tuple[Quantity, ...]
    occurred_at: datetime | None = None

    @property
    def key(self) -> str:
        return f"transfer/{self.transfer_id}"

    def substance(self) -> Any:
        return [self.transfer_id, self.source, self.target, merged(self.lines)]

    def needs(self) -> Needs:
        return Needs(
            rows=frozenset(
                (line.sku, place) for line in self.lines for place in (self.source, self.target)
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiveTransfer(DocumentCommand):
    """Units of a transfer arrived, perhaps not all: transit → sellable. The rest goes on travelling."""

    document_kind: ClassVar[str] = "transfer-receipt"
    receipt_id: str
    transfer_id: str
    lines: tuple[Quantity, ...]

    @property
    def document_id(self) -> str:
        return self.receipt_id

    @property
    def refers_to(self) -> str:
        return self.transfer_id

    def substance(self) -> Any:
        return [self.receipt_id, self.transfer_id, merged(self.lines)]

    def needs(self) -> Needs:
        return Needs(transfers=frozenset({self.transfer_id}), documents=self.document)
