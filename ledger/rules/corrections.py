"""Rules of corrections: what a person, a search or a count says is different from what is written.

Nothing goes negative and nothing is ignored: what cannot be taken opens a review that names who counts on it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ledger.checkouts import OrderState, ReservationState
from ledger.commands import Adjust, AdjustmentKind, Research, Resolve
from ledger.documents.values import Claim, Note, Record, Review, TransferLine, order_state
from ledger.errors import Refused
from ledger.movements import Cause
from ledger.rules.stock import (
    arriving,
    moved,
    refuse_too_few,
    refuse_unknown_location,
    refuse_unknown_sku,
)
from ledger.stock import Move, MovementKind, Pile
from ledger.world import Change, Row, World

SHORTFALL = "shortfall"

_STRAIGHT = {
    AdjustmentKind.REGRADE: (MovementKind.REGRADE, Pile.DAMAGED, Pile.SELLABLE),
    AdjustmentKind.WRITE_OFF: (MovementKind.WRITE_OFF, Pile.DAMAGED, Pile.ADJUSTMENT),
    AdjustmentKind.LOST_IN_TRANSIT: (MovementKind.LOSE, Pile.TRANSIT, Pile.ADJUSTMENT),
}
_CLAIMING = (ReservationState.HELD, ReservationState.COMMITTING)


def adjust(world: World, command: Adjust) -> Change:
    """Correct a row.

    Refused: `nothing-wanted`; `unknown-sku`; `unknown-location`; `stale-version` with the row's own;
    `pile-too-small` where a regrade, a write-off or a loss takes more than there is, or something is taken
    out of sale where nothing is sellable, reserved or sold. Taking more out of sale than is sellable takes
    what is there and opens a shortfall review for the rest.
    """
    signed = command.kind is AdjustmentKind.ADJUST
    if command.quantity == 0 or (command.quantity < 0 and not signed):
        raise Refused("nothing-wanted")
    refuse_unknown_sku(world, command.sku)
    refuse_unknown_location(world, command.location)
    row = (command.sku, command.location)
    stock = world.stock.get(row)
    version = stock.sequence if stock else 0
    if command.expected_version not in (None, version):
        raise Refused("stale-version", expected=command.expected_version, version=version)
    if command.kind in _STRAIGHT:
        return _straight(world, command, row)
    if signed and command.quantity > 0:
        # From here it must succeed.
        moves = arriving(world, MovementKind.ADJUST, row, command.quantity, source=Pile.ADJUSTMENT)
        return _adjusted(world, command, moves, ())
    return _taken_from_sale(world, command, row)


def research(world: World, command: Research) -> Change:
    """Hold units out of sale while somebody looks for them.

    Refused: `nothing-wanted`; `unknown-sku`; `unknown-location`; of sellable units `pile-too-small`; of an
    order's `no-order`, and `more-than-sold` where fewer of them are still to be sent from there.
    """
    if command.quantity <= 0:
        raise Refused("nothing-wanted")
    refuse_unknown_sku(world, command.sku)
    refuse_unknown_location(world, command.location)
    row = (command.sku, command.location)
    if command.order_id is None:
        refuse_too_few(world, row, Pile.SELLABLE, command.quantity)
        # From here it must succeed.
        moves = moved(MovementKind.RESEARCH, row, command.quantity, Pile.SELLABLE, Pile.RESEARCHING)
        return _told(command, command.research_id, "research", moves)
    checkout = world.checkouts.get(command.order_id)
    if checkout is None or checkout.order_state in (OrderState.NONE, OrderState.CANCELLED):
        raise Refused("no-order", order_id=command.order_id)
    line = world.order_lines.get((command.order_id, *row))
    left = line.to_ship if line else 0
    if line is None or left < command.quantity:
        raise Refused("more-than-sold", sku=command.sku, wanted=command.quantity, left=left)
    # From here it must succeed.
    missing = replace(line, short=line.short + command.quantity)
    lines = [
        missing if other.identity == line.identity else other
        for other in world.lines_of_order(command.order_id)
    ]
    moves = moved(MovementKind.RESEARCH, row, command.quantity, Pile.SOLD, Pile.RESEARCHING)
    change = _told(command, command.research_id, "research", moves)
    return replace(
        change,
        answer={**change.answer, "order_id": command.order_id},
        cause=replace(change.cause, order_id=command.order_id),
        records=(missing,),
        checkout=replace(checkout, order_state=order_state(lines)),
    )


def resolve(world: World, command: Resolve) -> Change:
    """End a search: found, or written down as gone.

    Refused: `nothing-wanted`; `unknown-sku`; `unknown-location`; `pile-too-small`.
    """
    if command.quantity <= 0:
        raise Refused("nothing-wanted")
    refuse_unknown_sku(world, command.sku)
    refuse_unknown_location(world, command.location)
    row = (command.sku, command.location)
    refuse_too_few(world, row, Pile.RESEARCHING, command.quantity)
    # From here it must succeed.
    target = Pile.SELLABLE if command.found else Pile.ADJUSTMENT
    moves = moved(MovementKind.RESOLVE, row, command.quantity, Pile.RESEARCHING, target)
    return _told(command, command.resolution_id, "resolution", moves)


def claims_on(world: World, row: Row) -> list[Claim]:
    """Name who counts on a row's units, unpaid before paid and newest first, as this batch leaves them."""
    read = {claim.checkout_id: claim for claim in world.claims.get(row, ())}
    newer = [name for name in reversed(world.checkouts) if name not in read]
    current = [
        _claim(world, name, row) if name in world.checkouts else read[name]
        for name in (*newer, *read)
    ]
    return sorted((claim for claim in current if claim), key=lambda claim: claim.paid)


