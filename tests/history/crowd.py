"""A process full of callers, begun and ended by lines on its standard input; run as a program.

First line: a `Wish` as JSON. It answers `ready`, begins at the second line, and ends at the next one, or
when it has posted enough, or with its parent. Then the history is on disk and a `Report` on its output.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from random import Random

import orjson
from sqlalchemy.engine import make_url

from ledger.posting import Ledger
from tests.copies import Database
from tests.history.callers import Caller, Day
from tests.history.record import write_history
from tests.history.stories import stories
from tests.integration.ledger.proxy import Cut, Wire, wire_to
from tests.integration.ledger.shop import another_ledger

CALLERS = 32
BATCH = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """How a process spends its day."""

    name: str
    database_url: str
    history: str
    seed: int
    mine: int
    processes: int
    posts: int
    """How many are enough."""
    doubled: float = 0.0
    hurried: float = 0.0
    forgetful: float = 0.0
    batching: int = 0
    """How many of the callers post for many customers at once."""
    on_wires: int = 0
    """How many of the callers reach the database over a wire that is cut."""
    cut: tuple[str, ...] = ()
    """How the wire may be cut, by the names of `Cut`; none is never."""
    cut_share: float = 0.0
    """The share of COMMITs that the wire is cut around."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What the callers cannot have seen."""

    posts: int
    retries: int
    cuts: int


async def main() -> None:
    """Live the day."""
    said = await _standard_input()
    wish = Wish(**orjson.loads(await said.readline()))
    random = Random(f"{wish.seed}/{wish.name}")
    day = Day(
        name=wish.name,
        plan=stories(wish.seed, mine=wish.mine, processes=wish.processes, doubled=wish.doubled),
        random=random,
        hurried=wish.hurried,
        forgetful=wish.forgetful,
    )
    async with AsyncExitStack() as opened:
        direct = await opened.enter_async_context(_ledger(wish.database_url))
        wire, distant = await opened.enter_async_context(_over_a_wire(wish, random))
        print("ready", flush=True)
        await said.readline()
        async with asyncio.TaskGroup() as crowd:
            for number in range(CALLERS):
                ledger = distant if number < wish.on_wires else direct
                batch = BATCH if number >= CALLERS - wish.batching else 1
                caller = Caller(name=str(number), day=day, ledger=ledger, batch=batch)
                crowd.create_task(caller.live())
            crowd.create_task(_end_of(day, wish, said))
        write_history(Path(wish.history), day.history)
        report = Report(
            posts=len(day.history), retries=direct.retries + distant.retries, cuts=wire.cuts
        )
    print(orjson.dumps(report).decode(), flush=True)


async def _end_of(day: Day, wish: Wish, said: asyncio.StreamReader) -> None:
    told = asyncio.create_task(said.readline())
    while len(day.history) < wish.posts and not told.done():
        await asyncio.wait({told}, timeout=0.02)
    told.cancel()
    day.over.set()


def _ledger(url: str) -> AbstractAsyncContextManager[Ledger]:
    database = Database(name="", owner_url="", application_url=url, superuser_url="")
    return another_ledger(database, pool_size=CALLERS)


@asynccontextmanager
async def _over_a_wire(wish: Wish, random: Random) -> AsyncIterator[tuple[Wire, Ledger]]:
    place = make_url(wish.database_url)
    assert place.host is not None
    assert place.port is not None
    async with wire_to(place.host, place.port) as wire:
        wire.cuts_to_come = _cuts(wish, random)
        async with _ledger(wire.url(wish.database_url)) as distant:
            yield wire, distant


def _cuts(wish: Wish, random: Random) -> Iterator[Cut | None]:
    """Draw for each COMMIT whether the wire is cut around it."""
    ways = [Cut[name] for name in wish.cut]
    if not ways:
        yield from repeat(None)
    while True:
        yield random.choice(ways) if random.random() < wish.cut_share else None


async def _standard_input() -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    return reader


if __name__ == "__main__":
    asyncio.run(main())
