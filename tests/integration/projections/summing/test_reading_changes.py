"""An event and the ledger's own entry are the same change, whichever of them was at hand."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from sqlalchemy import text

from events.reading import Event
from events.schemas import StockChange
from ledger.replacing import replace
from ledger.stock import ALLOWED_MOVES, MovementKind, Pile
from projections.changes import (
    ENTRY,
    Change,
    UncountableError,
    completed,
    of_entry,
    of_events,
)
from tests.integration.projections.summing.town import Town

Key = tuple[str, str, int]


def by_key(changes: Iterable[Change]) -> dict[Key, Change]:
    """Name each change by its row and sequence."""
    return {(*change.row, change.sequence): change for change in changes}


async def entries_of(town: Town) -> dict[Key, Change]:
    """Read the whole ledger."""
    async with town.engine.connect() as connection:
        found = await connection.execute(text(f"SELECT {ENTRY} FROM movement"))  # noqa: S608 - a constant of ours
        return by_key(
            await completed(connection, [of_entry(dict(row)) for row in found.mappings()])
        )


async def heard_of(town: Town, events: Iterable[Event]) -> dict[Key, Change]:
    """Read events."""
    async with town.engine.connect() as connection:
        return by_key(await completed(connection, of_events(events)))


def without_orders(event: Event) -> Event:
    """Give an event as it was written before orders were told."""
    if not isinstance(event.payload, StockChange):
        return event
    return replace(event, payload=event.payload.model_copy(update={"order_id": None}))


async def test_both_readings_of_every_kind_are_one_change(town: Town) -> None:
    """Field by field, whatever moved from where to where, and for what cause."""
    entries = await entries_of(town)
    assert await heard_of(town, town.events) == entries
    moves = {(change.kind, change.source, change.target) for change in entries.values()}
    assert {kind for kind, _, _ in moves} == set(MovementKind)
    seen = {(source, target) for _, source, target in moves}
    assert {move for allowed in ALLOWED_MOVES.values() for move in allowed} <= seen


async def test_an_event_from_before_orders_were_told_says_the_same(town: Town) -> None:
    """The order is found by the cause's name, or in the cause's own rows."""
    old = await heard_of(town, map(without_orders, town.events))
    assert old == await entries_of(town)


async def test_whatever_is_sold_sent_or_brought_back_names_its_order(town: Town) -> None:
    """The board cannot do without it: searches by order and returns to another place included."""
    of_orders = {Pile.SOLD, Pile.SHIPPED, Pile.RETURNED}
    entries = (await entries_of(town)).values()
    causes = {
        change.cause_kind
        for change in entries
        if {change.source, change.target} & of_orders and change.order_id
    }
    nameless = [
        change
        for change in entries
        if {change.source, change.target} & of_orders and change.order_id is None
    ]
    assert nameless == []
    assert causes == {
        *("reservation", "order", "shipment", "return", "inspection", "short", "research")
    }


@pytest.mark.parametrize("cause", ["inspection", "transfer-receipt", "short"])
async def test_a_cause_that_the_ledger_does_not_know_is_an_error(town: Town, cause: str) -> None:
    """It is told, and becomes a dead letter: never a row that is wrong for good."""
    change = next(
        change for change in (await entries_of(town)).values() if change.cause_kind == cause
    )
    async with town.engine.connect() as connection:
        with pytest.raises(UncountableError, match="document-unknown"):
            await completed(connection, [replace(change, cause_id="nobody", order_id=None)])
