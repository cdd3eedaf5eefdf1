"""Rules of what happens to an order after the sale: sent, cancelled before that, come back, looked at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace

from ledger.checkouts import TAKEN, Checkout, OrderState, PaymentState, Status
from ledger.commands import CancelOrder, Inspect, InspectedUnits, Ship, TakeBack, merged
from ledger.documents.values import (
    InspectionLine,
    OrderLine,
    Record,
    Return,
    ReturnLine,
    order_state,
)
from ledger.errors import Refused
from ledger.movements import Cause
from ledger.refunds import of_inspection
from ledger.rules.documents import (
    applied,
    document_cause,
    refuse_another_body,
    sent_early,
    waits,
)
from ledger.rules.refunds import owed_for_units
from ledger.rules.reservations import checkout_row
from ledger.rules.stock import arriving, moved, refuse_nothing, refuse_unknown_location, told
from ledger.stock import Move, MovementKind, Pile
from ledger.world import Change, World


def ship(world: World, command: Ship) -> Change:
    """Send units of an order.

    Refused: `nothing-wanted`; `key-reused` where another body waits under this id;
    `unknown-location`; `order-cancelled`; `more-than-sold` where the order has fewer units to be sent
    from there. Waits for its order to be confirmed.
    """
    refuse_nothing(command.lines)
    refuse_another_body(world, command)
    refuse_unknown_location(world, command.location)
    checkout = placed_order(world, command.order_id)
    if checkout is None:
        return waits(world, command)
    changed = [_sent(world, command, sku, quantity) for sku, quantity in merged(command.lines)]
    # From here it must succeed.
    moves = [
        move
        for sku, quantity in merged(command.lines)
        for move in moved(
            MovementKind.SHIP, (sku, command.location), quantity, Pile.SOLD, Pile.SHIPPED
        )
    ]
    return Change(
        answer={
            "shipment_id": command.shipment_id,
            "order_id": command.order_id,
            "location": command.location,
            "status": "applied",
            "lines": told(merged(command.lines)),
        },
        cause=document_cause(world, command, order_id=command.order_id),
        moves=tuple(moves),
        records=(*changed, applied(world, command)),
        checkout=standing(world, checkout, changed),
    )


def take_back(world: World, command: TakeBack) -> Change:
    """Take units of an order back, from this location's own shipments first and then from others'.

    Refused: `nothing-wanted`; `key-reused`; `unknown-location`; `order-cancelled`;
    `more-than-shipped` where the customer can never have had so many. Waits for its order, and for
    shipments that are still to come.
    """
    refuse_nothing(command.lines)
    refuse_another_body(world, command)
    refuse_unknown_location(world, command.location)
    checkout = placed_order(world, command.order_id)
    if checkout is None:
        return waits(world, command)
    lines = world.lines_of_order(command.order_id)
    if _still_to_come(command, lines):
        return waits(world, command)
    # From here it must succeed.
    changed: list[OrderLine] = []
    moves: list[Move] = []
    for sku, quantity in merged(command.lines):
        of_sku = [line for line in lines if line.sku == sku]
        taken = _taken_back(of_sku, command.location, quantity)
        changed += taken.values()
        moves += _return_moves(world, command.location, of_sku, taken)
    return_lines = [
        ReturnLine(return_id=command.return_id, sku=sku, quantity=quantity)
        for sku, quantity in merged(command.lines)
    ]
    arrived = Return(
        return_id=command.return_id, order_id=command.order_id, location=command.location
    )
    return Change(
        answer={
            "return_id": command.return_id,
            "order_id": command.order_id,
            "location": command.location,
            "status": "applied",
            "lines": told(merged(command.lines)),
        },
        cause=document_cause(world, command, order_id=command.order_id),
        moves=tuple(moves),
        records=(*changed, arrived, *return_lines, applied(world, command)),
        checkout=standing(world, checkout, changed),
    )


def inspect(world: World, command: Inspect) -> Change:
    """Look at returned units, and put them back on sale or aside.

    Refused: `nothing-wanted`; `refund-exceeds-inspected`; `key-reused`; `more-than-returned` where
    fewer units of the sku are still to be inspected. Waits for its return.
    """
    if not command.lines or any(
        min(line.restock, line.damaged, line.refund) < 0 or line.restock + line.damaged == 0
        for line in command.lines
    ):
        raise Refused("nothing-wanted")
    lines = command.summed()
    for line in lines:
        if line.refund > line.restock + line.damaged:
            raise Refused("refund-exceeds-inspected", sku=line.sku, refund=line.refund)
    refuse_another_body(world, command)
    returned = world.returns.get(command.return_id)
    order = world.checkouts.get(returned.order_id) if returned else None
    if returned is None or order is None:
        # The order is locked before its return: one that came in between is found the next time.
        return waits(world, command)
    records: list[Record] = [
        record for line in lines for record in _inspected(world, command, line)
    ]
    owed = owed_for_units(
        world,
        order,
        of_inspection(command.inspection_id),
        [(line.sku, line.refund) for line in lines],
    )
    # From here it must succeed.
    moves = _inspection_moves(returned.location, lines)
    return Change(
        answer={
            "inspection_id": command.inspection_id,
            "return_id": command.return_id,
            "order_id": returned.order_id,
            "location": returned.location,
            "status": "applied",
            "lines": [asdict(line) for line in lines],
        },
        cause=document_cause(world, command, order_id=returned.order_id),
        moves=moves,
        records=(*records, *owed, applied(world, command)),
    )


def _inspection_moves(location: str, lines: Sequence[InspectedUnits]) -> tuple[Move, ...]:
    return tuple(
        move
        for line in lines
        for kind, quantity, target in (
            (MovementKind.RESTOCK, line.restock, Pile.SELLABLE),
            (MovementKind.DAMAGE, line.damaged, Pile.DAMAGED),
        )
        for move in moved(kind, (line.sku, location), quantity, Pile.RETURNED, target)
    )


def cancel_order(world: World, command: CancelOrder) -> Change:
    """Put a paid order's units back on sale; what is left of its money is to be refunded next.

    Refused: `unknown-checkout`; `no-order` where it was never placed or is cancelled;
    `already-shipped` if any unit has left, by a shipment that waits to be booked too;
    `payment-not-captured`.
    """
    checkout = checkout_row(world, command.order_id)
    if checkout.order_state in (OrderState.NONE, OrderState.CANCELLED):
        raise Refused("no-order", order=checkout.order_state)
    if checkout.order_state is not OrderState.PLACED:
        raise Refused("already-shipped", order=checkout.order_state)
    if sent_early(world, command.order_id):
        raise Refused("already-shipped", order=checkout.order_state)
    if checkout.payment_state not in TAKEN:
        raise Refused("payment-not-captured", payment=checkout.payment_state)
    # From here it must succeed.
    moves = tuple(
        move
        for line in world.lines_of_order(command.order_id)
        for move in moved(
            MovementKind.CANCEL, (line.sku, line.location), line.to_ship, Pile.SOLD, Pile.SELLABLE
        )
    )
    # What was not found may have been paid back already, all of it.
    paid_back = checkout.payment_state is PaymentState.REFUNDED
    status = Status.REFUNDED if paid_back else Status.REFUND_PENDING
    return Change(
        answer={"order_id": command.order_id, "status": status.value},
        cause=Cause(
            operation_key=command.key,
            kind="order",
            id=command.order_id,
            actor=command.actor,
            reason=command.reason,
            order_id=command.order_id,
        ),
        moves=moves,
        checkout=replace(
            checkout,
            status=status,
            order_state=OrderState.CANCELLED,
            reason=command.reason,
        ),
    )


def _sent(world: World, command: Ship, sku: str, quantity: int) -> OrderLine:
    """Give an order's line with these units sent from there. Refused: `more-than-sold`."""
    line = world.order_lines.get((command.order_id, sku, command.location))
    left = line.to_ship if line else 0
    if line is None or left < quantity:
        raise Refused(
            "more-than-sold", sku=sku, location=command.location, wanted=quantity, left=left
        )
    return replace(line, shipped=line.shipped + quantity)


