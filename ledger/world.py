"""The rows a batch works on, in memory: what the rules read, and what they change.

The posting function fills a world from locked rows and writes back what changed; tests fill one by
hand. Each command of a batch sees what the ones before it did.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ledger.checkouts import (
    Checkout,
    OrderState,
    Payment,
    PaymentOperation,
    Reservation,
    ReservationState,
    combination_allowed,
)
from ledger.documents.values import (
    Claim,
    Document,
    InspectionLine,
    Note,
    OrderLine,
    Record,
    Return,
    ReturnLine,
    Review,
    Transfer,
    TransferLine,
)
from ledger.errors import Broken, Refused
from ledger.movements import Cause, Movement, chained, hashed_values
from ledger.refunds import Refund
from ledger.replacing import replace
from ledger.stock import Move, Stock

ENDED = frozenset({ReservationState.RELEASED, ReservationState.EXPIRED})
"""Reservations that claim nothing any more."""

UNREAD = datetime.min.replace(tzinfo=UTC)
"""The clock before it is read: a world without locks has no time."""

Row = tuple[str, str]
"""(sku, location)."""

_TABLES: dict[type, str] = {
    OrderLine: "order_lines",
    Return: "returns",
    ReturnLine: "return_lines",
    InspectionLine: "inspection_lines",
    Transfer: "transfers",
    TransferLine: "transfer_lines",
    Document: "documents",
    Review: "reviews",
    Note: "notes",
    Refund: "refunds",
}
"""Where a world keeps each kind of record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """Where stock lies. The lowest priority number serves first."""

    location: str
    priority: int
    enabled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What an accepted command does, all of it or nothing. `answer` is JSON, the same on every replay."""

    answer: Mapping[str, Any] = field(default_factory=dict)
    cause: Cause
    moves: tuple[Move, ...] = ()
    moves_of_reservation: tuple[Move, ...] = ()
    """What comes after those and is the reservation's own doing, where something else is the cause of the others."""
    checkout: Checkout | None = None
    reservation: Reservation | None = None
    payment: Payment | None = None
    client_secret: str | None = field(default=None, repr=False)
    payment_operation: PaymentOperation | None = None
    webhook_events: tuple[str, ...] = ()
    records: tuple[Record, ...] = ()
    """Rows beside stock, as they are afterwards."""
    waiting: bool = False
    """True where a document is kept until its predecessor comes: told, and not remembered as done."""
    refusal: Refused | None = None
    """Set where the answer is a no that is remembered, and what is changed is the checkout's status."""


