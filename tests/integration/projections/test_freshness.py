"""A noticeboard says from when it is, and is never older than it says."""

from __future__ import annotations

import random
from datetime import datetime
from typing import LiteralString

import psycopg
import pytest

from dev.nats import running_nats
from events.relay import Relay
from projections.keeping import AGE
from projections.projection import PASSING
from tests.integration.events.conftest import Nats
from tests.integration.ledger.shop import Shop
from tests.integration.projections.conftest import Board, settle
from tests.unit.ledger.cast import LAMP
from tests.workflows.shop import eventually

STEPS = 100


HEARD: dict[str, LiteralString] = {
    "availability": "SELECT coalesce(max(sequence), 0) FROM projections.availability"
    " WHERE sku = %s AND generation = %s",
    "board": "SELECT coalesce(max(sequence), 0) FROM projections.board_watermark"
    " WHERE sku = %s AND generation = %s",
    "analytics": "SELECT coalesce(max(sequence), 0) FROM projections.analytics_watermark"
    " WHERE sku = %s AND generation = %s",
}
"""How far a sku was heard of, by what would lag without it."""


async def as_of(board: Board) -> datetime:
    """Read from when it says it is."""
    live = await board.office.desk.generations.live(board.name)
    assert live is not None
    assert live.as_of is not None
    return live.as_of


def clock(board: Board) -> datetime:
    """Ask the database for its time."""
    now: datetime = board.database.value("SELECT clock_timestamp()")
    return now


async def test_everything_committed_before_that_moment_is_in_it(
    boards: list[Board], shop: Shop, relay: Relay, bus: Nats
) -> None:
    """Whoever carries, heeds, looks or sells first."""
    await settle(boards)
    done: list[datetime] = []
    looks = 0

    async def sell() -> None:
        await shop.stocked(1)
        done.append(clock(boards[0]))

    for _ in range(STEPS):
        board = random.choice(boards)
        step = random.choice((sell, sell, relay.round, board.keeper.round, board.look))
        await step()
        if step == board.look:
            looks += 1
            moment = await as_of(board)
            promised = sum(committed < moment for committed in done)
            assert await heard(board) >= promised
    assert looks > 5
    await settle(boards)
    for board in boards:
        moment = clock(board)
        await eventually(lambda: is_after(board, moment))  # noqa: B023 - awaited at once
        assert await heard(board) == len(done)


async def heard(board: Board) -> int:
    """Count what of the lamp it has heard, by what it would lack without: of each the ledger's own comparison."""
    await board.office.named(board.name).compare(await board.live())
    return int(
        board.database.value(
            HEARD[board.name],
            LAMP,
            await board.live(),
        )
    )


async def test_a_change_that_is_not_committed_does_not_count_and_is_not_missed(
    board: Board, bus: Nats
) -> None:
    """A transaction is held open while others pass it; the moment goes on, and the late one comes after it."""
    await board.shop.stocked(1)
    await board.settle()
    with psycopg.connect(board.database.superuser_url) as late:
        late.execute(
            "INSERT INTO outbox (subject, sequence, shard, type, payload, recorded_at)"
            " SELECT 'late/BER1', 1, shard, type,"
            "   jsonb_set(jsonb_set(payload::jsonb, '{sku}', '\"late\"'), '{sequence}', '1')::json, clock_timestamp()"
            " FROM outbox WHERE type = 'StockReceived' LIMIT 1"
        )
        for _ in range(20):
            await board.shop.stocked(1)
        moment = clock(board)
        await board.settle()
        await eventually(lambda: is_after(board, moment))
        late.commit()
    await board.look()
    held = await as_of(board)
    recorded = board.database.value("SELECT recorded_at FROM outbox WHERE subject = 'late/BER1'")

    await board.settle()

    # From its commit on it waits, so the moment stops; what was said before was true: it was not committed then.
    assert held > recorded
    assert board.database.value(HEARD[board.name], "late", await board.live()) == 1


async def is_after(board: Board, moment: datetime) -> bool:
    """Look, and tell whether it is as fresh as that."""
    await board.look()
    return await as_of(board) > moment


@pytest.mark.parametrize("name", ["availability"], indirect=True)
async def test_with_the_bus_away_it_grows_old_and_says_so(board: Board, away: Nats) -> None:
    """And is young again when it is back."""
    with running_nats(away.directory, port=away.port):
        await board.settle()
        await board.look()
    before = await as_of(board)
    await board.shop.stocked(1)
    for step in (board.relay.round, board.keeper.round, board.look):
        try:
            await step()
        except PASSING:
            continue
    assert await as_of(board) == before
    await board.keeper.grow_old()
    told = AGE.labels(board.name)._value.get()
    await board.keeper.grow_old()
    assert 0 < told < AGE.labels(board.name)._value.get()

    with running_nats(away.directory, port=away.port):
        await board.settle()
        moment = clock(board)

        async def young() -> bool:
            try:
                return await is_after(board, moment)
            except PASSING:
                return False

        await eventually(young)
    assert await board.equals_the_ledger()


async def test_with_the_relay_away_it_is_as_old_as_the_oldest_that_waits(
    board: Board, bus: Nats
) -> None:
    """The bus is empty then, which says nothing."""
    await board.settle()
    await board.shop.stocked(1)
    waits = board.database.value("SELECT min(recorded_at) FROM outbox WHERE published_at IS NULL")

    await board.keeper.round()
    await board.look()
    await board.look()

    assert await as_of(board) <= waits