def _still_to_come(command: TakeBack, lines: list[OrderLine]) -> bool:
    """Tell whether a shipment must come first. Refused: `more-than-shipped`, where none could do."""
    early = False
    for sku, quantity in merged(command.lines):
        outside = sum(line.outside for line in lines if line.sku == sku)
        to_come = sum(line.to_ship for line in lines if line.sku == sku)
        if quantity > outside + to_come:
            raise Refused("more-than-shipped", sku=sku, wanted=quantity, left=outside)
        early = early or quantity > outside
    return early


def _inspected(
    world: World, command: Inspect, line: InspectedUnits
) -> tuple[ReturnLine, InspectionLine]:
    """Give a return's line with these units inspected. Refused: `more-than-returned`."""
    before = world.return_lines.get((command.return_id, line.sku))
    left = before.to_inspect if before else 0
    wanted = line.restock + line.damaged
    if before is None or left < wanted:
        raise Refused("more-than-returned", sku=line.sku, wanted=wanted, left=left)
    after = replace(
        before,
        restocked=before.restocked + line.restock,
        damaged=before.damaged + line.damaged,
        refunded=before.refunded + line.refund,
    )
    found = InspectionLine(
        inspection_id=command.inspection_id,
        return_id=command.return_id,
        sku=line.sku,
        restocked=line.restock,
        damaged=line.damaged,
        refunded=line.refund,
    )
    return after, found


