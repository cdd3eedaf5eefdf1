"""Rules of a hold: taken once, ended once, and never revived.

Time triggers, state decides: no rule here compares clocks.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from ledger import ids
from ledger.checkouts import (
    Checkout,
    OrderState,
    PaymentState,
    Reservation,
    ReservationLine,
    ReservationState,
    Status,
)
from ledger.commands import (
    Confirm,
    Expire,
    Extend,
    Fence,
    Release,
    ReservationCommand,
    Reserve,
    merged,
)
from ledger.documents.values import OrderLine
from ledger.errors import Refused
from ledger.movements import Cause
from ledger.replacing import replace
from ledger.rules.sourcing import sourced
from ledger.rules.stock import refuse_nothing
from ledger.stock import Move, MovementKind, Pile
from ledger.world import ENDED, Change, World

_STATUS_OF_REFUSAL = {
    "limit-exceeded": Status.LIMIT_EXCEEDED,
    "insufficient-stock": Status.OUT_OF_STOCK,
}


def reserve(world: World, command: Reserve) -> Change:
    """Hold every line or none.

    Refused, in this order: `nothing-wanted`; `unknown-checkout`; `reservation-released` and its like,
    where the reservation has ended before it began (a tombstone) or the checkout has; `not-the-first`
    for another reservation than the checkout's first; `unknown-sku`; `limit-exceeded`;
    `insufficient-stock` with the shortages of all lines.
    """
    refuse_nothing(command.lines)
    checkout = checkout_row(world, command.checkout_id)
    _refuse_ended(world, command, checkout)
    wanted = merged(command.lines)
    for sku, _ in wanted:
        if sku not in world.products:
            raise Refused("unknown-sku", sku=sku)
    try:
        _refuse_over_limit(world, checkout, wanted)
        lines = sourced_lines(world, wanted)
    except Refused as refusal:
        status = _STATUS_OF_REFUSAL[refusal.code]
        refused = replace(checkout, status=status, reason=refusal.code)
        return Change(cause=cause_of(command), checkout=refused, refusal=refusal)
    # From here it must succeed.
    reservation = Reservation(
        reservation_id=command.reservation_id,
        checkout_id=checkout.checkout_id,
        state=ReservationState.HELD,
        lines=lines,
        expires_at=world.now + timedelta(seconds=checkout.ttl_seconds),
    )
    return Change(
        answer=described(reservation, checkout.status),
        cause=cause_of(command),
        moves=moves_between(lines, MovementKind.RESERVE, Pile.SELLABLE, Pile.RESERVED),
        reservation=reservation,
        checkout=replace(checkout, ordinal=1, reservation_state=ReservationState.HELD),
    )


def release(world: World, command: Release) -> Change:
    """Give a hold back and end its checkout.

    Refused: `unknown-checkout`; `not-the-first` for a tombstone beside another reservation;
    `already-expired`, `already-confirmed`; `too-late` past the fence, unless compensating. A reservation
    that does not exist is written as released.
    """
    checkout = checkout_row(world, command.checkout_id)
    reservation = world.reservations.get(command.reservation_id)
    if reservation is None:
        if checkout.status is not Status.RESERVING:
            raise Refused(f"already-{checkout.status}", status=checkout.status)
        _refuse_another(checkout, command.reservation_id)
        reservation = Reservation(
            reservation_id=command.reservation_id,
            checkout_id=checkout.checkout_id,
            state=ReservationState.HELD,
        )
    if reservation.state is ReservationState.COMMITTING and not command.compensating:
        raise Refused("too-late", state=reservation.state)
    if reservation.state not in (ReservationState.HELD, ReservationState.COMMITTING):
        raise Refused(f"already-{reservation.state}", state=reservation.state)
    # From here it must succeed.
    return _ended(
        command,
        checkout=replace(
            checkout,
            status=command.ending,
            reason=command.reason,
            ordinal=max(checkout.ordinal, 1),
        ),
        reservation=replace(reservation, state=ReservationState.RELEASED),
        kind=MovementKind.RELEASE,
        target=Pile.SELLABLE,
        reason=command.reason,
    )


def expire(world: World, command: Expire) -> Change:
    """Give a hold back because its time is over.

    Refused: `unknown-checkout`, `unknown-reservation`; `not-held` with the state, where somebody
    else was first; `extended`, where the hold is longer than the caller knew, with what is left of it.
    """
    checkout, reservation = held(world, command)
    if reservation.extension != command.extension:
        raise Refused(
            "extended",
            extension=reservation.extension,
            seconds_left=seconds_left(world, reservation),
        )
    # From here it must succeed.
    return _ended(
        command,
        checkout=replace(checkout, status=Status.EXPIRED, reason="ttl"),
        reservation=replace(reservation, state=ReservationState.EXPIRED),
        kind=MovementKind.EXPIRE,
        target=Pile.SELLABLE,
        reason="ttl",
    )


def fence(world: World, command: Fence) -> Change:
    """Commit the hold to the sale, before money is captured.

    Refused: `unknown-checkout`, `unknown-reservation`; `not-held` with the state;
    `payment-not-authorized`.
    """
    checkout, reservation = held(world, command)
    if checkout.payment_state not in (PaymentState.AUTHORIZED, PaymentState.CAPTURED):
        raise Refused("payment-not-authorized", payment=checkout.payment_state)
    # From here it must succeed.
    committing = replace(reservation, state=ReservationState.COMMITTING)
    return Change(
        answer=described(committing, Status.COMMITTING),
        cause=cause_of(command),
        reservation=committing,
        checkout=replace(
            checkout, status=Status.COMMITTING, reservation_state=ReservationState.COMMITTING
        ),
    )


def confirm(world: World, command: Confirm) -> Change:
    """Place the order.

    Refused: `unknown-checkout`, `unknown-reservation`; `not-committing` with the state;
    `payment-not-captured`.
    """
    checkout = checkout_row(world, command.checkout_id)
    reservation = _reservation_row(world, command.reservation_id)
    if reservation.state is not ReservationState.COMMITTING:
        raise Refused("not-committing", state=reservation.state)
    if checkout.payment_state is not PaymentState.CAPTURED:
        raise Refused("payment-not-captured", payment=checkout.payment_state)
    # From here it must succeed.
    change = _ended(
        command,
        checkout=replace(checkout, status=Status.CONFIRMED, order_state=OrderState.PLACED),
        reservation=replace(reservation, state=ReservationState.CONFIRMED),
        kind=MovementKind.CONFIRM,
        target=Pile.SOLD,
    )
    lines = tuple(
        OrderLine(
            order_id=checkout.checkout_id,
            sku=line.sku,
            location=line.location,
            quantity=line.quantity,
        )
        for line in reservation.lines
    )
    placed = replace(change.cause, order_id=checkout.checkout_id)
    return replace(change, cause=placed, records=lines)


def described(reservation: Reservation, status: Status) -> dict[str, Any]:
    """Tell a reservation and its checkout's status as JSON: the answer of every command on it."""
    expires_at = reservation.expires_at
    return {
        "status": status.value,
        "reservation_id": reservation.reservation_id,
        "state": reservation.state.value,
        "extension": reservation.extension,
        "expires_at": expires_at.isoformat() if expires_at else None,
        "lines": [
            {"sku": line.sku, "location": line.location, "quantity": line.quantity}
            # As they are read back: the answer of a later batch is no other.
            for line in sorted(reservation.lines, key=lambda line: (line.sku, line.location))
        ],
    }


