"""Every wrong row is found by comparing: each check seen red, and told in a sentence."""

from __future__ import annotations

from typing import LiteralString

import pytest
from psycopg.errors import CheckViolation

from events.reading import Event
from events.schemas import StockChange
from ledger.replacing import replace
from projections.analytics.analytics import Analytics
from projections.board.board import Board
from projections.changes import UncountableError
from tests.integration.projections.summing.town import BOTH, Make, Town

BOARD: dict[str, tuple[LiteralString, str]] = {
    "a task too many": (
        (
            "INSERT INTO projections.board_task SELECT generation, sku, location, task, 'co_ghost', 1, since"
            " FROM projections.board_task WHERE generation = %s AND task = 'pick' LIMIT 1"
        ),
        "pick co_ghost: 1 of",
    ),
    "a task forgotten": (
        "DELETE FROM projections.board_task WHERE generation = %s AND task = 'inspect'",
        "0 to inspect, where entry",
    ),
    "one unit too few": (
        "UPDATE projections.board_task SET quantity = quantity + 1 WHERE generation = %s AND task = 'pick'",
        "to pick and",
    ),
    "two orders confused": (
        "UPDATE projections.board_task SET id = id || 'x' WHERE generation = %s AND task = 'pick'",
        "where the ledger has 0",
    ),
    "a task astray": (
        "INSERT INTO projections.board_task VALUES (%s, 'no-such', 'BER1', 'pick', 'co_x', 1, now())",
        "pick co_x of no-such at BER1, a row that was never counted",
    ),
    "a transfer forgotten": (
        "DELETE FROM projections.board_transfer WHERE generation = %s",
        "where the ledger has [BER1 MUC1",
    ),
    "a transfer to elsewhere": (
        "UPDATE projections.board_transfer SET target = 'HAM1' WHERE generation = %s",
        "[BER1 HAM1",
    ),
    "a transfer not arrived": (
        "UPDATE projections.board_transfer SET received = 0 WHERE generation = %s",
        "transfer T-mirrors of tall-mirror",
    ),
    "a loss forgotten": (
        "UPDATE projections.board_transfer SET lost = 0 WHERE generation = %s",
        "[BER1 MUC1 6 3 0]",
    ),
    "a transfer that is over": (
        (
            "INSERT INTO projections.board_transfer SELECT %s, transfer_id, sku, source, target, quantity, quantity, 0,"
            " now() FROM transfer JOIN transfer_line USING (transfer_id) WHERE transfer_id = 'T-over'"
        ),
        "transfer T-over of oak-bench: [MUC1 BER1 2 2 0]",
    ),
    "a transfer that never was": (
        "INSERT INTO projections.board_transfer VALUES (%s, 'T-ghost', 'x', 'a', 'b', 1, 0, 0, now())",
        "transfer T-ghost of x",
    ),
}

ANALYTICS: dict[str, tuple[LiteralString, str]] = {
    "an hour forgotten": (
        "DELETE FROM projections.analytics_hour WHERE generation = %s AND sku = 'tall-mirror'",
        "received is None, where the ledger comes to",
    ),
    "an hour that never was": (
        "UPDATE projections.analytics_hour SET hour = hour - interval '1 day' WHERE generation = %s",
        "where the ledger comes to None",
    ),
    "on hand": (
        "UPDATE projections.analytics_hour SET on_hand = on_hand + 1 WHERE generation = %s",
        "on_hand is",
    ),
    "a refusal forgotten": (
        "DELETE FROM projections.analytics_refusal WHERE generation = %s",
        "co_none was refused blue-teapot: [] where the ledger has [9",
    ),
    "a refusal too large": (
        "UPDATE projections.analytics_refusal SET quantity = 10 WHERE generation = %s",
        "[10 ",
    ),
    "a refusal that never was": (
        "INSERT INTO projections.analytics_refusal VALUES (%s, 'co_ghost', 'x', '2026-01-01', 1)",
        "co_ghost was refused x",
    ),
} | {
    name: (sql, f"{name} is")
    for name, sql in {
        "held": "UPDATE projections.analytics_hour SET held = held + 1 WHERE generation = %s",
        "released": "UPDATE projections.analytics_hour SET released = released + 1 WHERE generation = %s",
        "expired": "UPDATE projections.analytics_hour SET expired = expired + 1 WHERE generation = %s",
        "confirmed": "UPDATE projections.analytics_hour SET confirmed = confirmed + 1 WHERE generation = %s",
        "received": "UPDATE projections.analytics_hour SET received = received + 1 WHERE generation = %s",
        "sold": "UPDATE projections.analytics_hour SET sold = sold + 1 WHERE generation = %s",
        "cancelled": "UPDATE projections.analytics_hour SET cancelled = cancelled + 1 WHERE generation = %s",
        "missing": "UPDATE projections.analytics_hour SET missing = missing + 1 WHERE generation = %s",
        "shipped": "UPDATE projections.analytics_hour SET shipped = shipped + 1 WHERE generation = %s",
        "returned": "UPDATE projections.analytics_hour SET returned = returned + 1 WHERE generation = %s",
        "holds": "UPDATE projections.analytics_hour SET holds = holds + 1 WHERE generation = %s",
        "sku_holds": "UPDATE projections.analytics_hour SET sku_holds = sku_holds + 1 WHERE generation = %s",
        "sku_orders": "UPDATE projections.analytics_hour SET sku_orders = sku_orders + 1 WHERE generation = %s",
        "orders": "UPDATE projections.analytics_hour SET orders = orders + 1 WHERE generation = %s",
    }.items()
}


