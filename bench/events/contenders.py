"""Who is compared: the relay over a filled outbox, and publishers that have the same messages in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from sqlalchemy.ext.asyncio import AsyncEngine

from bench.figures import Load
from bench.ledger.ground import refilled
from dev.nats import running_nats
from events.envelope import Message, message
from events.jetstream import JetStreamBus, one_by_one
from events.relay import MOST_AT_ONCE, Relay
from ledger.outbox import SHARDS
from ledger.outgoing import Claim, Outbox

PATIENCE_SECONDS = 30.0
TWICE = 2
"""Some shards have fewer than others."""


class OutOfEventsError(RuntimeError):
    """Nothing was left to carry before the time was over: the rate would be of something else."""


@asynccontextmanager
async def fresh_bus() -> AsyncIterator[JetStreamBus]:
    """Give a bus that knows no event yet, durable as in production."""
    with TemporaryDirectory(prefix="onhand-bench-") as place, running_nats(Path(place)) as server:
        bus = JetStreamBus(server.url)
        await bus.publish([])  # connects, and makes the stream
        yield bus
        await bus.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Relaying:
    """Claim, read, wrap, publish, mark, commit: until the time is over."""

    name: str
    title: str
    engine: AsyncEngine
    owner_url: str

    async def prepare(self, count: int) -> None:
        """Have at least so many events wait."""
        refilled(self.owner_url, count)

    async def run(self, seconds: float) -> Load:
        """Carry."""
        async with fresh_bus() as bus:
            return await _timed(Relay(Outbox(self.engine), bus).carry, seconds)


Publish = Callable[[JetStreamBus, Sequence[Message]], Awaitable[list[bool]]]


async def each_alone(bus: JetStreamBus, messages: Sequence[Message]) -> list[bool]:
    """Publish each by itself: the server syncs its disk for each."""
    await bus.connection.stream()
    return await one_by_one(bus.connection.client, messages, PATIENCE_SECONDS)


@dataclass(slots=True, kw_only=True)
class Publishing:
    """The same bytes, published in the same numbers at once, from memory."""

    name: str
    title: str
    engine: AsyncEngine
    owner_url: str
    publish: Publish
    ready: list[Message] = field(default_factory=list)

    async def prepare(self, count: int) -> None:
        """Wrap at least so many, outside the measured time."""
        refilled(self.owner_url, count)
        async with Outbox(self.engine).claimed(first=0, most=SHARDS) as claim:
            # One shard after the other: no statement may take as long as all of them would.
            each = [Claim(claim.connection, [shard]) for shard in claim.shards]
            most = TWICE * count // SHARDS + MOST_AT_ONCE
            rows = [row for one in each for row in await one.waiting(most)]
        self.ready = [message(row) for row in rows]

    async def run(self, seconds: float) -> Load:
        """Publish."""
        left = iter(self.ready)

        async with fresh_bus() as bus:

            async def publish() -> int:
                return sum(await self.publish(bus, list(islice(left, MOST_AT_ONCE))))

            return await _timed(publish, seconds)


async def _timed(carry: Callable[[], Awaitable[int]], seconds: float) -> Load:
    """Carry one batch after the other; a latency is a batch's."""
    latencies: list[float] = []
    done = 0
    began = perf_counter()
    while (asked_at := perf_counter()) - began < seconds:
        carried = await carry()
        if not carried:
            raise OutOfEventsError
        done += carried
        latencies.append(perf_counter() - asked_at)
    return replace(Load.of(latencies, perf_counter() - began), done=done)
