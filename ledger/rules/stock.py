"""Rules of stock that no checkout is needed for."""

from __future__ import annotations

from ledger.commands import ChangePause, Quantity, Receive, merged
from ledger.errors import Refused
from ledger.movements import Cause
from ledger.stock import Move, MovementKind, Pile, Stock
from ledger.world import Change, World

LOCATION_DISABLED = "location-disabled"
"""The reason under which the rows of a disabled location are paused."""


def receive(world: World, command: Receive) -> Change:
    """Take goods in. Refused: `nothing-wanted`, `unknown-location`, `unknown-sku`.

    The first row of a sku at a disabled location is born paused, as the others there are.
    """
    refuse_nothing(command.lines)
    location = world.locations.get(command.location)
    if location is None:
        raise Refused("unknown-location", location=command.location)
    lines = merged(command.lines)
    for sku, _ in lines:
        if sku not in world.products:
            raise Refused("unknown-sku", sku=sku)
    # From here it must succeed.
    moves: list[Move] = []
    for sku, quantity in lines:
        row = world.stock[sku, command.location]
        if row.sequence == 0 and not location.enabled:
            moves.append(_pauses(row, (LOCATION_DISABLED,), MovementKind.PAUSE))
        moves.append(
            Move(
                kind=MovementKind.RECEIVE,
                sku=sku,
                location=command.location,
                quantity=quantity,
                source=Pile.SUPPLY,
                target=Pile.SELLABLE,
            )
        )
    return Change(
        answer={
            "receipt_id": command.receipt_id,
            "location": command.location,
            "lines": [{"sku": sku, "quantity": quantity} for sku, quantity in lines],
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


def change_pause(world: World, command: ChangePause) -> Change:
    """Add or take away one reason. Refused: `unknown-sku`, `unknown-location`. No change, no movement."""
    if command.sku not in world.products:
        raise Refused("unknown-sku", sku=command.sku)
    if command.location not in world.locations:
        raise Refused("unknown-location", location=command.location)
    # From here it must succeed.
    row = world.stock[command.sku, command.location]
    reasons = set(row.paused) - {command.reason}
    if command.paused:
        reasons.add(command.reason)
    after = tuple(sorted(reasons))
    kind = MovementKind.PAUSE if command.paused else MovementKind.RESUME
    return Change(
        answer={"paused": list(after)},
        cause=Cause(
            operation_key=None,
            kind="policy",
            id=command.location,
            actor=command.actor,
            reason=command.reason,
        ),
        moves=() if after == row.paused else (_pauses(row, after, kind),),
    )


def refuse_nothing(lines: tuple[Quantity, ...]) -> None:
    """Refuse a document or cart that names no unit, or fewer: `nothing-wanted`."""
    if not lines or any(line.quantity <= 0 for line in lines):
        raise Refused("nothing-wanted")


def _pauses(row: Stock, after: tuple[str, ...], kind: MovementKind) -> Move:
    return Move(kind=kind, sku=row.sku, location=row.location, paused=after)
