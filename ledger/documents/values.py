"""Rows beside stock: an order's lines, returns, transfers, documents that may wait, reviews and notes.

Each knows its own identity, so that a batch can say which rows it changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from ledger.checkouts import OrderState
from ledger.refunds import Refund


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLine:
    """Units of one sku that an order is served with from one location.

    `shipped` have left, `returned` of those came back (wherever to), `short` were not found.
    """

    order_id: str
    sku: str
    location: str
    quantity: int
    shipped: int = 0
    returned: int = 0
    short: int = 0

    @property
    def identity(self) -> tuple[str, str, str]:
        """(order, sku, location)."""
        return self.order_id, self.sku, self.location

    @property
    def to_ship(self) -> int:
        """Units that are paid for and still on the shelf."""
        return self.quantity - self.shipped - self.short

    @property
    def outside(self) -> int:
        """Units that are with the customer."""
        return self.shipped - self.returned


def order_state(lines: Iterable[OrderLine]) -> OrderState:
    """Say where an order stands by what became of its units; a cancelled one is told elsewhere."""
    all_lines = list(lines)
    due = sum(line.quantity - line.short for line in all_lines)
    shipped = sum(line.shipped for line in all_lines)
    returned = sum(line.returned for line in all_lines)
    if returned:
        return OrderState.RETURNED if returned >= due else OrderState.PARTLY_RETURNED
    if shipped:
        return OrderState.SHIPPED if shipped >= due else OrderState.PARTLY_SHIPPED
    return OrderState.PLACED


@dataclass(frozen=True, slots=True, kw_only=True)
class Return:
    """Units of an order that came back to a location."""

    return_id: str
    order_id: str
    location: str

    @property
    def identity(self) -> str:
        """The return's id."""
        return self.return_id


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnLine:
    """Returned units of one sku, and what inspections made of them."""

    return_id: str
    sku: str
    quantity: int
    restocked: int = 0
    damaged: int = 0
    refunded: int = 0
    """Units that inspections granted a refund for."""

    @property
    def identity(self) -> tuple[str, str]:
        """(return, sku)."""
        return self.return_id, self.sku

    @property
    def to_inspect(self) -> int:
        """Units that nobody has looked at."""
        return self.quantity - self.restocked - self.damaged


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectionLine:
    """What one inspection found of one sku."""

    inspection_id: str
    return_id: str
    sku: str
    restocked: int
    damaged: int
    refunded: int

    @property
    def identity(self) -> tuple[str, str]:
        """(inspection, sku)."""
        return self.inspection_id, self.sku


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """Units that were sent from one location to another."""

    transfer_id: str
    source: str
    target: str

    @property
    def identity(self) -> str:
        """The transfer's id."""
        return self.transfer_id


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferLine:
    """Units of one sku that were sent, arrived or got lost."""

    transfer_id: str
    sku: str
    quantity: int
    received: int = 0
    lost: int = 0

    @property
    def identity(self) -> tuple[str, str]:
        """(transfer, sku)."""
        return self.transfer_id, self.sku

    @property
    def travelling(self) -> int:
        """Units that have left and not arrived."""
        return self.quantity - self.received - self.lost


class DocumentState(StrEnum):
    """What became of a document. `refused` is only for one that waited: nobody was there to be told no."""

    WAITING = "waiting"
    APPLIED = "applied"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A document that names a predecessor. While it waits it is kept whole, to be posted again."""

    kind: str
    document_id: str
    refers_to: str
    state: DocumentState
    fingerprint: bytes
    actor: str
    occurred_at: datetime | None = None
    body: Mapping[str, Any] | None = field(default=None, repr=False)

    @property
    def identity(self) -> tuple[str, str]:
        """(kind, id)."""
        return self.kind, self.document_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Units of one row that somebody counts on: an open reservation, or an order not yet sent."""

    checkout_id: str
    reservation_id: str
    quantity: int
    paid: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A question that a person must answer, about goods or not. `evidence` is ids and numbers only."""

    review_id: str
    kind: str
    sku: str | None
    location: str | None
    quantity: int | None
    cause_kind: str
    cause_id: str
    evidence: Mapping[str, Any]

    @property
    def identity(self) -> str:
        """The review's id."""
        return self.review_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Free text to an operation. It may name people, so it is kept where it can be erased."""

    operation_key: str
    text: str = field(repr=False)

    @property
    def identity(self) -> str:
        """The operation's key."""
        return self.operation_key


Record = (
    OrderLine
    | Return
    | ReturnLine
    | InspectionLine
    | Transfer
    | TransferLine
    | Document
    | Review
    | Note
    | Refund
)
