"""What became of a shop, told to noticeboards in any way a bus may tell it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, LiteralString

from sqlalchemy.ext.asyncio import AsyncEngine

from events.envelope import message
from events.reading import Event, read
from ledger.checkouts import PaymentOperationKind, PaymentState
from ledger.commands import Command
from ledger.errors import Transient
from ledger.outgoing import Written
from projections.analytics.analytics import Analytics
from projections.board.board import Board
from tests.copies import Database
from tests.integration.ledger.shop import open_shop
from tests.unit.ledger import cast
from tests.unit.ledger import warehouse_cast as warehouse
from tests.unit.ledger.cast import BERLIN, MUNICH, PRICE

_WRITTEN: LiteralString = """
SELECT id, shard, subject, sequence, type, version, recorded_at, payload::text FROM outbox ORDER BY id
"""
_FIELDS = ("id", "shard", "subject", "sequence", "type", "version", "recorded_at", "payload")

BENCH, DESK = "oak-bench", "pine-desk"

Make = Callable[[AsyncEngine], Board | Analytics]

BOTH: tuple[Make, ...] = (Board, Analytics)

ROWS: dict[str, LiteralString] = {
    "board_watermark": "SELECT * FROM projections.board_watermark WHERE generation = %s",
    "board_task": "SELECT * FROM projections.board_task WHERE generation = %s",
    "board_transfer": "SELECT * FROM projections.board_transfer WHERE generation = %s",
    "analytics_watermark": "SELECT * FROM projections.analytics_watermark WHERE generation = %s",
    "analytics_hour": "SELECT * FROM projections.analytics_hour WHERE generation = %s",
}


@dataclass(kw_only=True)
class Town:
    """A shop's database, what it told, and as many generations as are asked for."""

    database: Database
    engine: AsyncEngine
    events: tuple[Event, ...]
    generations: Iterator[int]

    def begun(self, noticeboard: Board | Analytics) -> int:
        """Begin a generation, after everything that happened; those before it are nobody's any more."""
        generation = next(self.generations)
        self.database.run(
            "UPDATE projections.generation SET state = 'retired', live_at = now() WHERE projection = %s",
            noticeboard.name,
        )
        self.database.run(
            # A minute ahead: what is there by now is old enough to be missed.
            "INSERT INTO projections.generation (projection, generation, state, stream, started_at)"
            " VALUES (%s, %s, 'building', 'none', clock_timestamp() + interval '1 minute')",
            noticeboard.name,
            generation,
        )
        return generation

    async def built(self, noticeboard: Board | Analytics) -> int:
        """Fill one from the ledger."""
        generation = self.begun(noticeboard)
        await noticeboard.build(generation, lambda _done, _of: None)
        return generation

    def rows(self, noticeboard: Board | Analytics, generation: int) -> dict[str, set[Any]]:
        """Give every row of a generation but for what a look at refusals found."""
        return {
            table: {row[1:] for row in self.database.rows(question, generation)}
            for table, question in ROWS.items()
            if table.startswith(noticeboard.name)
        }


def an_order_of_two(total: int) -> list[Command]:
    """Tell of a cart of two skus, the first of which comes from two places."""
    authorize, capture = PaymentOperationKind.AUTHORIZE, PaymentOperationKind.CAPTURE
    allowed = cast.Seen(state=PaymentState.AUTHORIZED, authorized=total, amount=total)
    taken = cast.Seen(state=PaymentState.CAPTURED, authorized=total, captured=total, amount=total)
    return [
        cast.open_checkout("co_two", lines={BENCH: 3, DESK: 1}),
        cast.reserve("co_two", {BENCH: 3, DESK: 1}),
        cast.start(authorize, "co_two"),
        cast.record(allowed, "co_two", proves=authorize),
        cast.fence("co_two"),
        cast.start(capture, "co_two"),
        cast.record(taken, "co_two", proves=capture),
        cast.confirm("co_two"),
    ]


async def go_on(database: Database) -> None:
    """Tell what the busy world does not: an order of two skus from two places, and a transfer that is over."""
    async with open_shop(database) as shop:
        await shop.offers(BENCH, DESK)
        await shop.tell(
            cast.receive(2, BENCH, BERLIN, receipt="benches"),
            cast.receive(3, BENCH, MUNICH, receipt="more-benches"),
            cast.receive(2, DESK, MUNICH, receipt="desks"),
        )
        for command in an_order_of_two(4 * PRICE):
            await shop.tell(command)
        await shop.tell(warehouse.send(2, BENCH, MUNICH, BERLIN, transfer="T-over"))
        await shop.tell(warehouse.arrive(2, BENCH, transfer="T-over", receipt="TR-over"))


def events_of(database: Database) -> Iterator[Event]:
    """Read every event of a shop as a consumer does."""
    for row in database.rows(_WRITTEN):
        yield read(message(Written(**dict(zip(_FIELDS, row, strict=True)))).body)


def in_batches(random: Random, events: Sequence[Event]) -> list[list[Event]]:
    """Cut events into batches of any size."""
    batches, left = [], list(events)
    while left:
        size = random.randint(1, 60)
        batches.append(left[:size])
        left = left[size:]
    return batches


def with_losses(random: Random, events: Sequence[Event]) -> list[Event]:
    """Lose half of them, but for the last of each subject."""
    last = {event.subject: event.sequence for event in sorted(events, key=lambda e: e.sequence)}
    return [
        event for event in events if event.sequence == last[event.subject] or random.random() < 0.5
    ]


async def told(
    noticeboard: Board | Analytics, generation: int, batches: Sequence[Sequence[Event]]
) -> None:
    """Tell batches; one that met a lock is told again, as the bus does."""
    for batch in batches:
        while True:
            try:
                await noticeboard.apply(generation, batch)
            except Transient:
                await asyncio.sleep(0)
            else:
                break
