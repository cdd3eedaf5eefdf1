"""Rules of what may be sold: entries that move nothing, but give `available` a history."""

from __future__ import annotations

from ledger.commands import ChangePause, SetFeedBuffer, SetSafetyStock
from ledger.errors import Refused
from ledger.movements import Cause
from ledger.rules.stock import (
    LOCATION_DISABLED,
    births,
    refuse_unknown_location,
    refuse_unknown_sku,
)
from ledger.stock import Move, MovementKind, Stock
from ledger.world import Change, World


def change_pause(world: World, command: ChangePause) -> Change:
    """Add or take away one reason. Refused: `unknown-sku`, `unknown-location`. No change, no movement."""
    row, begun = _row(world, command)
    if command.reason == LOCATION_DISABLED:
        # It is itself what a row there begins with.
        empty = Stock(sku=row.sku, location=row.location)
        row, begun = world.stock.get((row.sku, row.location), empty), ()
    # From here it must succeed.
    reasons = set(row.paused) - {command.reason}
    if command.paused:
        reasons.add(command.reason)
    after = tuple(sorted(reasons))
    move = Move(
        kind=MovementKind.PAUSE if command.paused else MovementKind.RESUME,
        sku=row.sku,
        location=row.location,
        paused=after,
    )
    changes = after != row.paused
    return _changed(row, begun, command, move if changes else None, reason=command.reason)


def set_safety_stock(world: World, command: SetSafetyStock) -> Change:
    """Keep this many units out of sale, from now on.

    Refused: `negative-quantity`, `unknown-sku`, `unknown-location`. No change, no movement.
    """
    if command.quantity < 0:
        raise Refused("negative-quantity", quantity=command.quantity)
    row, begun = _row(world, command)
    # From here it must succeed.
    move = Move(
        kind=MovementKind.SET_SAFETY_STOCK,
        sku=row.sku,
        location=row.location,
        safety_stock=command.quantity,
    )
    changes = row.safety_stock != command.quantity
    return _changed(row, begun, command, move if changes else None)


def set_feed_buffer(world: World, command: SetFeedBuffer) -> Change:
    """Keep this many more units out of sale while a feed is not to be trusted.

    Refused: `negative-quantity`, `unknown-sku`, `unknown-location`. No change, no movement.
    """
    if command.quantity < 0:
        raise Refused("negative-quantity", quantity=command.quantity)
    row, begun = _row(world, command)
    # From here it must succeed.
    move = Move(
        kind=MovementKind.SET_FEED_BUFFER,
        sku=row.sku,
        location=row.location,
        feed_buffer=command.quantity,
    )
    changes = row.feed_buffer != command.quantity
    return _changed(row, begun, command, move if changes else None, reason=command.reason)


def _row(
    world: World, command: ChangePause | SetSafetyStock | SetFeedBuffer
) -> tuple[Stock, tuple[Move, ...]]:
    """Give the row, and the moves that it begins with if this is its first, done to it already."""
    refuse_unknown_sku(world, command.sku)
    refuse_unknown_location(world, command.location)
    empty = Stock(sku=command.sku, location=command.location)
    row = world.stock.get((command.sku, command.location), empty)
    begun = births(world, (command.sku, command.location))
    for move in begun:
        row = move.apply(row)
    return row, begun


def _changed(
    row: Stock,
    begun: tuple[Move, ...],
    command: ChangePause | SetSafetyStock | SetFeedBuffer,
    move: Move | None,
    *,
    reason: str | None = None,
) -> Change:
    after = move.apply(row) if move else row
    moves = (*begun, move) if move else ()
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