@dataclass(slots=True)
class World:
    """Rows by their keys, and beside them what this batch has changed so far."""

    now: datetime = UNREAD
    stock: dict[Row, Stock] = field(default_factory=dict)
    products: dict[str, int | None] = field(default_factory=dict)
    """Limit per customer by sku; None is no limit. A sku that is not here does not exist."""
    locations: dict[str, Location] = field(default_factory=dict)
    checkouts: dict[str, Checkout] = field(default_factory=dict)
    reservations: dict[str, Reservation] = field(default_factory=dict)
    payments: dict[str, Payment] = field(default_factory=dict)
    payment_operations: dict[str, PaymentOperation] = field(default_factory=dict)
    refunds: dict[tuple[str, str], Refund] = field(default_factory=dict)
    """By checkout and refund: what is owed to customers, and was."""
    live_carts: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    """By (owner, cart), the checkouts for which money may still be taken."""
    claimed: dict[tuple[str, str], int] = field(default_factory=dict)
    """Units by (customer, sku) in held, committing and confirmed reservations, where a limit is set."""

    order_lines: dict[tuple[str, str, str], OrderLine] = field(default_factory=dict)
    returns: dict[str, Return] = field(default_factory=dict)
    return_lines: dict[tuple[str, str], ReturnLine] = field(default_factory=dict)
    inspection_lines: dict[tuple[str, str], InspectionLine] = field(default_factory=dict)
    transfers: dict[str, Transfer] = field(default_factory=dict)
    transfer_lines: dict[tuple[str, str], TransferLine] = field(default_factory=dict)
    documents: dict[tuple[str, str], Document] = field(default_factory=dict)
    reviews: dict[str, Review] = field(default_factory=dict)
    notes: dict[str, Note] = field(default_factory=dict)
    sent_early: set[str] = field(default_factory=set)
    """Orders whose units have left by a shipment that still waits to be booked."""
    claims: dict[Row, list[Claim]] = field(default_factory=dict)
    """Who counts on a row's units, unpaid before paid and newest first; only where a command may fall short."""

    made: set[Row] = field(default_factory=set)
    """Rows that were made for this batch: those without a movement at the end are unmade."""
    movements: list[Movement] = field(default_factory=list)
    transitions: list[tuple[Reservation, Cause]] = field(default_factory=list)
    written: set[tuple[str, Any]] = field(default_factory=set)
    client_secrets: dict[str, str] = field(default_factory=dict)
    applied_events: dict[str, str] = field(default_factory=dict)
    _places: dict[str, list[str]] = field(default_factory=dict)

    def rows_of(self, sku: str) -> Iterable[Stock]:
        """Give every row of a sku that this batch has locked."""
        if not self._places:
            for name, location in self.stock:
                self._places.setdefault(name, []).append(location)
        return (self.stock[sku, location] for location in self._places.get(sku, ()))

    def left_empty(self) -> frozenset[Row]:
        """Name the rows that were made and that nothing came to lie in."""
        return frozenset(row for row in self.made if self.stock[row].sequence == 0)

    def lines_of_order(self, order_id: str) -> list[OrderLine]:
        """Give an order's lines, in order of sku and location."""
        return [line for key, line in sorted(self.order_lines.items()) if key[0] == order_id]

    def apply(self, change: Change, traceparent: str | None = None) -> None:
        """Carry out what a rule decided, for this trace.

        Raises Broken, having changed nothing, where a rule asks for what a row cannot give.
        """
        movements = self._movements(change, traceparent)
        if change.checkout:
            check_combination(change.checkout)
        for movement in movements:
            self._put("stock", (movement.after.sku, movement.after.location), movement.after)
        self.movements += movements
        self._put_records(change.records)
        if change.checkout:
            self._count_cancelled(change.checkout)
            self._keep_cart(change.checkout)
            self._put("checkouts", change.checkout.checkout_id, change.checkout)
        if change.reservation:
            self._count_claims(change.reservation)
            self._put("reservations", change.reservation.reservation_id, change.reservation)
            self.transitions.append((change.reservation, change.cause))
        if change.payment:
            self._put("payments", change.payment.checkout_id, change.payment)
            if change.client_secret:
                self.client_secrets[change.payment.checkout_id] = change.client_secret
        if change.payment_operation:
            self._put("payment_operations", change.payment_operation.key, change.payment_operation)
        for event in change.webhook_events:
            self.applied_events[event] = "applied"

    def _put(self, table: str, key: Any, value: Any) -> None:
        getattr(self, table)[key] = value
        self.written.add((table, key))

    def _put_records(self, records: Iterable[Record]) -> None:
        for record in records:
            if isinstance(record, OrderLine):
                self._count_missing(record)
            self._put(_TABLES[type(record)], record.identity, record)

    def _movements(self, change: Change, traceparent: str | None) -> list[Movement]:
        rows: dict[Row, Stock] = {}
        movements = []
        for move, cause in _caused(change):
            row = (move.sku, move.location)
            before = rows.get(row) or self.stock[row]
            try:
                movement = entered(move, before, cause, self.now, traceparent)
            except ValueError as error:
                raise Broken("negative-pile", pile=str(error), sku=move.sku) from error
            movements.append(movement)
            rows[row] = movement.after
        return movements

    def _count_claims(self, after: Reservation) -> None:
        before = self.reservations.get(after.reservation_id)
        customer = self.checkouts[after.checkout_id].customer_id
        for reservation, sign in ((before, -1), (after, 1)):
            if reservation is not None and reservation.state not in ENDED:
                for line in reservation.lines:
                    self._claim(customer, line.sku, sign * line.quantity)

    def _count_missing(self, after: OrderLine) -> None:
        before = self.order_lines.get(after.identity)
        newly = after.short - (before.short if before else 0)
        if newly:
            self._claim(self.checkouts[after.order_id].customer_id, after.sku, -newly)

    def _count_cancelled(self, after: Checkout) -> None:
        before = self.checkouts.get(after.checkout_id)
        if after.order_state is OrderState.CANCELLED and before and before != after:
            if before.order_state is OrderState.CANCELLED:
                return
            for line in self.lines_of_order(after.checkout_id):
                self._claim(after.customer_id, line.sku, line.short - line.quantity)

    def _claim(self, customer: str, sku: str, quantity: int) -> None:
        if (customer, sku) in self.claimed:
            self.claimed[customer, sku] += quantity

    def _keep_cart(self, after: Checkout) -> None:
        if after.cart_id is None:
            return
        claiming = self.live_carts.setdefault((after.owner, after.cart_id), set())
        if after.claims_its_cart:
            claiming.add(after.checkout_id)
        else:
            claiming.discard(after.checkout_id)


def check_combination(checkout: Checkout) -> None:
    """Raise Broken where a rule put states together that the contract's table does not know."""
    states = (checkout.reservation_state, checkout.payment_state, checkout.order_state)
    if not combination_allowed(checkout.status, *states):
        raise Broken("impossible-combination", status=checkout.status, states=list(states))


def _caused(change: Change) -> Iterator[tuple[Move, Cause]]:
    for move in change.moves:
        yield move, change.cause
    if change.reservation and change.moves_of_reservation:
        name = change.reservation.reservation_id
        # Whenever its cause is said to have happened, the hold begins now.
        cause = replace(change.cause, kind="reservation", id=name, occurred_at=None)
        for move in change.moves_of_reservation:
            yield move, cause


def entered(
    move: Move, before: Stock, cause: Cause, now: datetime, traceparent: str | None = None
) -> Movement:
    """Make the row's next entry: its sequence, its time (never before the last), its after-image and its hash."""
    recorded_at = now if before.recorded_at is None else max(now, before.recorded_at)
    after = replace(move.apply(before), sequence=before.sequence + 1, recorded_at=recorded_at)
    movement = Movement(
        kind=move.kind,
        source=move.source,
        target=move.target,
        quantity=move.quantity,
        cause=cause,
        occurred_at=cause.occurred_at or recorded_at,
        recorded_at=recorded_at,
        after=after,
        traceparent=traceparent,
    )
    # In place, since nobody else has seen it yet: copies of copies were most of what a movement cost.
    object.__setattr__(after, "hash", chained(before.hash, hashed_values(movement)))
    return movement