def _claim(world: World, checkout_id: str, row: Row) -> Claim | None:
    """Say what a checkout of this batch still counts on."""
    checkout = world.checkouts[checkout_id]
    reservation_id = f"{checkout_id}/{checkout.ordinal}"
    quantity, paid = 0, checkout.order_state is not OrderState.NONE
    if paid:
        line = world.order_lines.get((checkout_id, *row))
        if line is not None and checkout.order_state is not OrderState.CANCELLED:
            quantity = line.to_ship
    elif checkout.reservation_state in _CLAIMING:
        lines = world.reservations[reservation_id].lines
        quantity = sum(line.quantity for line in lines if (line.sku, line.location) == row)
    if not quantity:
        return None
    return Claim(
        checkout_id=checkout_id, reservation_id=reservation_id, quantity=quantity, paid=paid
    )


def _taken_from_sale(world: World, command: Adjust, row: Row) -> Change:
    wanted = abs(command.quantity)
    stock = world.stock.get(row)
    if stock is None or stock.sellable + stock.reserved + stock.sold == 0:
        refuse_too_few(world, row, Pile.SELLABLE, wanted)
    # From here it must succeed.
    taken = min(wanted, stock.sellable if stock else 0)
    damage = command.kind is AdjustmentKind.DAMAGE
    moves = moved(
        MovementKind.DAMAGE if damage else MovementKind.ADJUST,
        row,
        taken,
        Pile.SELLABLE,
        Pile.DAMAGED if damage else Pile.ADJUSTMENT,
    )
    if taken == wanted:
        return _adjusted(world, command, moves, ())
    return _adjusted(world, command, moves, (_shortfall(world, command, row, wanted - taken),))


def _shortfall(world: World, command: Adjust, row: Row, missing: int) -> Review:
    touched: list[dict[str, Any]] = []
    uncovered = missing
    for claim in claims_on(world, row):
        if uncovered <= 0:
            break
        uncovered -= claim.quantity
        touched.append(
            {
                ("order_id" if claim.paid else "reservation_id"): (
                    claim.checkout_id if claim.paid else claim.reservation_id
                ),
                "checkout_id": claim.checkout_id,
                "quantity": claim.quantity,
                "paid": claim.paid,
            }
        )
    return Review(
        review_id=f"{SHORTFALL}-{command.adjustment_id}",
        kind=SHORTFALL,
        sku=command.sku,
        location=command.location,
        quantity=missing,
        cause_kind="adjustment",
        cause_id=command.adjustment_id,
        evidence={"adjustment_kind": command.kind.value, "touched": touched},
    )


def _straight(world: World, command: Adjust, row: Row) -> Change:
    kind, source, target = _STRAIGHT[command.kind]
    lost = _lost(world, command) if command.kind is AdjustmentKind.LOST_IN_TRANSIT else ()
    if command.kind is not AdjustmentKind.LOST_IN_TRANSIT:
        refuse_too_few(world, row, source, command.quantity)
    # From here it must succeed.
    return _adjusted(world, command, moved(kind, row, command.quantity, source, target), lost)


def _lost(world: World, command: Adjust) -> tuple[TransferLine, ...]:
    """Say which transfers from there lost the units: the oldest ids first, each as much as it has travelling."""
    left = command.quantity
    changed = []
    for line in sorted(world.transfer_lines.values(), key=lambda line: line.identity):
        from_there = world.transfers[line.transfer_id].source == command.location
        share = min(left, line.travelling) if from_there and line.sku == command.sku else 0
        if share:
            changed.append(replace(line, lost=line.lost + share))
            left -= share
    if left:
        raise Refused(
            "pile-too-small",
            sku=command.sku,
            location=command.location,
            pile=Pile.TRANSIT.value,
            wanted=command.quantity,
            there=command.quantity - left,
        )
    return tuple(changed)


def _adjusted(
    world: World, command: Adjust, moves: tuple[Move, ...], records: tuple[Record, ...]
) -> Change:
    reviews = [record for record in records if isinstance(record, Review)]
    notes = (Note(operation_key=command.key, text=command.note),) if command.note else ()
    moved_units = sum(move.quantity for move in moves)
    stock = world.stock.get((command.sku, command.location))
    return Change(
        answer={
            "adjustment_id": command.adjustment_id,
            "sku": command.sku,
            "location": command.location,
            "kind": command.kind.value,
            "quantity": moved_units if command.quantity > 0 else -moved_units,
            "status": "review" if reviews else "applied",
            "review_id": reviews[0].review_id if reviews else None,
            "missing": reviews[0].quantity if reviews else 0,
            "version": (stock.sequence if stock else 0) + len(moves),
        },
        cause=Cause(
            operation_key=command.key,
            kind="adjustment",
            id=command.adjustment_id,
            actor=command.actor,
            reason=command.reason,
            occurred_at=command.occurred_at,
        ),
        moves=moves,
        records=(*records, *notes),
    )


def _told(
    command: Research | Resolve, document_id: str, kind: str, moves: tuple[Move, ...]
) -> Change:
    return Change(
        answer={
            "sku": command.sku,
            "location": command.location,
            "quantity": command.quantity,
        },
        cause=Cause(
            operation_key=command.key,
            kind=kind,
            id=document_id,
            actor=command.actor,
            reason=command.reason,
            occurred_at=command.occurred_at,
        ),
        moves=moves,
    )