@pytest.mark.parametrize("plant", BOARD)
async def test_a_wrong_row_of_the_board_is_told(town: Town, plant: str) -> None:
    """Before it nothing is, so that it is the plant that is found."""
    statement, sentence = BOARD[plant]
    board = Board(town.engine)
    generation = await town.built(board)
    assert (await board.compare(generation)).equal
    await _found(town, board, generation, statement, sentence)


@pytest.mark.parametrize("plant", ANALYTICS)
async def test_a_wrong_row_of_analytics_is_told(town: Town, plant: str) -> None:
    """Each number, and each refusal."""
    statement, sentence = ANALYTICS[plant]
    analytics = Analytics(town.engine)
    generation = await town.built(analytics)
    town.database.run(
        "UPDATE projections.analytics_look SET until = now() + interval '1 day' WHERE generation = %s",
        generation,
    )
    assert (await analytics.compare(generation)).equal
    await _found(town, analytics, generation, statement, sentence)


@pytest.mark.parametrize("make", BOTH)
async def test_a_row_that_was_never_counted_is_told(town: Town, make: Make) -> None:
    """And one that was counted further than the ledger goes."""
    noticeboard = make(town.engine)
    generation = await town.built(noticeboard)
    forget: dict[str, LiteralString] = {
        "board": "DELETE FROM projections.board_watermark WHERE generation = %s AND sku = 'green-vase'",
        "analytics": "DELETE FROM projections.analytics_watermark WHERE generation = %s AND sku = 'green-vase'",
    }
    ahead: dict[str, LiteralString] = {
        "board": "UPDATE projections.board_watermark SET sequence = 9999 WHERE generation = %s",
        "analytics": "UPDATE projections.analytics_watermark SET sequence = 9999 WHERE generation = %s",
    }
    name = noticeboard.name
    await _found(
        town, noticeboard, generation, forget[name], "green-vase at BER1 was never counted"
    )
    await _found(
        town,
        noticeboard,
        generation,
        ahead[name],
        "was counted up to entry 9999, which the ledger has not",
    )


@pytest.mark.parametrize("make", BOTH)
async def test_an_event_ahead_of_the_ledger_is_refused_whole(town: Town, make: Make) -> None:
    """What is missing before it cannot be read: nothing of its batch was counted."""
    noticeboard = make(town.engine)
    generation = town.begun(noticeboard)
    last = max(town.events, key=lambda event: event.sequence)
    with pytest.raises(UncountableError, match="entry-missing"):
        await noticeboard.apply(generation, [*town.events[:5], _renumbered(last, 10_000)])
    assert not any(town.rows(noticeboard, generation).values())


async def test_more_done_than_there_was_is_refused_whole(town: Town) -> None:
    """An entry that the board cannot fold is a dead letter, and never a row below nothing."""
    board = Board(town.engine)
    generation = town.begun(board)
    sent = next(event for event in town.events if event.kind == "StockShipped")
    with pytest.raises(UncountableError, match="more-done-than-waited"):
        await board.apply(generation, [_renumbered(sent, 1)])
    with pytest.raises(CheckViolation, match="board_task_quantity_positive"):
        town.database.run(
            "INSERT INTO projections.board_task VALUES (1, 'a', 'b', 'pick', 'c', 0, now())"
        )


def _renumbered(event: Event, sequence: int) -> Event:
    assert isinstance(event.payload, StockChange)
    payload = event.payload.model_copy(update={"sequence": sequence})
    return replace(event, payload=payload, sequence=sequence)


async def _found(
    town: Town,
    noticeboard: Board | Analytics,
    generation: int,
    statement: LiteralString,
    sentence: str,
) -> None:
    assert town.database.superuser.execute(statement, [generation]).rowcount > 0
    comparison = await noticeboard.compare(generation)
    assert any(sentence in difference for difference in comparison.differences), comparison
