"""The rule of what was paid for and not found: looked for, and served from elsewhere or paid back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
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
from ledger.commands import MissingUnits, ShortPick
from ledger.documents.values import OrderLine
from ledger.errors import Refused
from ledger.refunds import of_short_pick, total_minor
from ledger.replacing import replace
from ledger.rules.documents import applied, document_cause, refuse_another_body, waits
from ledger.rules.orders import placed_order, standing
from ledger.rules.refunds import owed_for_units
from ledger.rules.reservations import moves_between
from ledger.rules.sourcing import sourced_as_far
from ledger.rules.stock import moved, refuse_unknown_location
from ledger.stock import MovementKind, Pile
from ledger.world import Change, Row, World

REASON = "short"
"""Why an order has ended of which nothing was found, or why units were taken for it anew."""


def short_pick(world: World, command: ShortPick) -> Change:
    """Look for units of an order that were not found, serve it from elsewhere, and owe what cannot be.

    Refused, in this order: `nothing-wanted`; `key-reused` where another body waits under this id;
    `unknown-location`; `no-order` for a checkout that can never become one; `order-cancelled`;
    `location-needed` where none is named and units of the sku are to be sent from several;
    `more-than-sold` where the order has fewer units to be sent from there. Waits for its order to be
    confirmed.
    """
    if not command.lines or any(line.quantity <= 0 for line in command.lines):
        raise Refused("nothing-wanted")
    refuse_another_body(world, command)
    for place in (line.location for line in command.lines if line.location is not None):
        refuse_unknown_location(world, place)
    checkout = placed_order(world, command.order_id)
    if checkout is None:
        return waits(world, command)
    missing = _located(world, command)
    lines = _missed(world, command.order_id, missing)
    # From here it must succeed.
    replaced = _replaced(world, lines.values(), missing)
    for found in replaced:
        line = _served(lines, command.order_id, found)
        lines[line.identity] = line
    changed = [line for key, line in sorted(lines.items()) if world.order_lines.get(key) != line]
    unserved = _unserved(missing, replaced)
    owed = owed_for_units(world, checkout, of_short_pick(command.short_id), unserved)
    after, reservation = _taken_anew(world, checkout, replaced)
    return Change(
        answer={
            "short_id": command.short_id,
            "order_id": command.order_id,
            "status": "applied",
            "lines": _as_json((*row, units) for row, units in missing.items()),
            "replaced": _as_json((line.sku, line.location, line.quantity) for line in replaced),
            "refunded": [{"sku": sku, "quantity": units} for sku, units in unserved],
            "refund_minor": total_minor(owed),
        },
        cause=replace(document_cause(world, command, order_id=command.order_id), reason=REASON),
        moves=tuple(
            move
            for row, units in missing.items()
            for move in moved(MovementKind.RESEARCH, row, units, Pile.SOLD, Pile.RESEARCHING)
        ),
        moves_of_reservation=(
            *moves_between(replaced, MovementKind.RESERVE, Pile.SELLABLE, Pile.RESERVED),
            *moves_between(replaced, MovementKind.CONFIRM, Pile.RESERVED, Pile.SOLD),
        ),
        records=(*changed, *owed, applied(world, command)),
        reservation=reservation,
        checkout=_ended(standing(world, after, changed), lines.values()),
    )


def _located(world: World, command: ShortPick) -> dict[Row, int]:
    """Add up what is missing from each row. Refused: `location-needed`; `more-than-sold` where there is none."""
    missing: Counter[Row] = Counter()
    for line in command.lines:
        place = line.location or _only_place(world, command.order_id, line)
        missing[line.sku, place] += line.quantity
    return dict(sorted(missing.items()))


def _only_place(world: World, order_id: str, missing: MissingUnits) -> str:
    places = [
        line.location
        for line in world.lines_of_order(order_id)
        if line.sku == missing.sku and line.to_ship
    ]
    if len(places) > 1:
        raise Refused("location-needed", sku=missing.sku, locations=places)
    if not places:
        raise Refused(
            "more-than-sold", sku=missing.sku, location=None, wanted=missing.quantity, left=0
        )
    return places[0]


def _missed(
    world: World, order_id: str, missing: Mapping[Row, int]
) -> dict[tuple[str, str, str], OrderLine]:
    """Give all lines of the order, with these units not found. Refused: `more-than-sold`."""
    lines = {line.identity: line for line in world.lines_of_order(order_id)}
    for (sku, location), units in missing.items():
        line = lines.get((order_id, sku, location))
        left = line.to_ship if line else 0
        if line is None or left < units:
            raise Refused("more-than-sold", sku=sku, location=location, wanted=units, left=left)
        lines[line.identity] = replace(line, short=line.short + units)
    return lines


def _replaced(
    world: World, lines: Iterable[OrderLine], missing: Mapping[Row, int]
) -> tuple[ReservationLine, ...]:
    """Say which other locations serve instead, as far as they have units that may be sold.

    None where units of this order were not found, now or before: whoever picks takes any unit on the
    shelf, so one that was not there shows that no other was.
    """
    empty = {(line.sku, line.location) for line in lines if line.short}
    priorities = {name: location.priority for name, location in world.locations.items()}
    return tuple(
        line
        for sku, units in _by_sku(missing).items()
        for line in sourced_as_far(
            sku,
            units,
            [row for row in world.rows_of(sku) if (sku, row.location) not in empty],
            priorities,
        )
    )


def _served(
    lines: Mapping[tuple[str, str, str], OrderLine], order_id: str, found: ReservationLine
) -> OrderLine:
    known = lines.get((order_id, found.sku, found.location))
    if known is not None:
        return replace(known, quantity=known.quantity + found.quantity)
    return OrderLine(
        order_id=order_id, sku=found.sku, location=found.location, quantity=found.quantity
    )


def _unserved(
    missing: Mapping[Row, int], replaced: Sequence[ReservationLine]
) -> list[tuple[str, int]]:
    left = Counter(_by_sku(missing))
    for line in replaced:
        left[line.sku] -= line.quantity
    return sorted((sku, units) for sku, units in left.items() if units)


def _taken_anew(
    world: World, checkout: Checkout, replaced: tuple[ReservationLine, ...]
) -> tuple[Checkout, Reservation | None]:
    """Give the order a reservation of its own for what it is served with instead, confirmed as it is made."""
    if not replaced:
        return checkout, None
    ordinal = checkout.ordinal + 1
    reservation = Reservation(
        reservation_id=ids.reservation_id(checkout.checkout_id, ordinal),
        checkout_id=checkout.checkout_id,
        state=ReservationState.CONFIRMED,
        lines=replaced,
        # It has no time of its own: the money is there.
        expires_at=world.now,
    )
    return replace(checkout, ordinal=ordinal), reservation


def _ended(checkout: Checkout, lines: Iterable[OrderLine]) -> Checkout:
    """Take an order back of which nothing is left: nothing was sent, and nothing ever will be."""
    if any(line.quantity > line.short for line in lines):
        return checkout
    paid_back = checkout.payment_state is PaymentState.REFUNDED
    return replace(
        checkout,
        status=Status.REFUNDED if paid_back else Status.REFUND_PENDING,
        order_state=OrderState.CANCELLED,
        reason=REASON,
    )


def _by_sku(units: Mapping[Row, int]) -> dict[str, int]:
    totals: Counter[str] = Counter()
    for (sku, _), quantity in units.items():
        totals[sku] += quantity
    return dict(sorted(totals.items()))


def _as_json(lines: Iterable[tuple[str, str, int]]) -> list[dict[str, Any]]:
    return [
        {"sku": sku, "location": location, "quantity": quantity}
        for sku, location, quantity in lines
    ]