def checkout_row(world: World, checkout_id: str) -> Checkout:
    """Give the checkout's row. Refused: `unknown-checkout`."""
    checkout = world.checkouts.get(checkout_id)
    if checkout is None:
        raise Refused("unknown-checkout", checkout_id=checkout_id)
    return checkout


def held(world: World, command: Expire | Extend | Fence) -> tuple[Checkout, Reservation]:
    """Give checkout and hold. Refused: `unknown-checkout`, `unknown-reservation`, `not-held`."""
    checkout = checkout_row(world, command.checkout_id)
    reservation = _reservation_row(world, command.reservation_id)
    if reservation.state is not ReservationState.HELD:
        raise Refused("not-held", state=reservation.state)
    return checkout, reservation


def moves_of(reservation: Reservation, kind: MovementKind, target: Pile) -> tuple[Move, ...]:
    """Move all units of a reservation out of `reserved`."""
    return moves_between(reservation.lines, kind, Pile.RESERVED, target)


def seconds_left(world: World, reservation: Reservation) -> float:
    """Say how long a hold still lasts by the ledger's own clock: an interval, for whoever keeps a timer."""
    assert reservation.expires_at is not None
    return max(0.0, (reservation.expires_at - world.now).total_seconds())


def _reservation_row(world: World, reservation_id: str) -> Reservation:
    reservation = world.reservations.get(reservation_id)
    if reservation is None:
        raise Refused("unknown-reservation", reservation_id=reservation_id)
    return reservation