def placed_order(world: World, order_id: str) -> Checkout | None:
    """Give the order's row, None while there is none.

    Refused: `order-cancelled`; `no-order` for a checkout that can never become one.
    """
    checkout = world.checkouts.get(order_id)
    if checkout is not None and checkout.status in (Status.OUT_OF_STOCK, Status.LIMIT_EXCEEDED):
        raise Refused("no-order", order=checkout.order_state)
    if checkout is None or checkout.order_state is OrderState.NONE:
        return None
    if checkout.order_state is OrderState.CANCELLED:
        raise Refused("order-cancelled", order_id=order_id)
    return checkout


def standing(world: World, checkout: Checkout, changed: Iterable[OrderLine]) -> Checkout:
    """Say where the order stands once these lines are as they are."""
    lines = {line.identity: line for line in world.lines_of_order(checkout.checkout_id)}
    lines |= {line.identity: line for line in changed}
    return replace(checkout, order_state=order_state(list(lines.values())))


def _taken_back(lines: list[OrderLine], location: str, quantity: int) -> dict[str, OrderLine]:
    """Say which of a sku's lines the units came from: this location's own first, then by name."""
    left = quantity
    taken: dict[str, OrderLine] = {}
    for line in sorted(lines, key=lambda line: (line.location != location, line.location)):
        share = min(left, line.outside)
        if share:
            taken[line.location] = replace(line, returned=line.returned + share)
            left -= share
    return taken


def _return_moves(
    world: World, location: str, lines: list[OrderLine], taken: dict[str, OrderLine]
) -> list[Move]:
    moves: list[Move] = []
    from_elsewhere = 0
    for line in lines:
        if line.location not in taken:
            continue
        share = taken[line.location].returned - line.returned
        row = (line.sku, line.location)
        if line.location == location:
            moves += arriving(
                world, MovementKind.RETURN, row, share, source=Pile.SHIPPED, target=Pile.RETURNED
            )
        else:
            moves += moved(MovementKind.TRANSFER, row, share, Pile.SHIPPED, Pile.TRANSIT)
            from_elsewhere += share
    if from_elsewhere:
        row = (lines[0].sku, location)
        moves += arriving(
            world,
            MovementKind.TRANSFER,
            row,
            from_elsewhere,
            source=Pile.TRANSIT,
            target=Pile.RETURNED,
        )
    return moves
