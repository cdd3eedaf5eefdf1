"""Rules of goods that come in, and what all rules of stock share."""

from __future__ import annotations

from typing import Any

from ledger.commands import Quantity, Receive, merged
from ledger.errors import Refused
from ledger.movements import Cause
from ledger.stock import Move, MovementKind, Pile
from ledger.world import Change, Row, World

LOCATION_DISABLED = "location-disabled"
"""The reason under which the rows of a disabled location are paused."""


def receive(world: World, command: Receive) -> Change:
    """Take goods in. Refused: `nothing-wanted`, `unknown-location`, `unknown-sku`.

    The first row of a sku at a disabled location is born paused, as the others there are.
    """
    refuse_nothing(command.lines)
    refuse_unknown_location(world, command.location)
    lines = merged(command.lines)
    for sku, _ in lines:
        refuse_unknown_sku(world, sku)
    # From here it must succeed.
    moves = [
        move
        for sku, quantity in lines
        for move in arriving(
            world, MovementKind.RECEIVE, (sku, command.location), quantity, source=Pile.SUPPLY
        )
    ]
    return Change(
        answer={
            "receipt_id": command.receipt_id,
            "location": command.location,
            "lines": told(lines),
        },
        cause=Cause(
            operation_key=command.key,
            kind="receipt",
            id=command.receipt_id,
            actor=command.actor,
            occurred_at=command.occurred_at,
        ),
        moves=tuple(moves),
    )


def moved(
    kind: MovementKind, row: Row, quantity: int, source: Pile, target: Pile
) -> tuple[Move, ...]:
    """Move units within a row; none are no movement."""
    if not quantity:
        return ()
    sku, location = row
    return (
        Move(
            kind=kind, sku=sku, location=location, quantity=quantity, source=source, target=target
        ),
    )


def arriving(
    world: World,
    kind: MovementKind,
    row: Row,
    quantity: int,
    *,
    source: Pile,
    target: Pile = Pile.SELLABLE,
) -> tuple[Move, ...]:
    """Bring units to a row. The first ones at a disabled location find it paused, as the others there are."""
    return births(world, row) + moved(kind, row, quantity, source, target)


def births(world: World, row: Row) -> tuple[Move, ...]:
    """Say what comes before the first movement of a row: at a disabled location it is born paused."""
    sku, location = row
    before = world.stock.get(row)
    if (before and before.sequence) or world.locations[location].enabled:
        return ()
    return (Move(kind=MovementKind.PAUSE, sku=sku, location=location, paused=(LOCATION_DISABLED,)),)


def told(lines: list[list[Any]]) -> list[dict[str, Any]]:
    """Say merged lines as JSON."""
    return [{"sku": sku, "quantity": quantity} for sku, quantity in lines]


def refuse_nothing(lines: tuple[Quantity, ...]) -> None:
    """Refuse a document or cart that names no unit, or fewer: `nothing-wanted`."""
    if not lines or any(line.quantity <= 0 for line in lines):
        raise Refused("nothing-wanted")


def refuse_unknown_sku(world: World, sku: str) -> None:
    """Refuse what is not in the catalogue: `unknown-sku`."""
    if sku not in world.products:
        raise Refused("unknown-sku", sku=sku)


def refuse_unknown_location(world: World, location: str) -> None:
    """Refuse a place that nobody has named: `unknown-location`."""
    if location not in world.locations:
        raise Refused("unknown-location", location=location)


def refuse_too_few(world: World, row: Row, pile: Pile, wanted: int) -> None:
    """Refuse to take more out of a pile than there is: `pile-too-small`, with what there is."""
    stock = world.stock.get(row)
    there = stock.units(pile) if stock else 0
    if there < wanted:
        sku, location = row
        raise Refused(
            "pile-too-small",
            sku=sku,
            location=location,
            pile=pile.value,
            wanted=wanted,
            there=there,
        )