def _refuse_ended(world: World, command: Reserve, checkout: Checkout) -> None:
    reservation = world.reservations.get(command.reservation_id)
    if reservation is not None:
        raise Refused(f"reservation-{reservation.state}", state=reservation.state)
    if checkout.status is not Status.RESERVING:
        raise Refused(f"already-{checkout.status}", status=checkout.status)
    _refuse_another(checkout, command.reservation_id)


def _refuse_another(checkout: Checkout, reservation_id: str) -> None:
    """Refuse `not-the-first`: a checkout is held once, by its first reservation."""
    if checkout.ordinal != 0 or reservation_id != ids.reservation_id(checkout.checkout_id):
        raise Refused("not-the-first", ordinal=checkout.ordinal)


def _refuse_over_limit(world: World, checkout: Checkout, wanted: list[list[Any]]) -> None:
    for sku, quantity in wanted:
        limit = world.products[sku]
        if limit is None:
            continue
        claimed = world.claimed.get((checkout.customer_id, sku), 0)
        if claimed + quantity > limit:
            raise Refused("limit-exceeded", sku=sku, limit=limit, claimed=claimed)


def sourced_lines(world: World, wanted: list[list[Any]]) -> tuple[ReservationLine, ...]:
    """Say which locations serve what is wanted. Refused: `insufficient-stock` with every shortage."""
    priorities = {name: location.priority for name, location in world.locations.items()}
    lines: list[ReservationLine] = []
    shortages: list[dict[str, Any]] = []
    for sku, quantity in wanted:
        rows = list(world.rows_of(sku))
        served = sourced(sku, quantity, rows, priorities)
        if served is None:
            available = sum(row.available for row in rows)
            shortages.append({"sku": sku, "requested": quantity, "available": available})
        else:
            lines.extend(served)
    if shortages:
        raise Refused("insufficient-stock", shortages=shortages)
    return tuple(lines)


def _ended(
    command: Release | Expire | Confirm,
    *,
    checkout: Checkout,
    reservation: Reservation,
    kind: MovementKind,
    target: Pile,
    reason: str | None = None,
) -> Change:
    if reservation.state in ENDED and checkout.payment_state is PaymentState.CAPTURED:
        # Taken without an authorization first: the ending owes the money.
        checkout = replace(checkout, status=Status.REFUND_PENDING)
    return Change(
        answer=described(reservation, checkout.status),
        cause=cause_of(command, reason),
        moves=moves_of(reservation, kind, target),
        reservation=reservation,
        checkout=replace(checkout, reservation_state=reservation.state),
    )


def cause_of(command: ReservationCommand, reason: str | None = None) -> Cause:
    """Name what is done to a reservation as the cause of its movements."""
    return Cause(
        operation_key=command.key,
        kind="reservation",
        id=command.reservation_id,
        actor=command.actor,
        reason=reason,
    )


def moves_between(
    lines: tuple[ReservationLine, ...], kind: MovementKind, source: Pile, target: Pile
) -> tuple[Move, ...]:
    """Move all units of some lines from pile to pile."""
    return tuple(
        Move(
            kind=kind,
            sku=line.sku,
            location=line.location,
            quantity=line.quantity,
            source=source,
            target=target,
        )
        for line in lines
    )
