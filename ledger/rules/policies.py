"""Rules of what may be sold: entries that move nothing, but give `available` a history.

The first entry of a row at a disabled location is its pause, whatever is decided about it.
"""

from __future__ import annotations

from ledger.commands import ChangePause, SetFeedBuffer, SetSafetyStock
from ledger.errors import Refused
from ledger.movements import Cause
from ledger.rules.stock import births, refuse_unknown_location, refuse_unknown_sku
from ledger.stock import Move, MovementKind, Stock
from ledger.world import Change, World


def change_pause(world: World, command: ChangePause) -> Change:
    """Add or take away one reason. Refused: `unknown-sku`, `unknown-location`. No change, no movement."""
    row = _row(world, command)
    # From here it must succeed.
    if (command.reason in row.paused) is command.paused:
        return _changed(row, command, (), reason=command.reason)
    begun = births(world, (row.sku, row.location))
    before = _after(row, begun).paused
    reasons = set(before) - {command.reason}
    if command.paused:
        reasons.add(command.reason)
    move = Move(
        kind=MovementKind.PAUSE if command.paused else MovementKind.RESUME,
        sku=row.sku,
        location=row.location,
        paused=tuple(sorted(reasons)),
    )
    moves = begun if move.paused == before else (*begun, move)
    return _changed(row, command, moves, reason=command.reason)


def set_safety_stock(world: World, command: SetSafetyStock) -> Change:
    """Keep this many units out of sale, from now on.

    Refused: `negative-quantity`, `unknown-sku`, `unknown-location`. No change, no movement.
    """
    if command.quantity < 0:
        raise Refused("negative-quantity", quantity=command.quantity)
    row = _row(world, command)
    # From here it must succeed.
    move = Move(
        kind=MovementKind.SET_SAFETY_STOCK,
        sku=row.sku,
        location=row.location,
        safety_stock=command.quantity,
    )
    if row.safety_stock == command.quantity:
        return _changed(row, command, ())
    return _changed(row, command, (*births(world, (row.sku, row.location)), move))


def set_feed_buffer(world: World, command: SetFeedBuffer) -> Change:
    """Keep this many more units out of sale while a feed is not to be trusted.

    Refused: `negative-quantity`, `unknown-sku`, `unknown-location`. No change, no movement.
    """
    if command.quantity < 0:
        raise Refused("negative-quantity", quantity=command.quantity)
    row = _row(world, command)
    # From here it must succeed.
    move = Move(
        kind=MovementKind.SET_FEED_BUFFER,
        sku=row.sku,
        location=row.location,
        feed_buffer=command.quantity,
    )
    if row.feed_buffer == command.quantity:
        return _changed(row, command, (), reason=command.reason)
    moves = (*births(world, (row.sku, row.location)), move)
    return _changed(row, command, moves, reason=command.reason)


def _row(world: World, command: ChangePause | SetSafetyStock | SetFeedBuffer) -> Stock:
    refuse_unknown_sku(world, command.sku)
    refuse_unknown_location(world, command.location)
    empty = Stock(sku=command.sku, location=command.location)
    return world.stock.get((command.sku, command.location), empty)


def _changed(
    row: Stock,
    command: ChangePause | SetSafetyStock | SetFeedBuffer,
    moves: tuple[Move, ...],
    *,
    reason: str | None = None,
) -> Change:
    after = _after(row, moves)
    return Change(
        answer={
            "sku": row.sku,
            "location": row.location,
            "safety_stock": after.safety_stock,
            "feed_buffer": after.feed_buffer,
            "paused": list(after.paused),
            "available": after.available,
            "version": row.sequence + len(moves),
        },
        cause=Cause(
            operation_key=None,
            kind="policy",
            id=command.location,
            actor=command.actor,
            reason=reason,
        ),
        moves=moves,
    )


def _after(row: Stock, moves: tuple[Move, ...]) -> Stock:
    for move in moves:
        row = move.apply(row)
    return row
