"""What can be asked of the ledger: one value per command.

A command says under which operation key it is stored, what of it is fingerprinted (what is done,
never who, why or when), and which rows the rules need to see. It decides nothing.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

import orjson

from ledger import ids
from ledger.checkouts import (
    CheckoutLine,
    PaymentOperationKind,
    PaymentState,
    Status,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """Which rows a command's rule reads, and so which are locked before it."""

    checkouts: frozenset[str] = frozenset()
    stock_of: frozenset[str] = frozenset()
    """Checkouts whose reservations' stock rows are needed too."""
    skus: frozenset[str] = frozenset()
    """Every existing row of these skus, at all locations."""
    rows: frozenset[tuple[str, str]] = frozenset()
    """These (sku, location) rows, made empty where they do not exist."""
    carts: frozenset[tuple[str, str]] = frozenset()
    """(owner, cart) whose live checkout, if any, the rule must know."""
    customers: frozenset[str] = frozenset()
    """Whose claims count, beside those of the checkouts that exist: a batch may open and reserve."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Base of all. `actor` is who asked, for the record: a subject, `workflow` or `reaper`."""

    actor: str
    remembers_refusal: ClassVar[bool] = False
    """True where a refusal is an answer for ever, since its caller has given up."""

    @property
    def key(self) -> str | None:
        """The operation key; None for commands that compare and set instead."""
        return None

    def substance(self) -> Any:
        """Say what is done, as JSON: the input of the fingerprint."""
        raise NotImplementedError

    def needs(self) -> Needs:
        """Name the rows that the rule reads."""
        raise NotImplementedError

    def fingerprint(self) -> bytes:
        """Tell two inputs under one key apart."""
        return hashlib.sha256(
            orjson.dumps([type(self).__name__, self.substance()], option=orjson.OPT_SORT_KEYS)
        ).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """Units of one sku, in a document or a cart."""

    sku: str
    quantity: int


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
        return Needs(rows=frozenset((line.sku, self.location) for line in self.lines))


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePause(Command):
    """Stop or allow the sale of one row, for one reason. A row is for sale when no reason is left."""

    sku: str
    location: str
    reason: str
    paused: bool

    def needs(self) -> Needs:
        return Needs(rows=frozenset({(self.sku, self.location)}))


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCheckout(Command):
    """Write the row that promises a workflow. `request_fingerprint` is the caller's, of the request's body."""

    checkout_id: str
    owner: str
    customer_id: str
    cart_id: str | None
    lines: tuple[CheckoutLine, ...]
    total_minor: int
    currency: str
    ttl_seconds: int
    request_fingerprint: str

    @property
    def key(self) -> str:
        return f"checkout/{self.checkout_id}/open"

    def substance(self) -> Any:
        return self.request_fingerprint

    def needs(self) -> Needs:
        cart = frozenset({(self.owner, self.cart_id)} if self.cart_id else ())
        return Needs(
            checkouts=frozenset({self.checkout_id}),
            carts=cart,
            customers=frozenset({self.customer_id}),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservationCommand(Command):
    """Base of what is done to one reservation."""

    reservation_id: str

    def substance(self) -> Any:
        return self.reservation_id

    @property
    def checkout_id(self) -> str:
        """Whose reservation it is."""
        return ids.checkout_of(self.reservation_id)

    def needs(self) -> Needs:
        checkout = frozenset({self.checkout_id})
        return Needs(checkouts=checkout, stock_of=checkout)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserve(ReservationCommand):
    """Take the checkout's lines out of sale: sellable → reserved, all or none."""

    remembers_refusal: ClassVar[bool] = True
    lines: tuple[Quantity, ...]

    @property
    def key(self) -> str:
        return f"reservation/{self.reservation_id}/reserve"

    def substance(self) -> Any:
        return [self.reservation_id, merged(self.lines)]

    def needs(self) -> Needs:
        return Needs(
            checkouts=frozenset({self.checkout_id}),
            skus=frozenset(line.sku for line in self.lines),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Release(ReservationCommand):
    """Give the units back and end the checkout as `ending`: reserved → sellable.

    `compensating` is the undo of a fenced checkout whose capture is proved not to have happened.
    Where the reservation does not exist yet a tombstone is written, so that a late reserve finds it.
    """

    ending: Status
    reason: str
    compensating: bool = False

    @property
    def key(self) -> str:
        return f"reservation/{self.reservation_id}/release"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expire(ReservationCommand):
    """Give the units back because the time is over, unless the hold was extended since."""

    extension: int

    @property
    def key(self) -> str:
        return f"reservation/{self.reservation_id}/expire/{self.extension}"

    def substance(self) -> Any:
        return [self.reservation_id, self.extension]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence(ReservationCommand):
    """The final validation before money is taken: held → committing. No timer can take it from here."""

    @property
    def key(self) -> str:
        return f"reservation/{self.reservation_id}/fence"

    def needs(self) -> Needs:
        return Needs(checkouts=frozenset({self.checkout_id}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirm(ReservationCommand):
    """The money is ours and the units are the customer's: reserved → sold, order placed."""

    @property
    def key(self) -> str:
        return f"reservation/{self.reservation_id}/confirm"


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelOrder(Command):
    """Take a paid order back before any of it ships: sold → sellable. The refund comes after."""

    order_id: str
    reason: str

    @property
    def key(self) -> str:
        return f"order/{self.order_id}/cancel"

    def substance(self) -> Any:
        return self.order_id

    def needs(self) -> Needs:
        order = frozenset({self.order_id})
        return Needs(checkouts=order, stock_of=order)


@dataclass(frozen=True, slots=True, kw_only=True)
class StartPaymentOperation(Command):
    """Write down what the provider will be asked, before it is asked. Repeated, it changes nothing."""

    checkout_id: str
    kind: PaymentOperationKind

    def needs(self) -> Needs:
        return Needs(checkouts=frozenset({self.checkout_id}))


@dataclass(frozen=True, slots=True, kw_only=True)
class FailPaymentOperation(Command):
    """The provider proved that it did not do what was asked; `code` is its reason."""

    checkout_id: str
    kind: PaymentOperationKind
    code: str

    def needs(self) -> Needs:
        return Needs(checkouts=frozenset({self.checkout_id}))


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenPayment:
    """A payment as the provider shows it now. Amounts in minor units."""

    payment_intent: str
    state: PaymentState
    amount_minor: int
    currency: str
    authorized_minor: int = 0
    captured_minor: int = 0
    refunded_minor: int = 0
    client_secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordPayment(Command):
    """Store what the provider shows, never going back; `proves` is the operation it settles."""

    checkout_id: str
    seen: SeenPayment
    proves: PaymentOperationKind | None = None
    webhook_events: tuple[str, ...] = ()

    def needs(self) -> Needs:
        return Needs(checkouts=frozenset({self.checkout_id}))


def merged(lines: tuple[Quantity, ...]) -> list[list[Any]]:
    """Add up the lines of one sku, in order of sku: demand is summed before anything is checked."""
    totals: dict[str, int] = {}
    for line in lines:
        totals[line.sku] = totals.get(line.sku, 0) + line.quantity
    return [[sku, totals[sku]] for sku in sorted(totals)]
