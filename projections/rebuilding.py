"""Making a noticeboard anew while the old one is read: filled from the ledger, caught up, compared, swapped.

A first start is the same, with nothing to replace.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic

import stamina
import structlog
from prometheus_client import Counter

from events.connection import Connection
from events.following import Following, state_of
from ledger.crash_points import Around
from ledger.outgoing import Outbox
from projections.consuming import Consumer
from projections.dead_letters import DeadLetters
from projections.freshness import Mark, Watermarks, marked
from projections.generations import Generations
from projections.projection import AMISS, PASSING, Comparison, Projection, UnfilledError

log = structlog.get_logger("projections")

REBUILT = Counter(
    "onhand_projection_rebuilds_total", "Generations that were made", ["projection", "end"]
)

SWAP = Around("projections.swap")

CATCH_UP_WAIT_SECONDS = 0.1
ATTEMPTS = 12
SWAP_PASSES = 5
FRESH_ENOUGH_SECONDS = 1.0

Stage = Callable[[str, int, int], None]
"""Hears what is being done, and how much of how much."""


class DifferentError(Exception):
    """A generation that was made anew is not what the ledger says. It is taken away again."""

    def __init__(self, comparison: Comparison) -> None:
        super().__init__("; ".join(comparison.differences[:3]))
        self.comparison = comparison


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """What was made: its number, its entries, how many dead letters it has, and what was wrong with the one before."""

    number: int
    entries: int
    aside: int = 0
    wrong_before: Comparison | None

    def sentence(self) -> str:
        """Say it."""
        found = (
            f"generation {self.number} is read now, {self.entries:,} entries, equal to the ledger"
        )
        if self.aside:
            found += f" but for what {self.aside:,} dead letters are about"
        if self.wrong_before is None:
            return f"{found}; there was none before."
        if self.wrong_before.equal:
            return f"{found}, and so was the one before."
        wrong = "".join(f"\n  {sentence}" for sentence in self.wrong_before.differences)
        return f"{found}. The one before differed:{wrong}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What whoever keeps noticeboards needs."""

    generations: Generations
    letters: DeadLetters
    outbox: Outbox
    connection: Connection

    def following(self, projection: str, number: int) -> Following:
        """Give the place of a generation in the stream."""
        return Following(self.connection, f"{projection}-{number}")

    async def mark(self) -> Mark:
        """Set a mark at this moment. Raises BusAway, Transient."""
        return await marked(self.outbox, self.connection)


async def rebuild(desk: Desk, projection: Projection, told: Stage) -> Rebuilt:
    """Make a generation and have it read. Live events go on being heeded by whoever keeps the old one.

    Raises DifferentError where it does not equal the ledger, UnfilledError where too much of that cannot be
    counted, Transient where somebody else is at it or the database is away, BusAway. The old one is read on.
    """
    async with desk.generations.alone(projection.name):
        return await _rebuilt(desk, projection, told)


async def make_where_needed(
    desk: Desk, projection: Projection, needed: Callable[[], Awaitable[bool]], told: Stage
) -> None:
    """Rebuild, unless somebody else just did; and take away what others left. Raises as `rebuild`."""
    async with desk.generations.alone(projection.name):
        if await needed():
            await _rebuilt(desk, projection, told)
        else:
            await clear(desk, projection)


async def _rebuilt(desk: Desk, projection: Projection, told: Stage) -> Rebuilt:
    await clear(desk, projection)
    before = await desk.generations.live(projection.name)
    # The place first, the ledger's moment after it: nothing can fall between.
    state = await state_of(desk.connection)
    number = await desk.generations.begin(projection.name, stream=state.made)
    following = desk.following(projection.name, number)
    await following.begin(projection.topics, after=state.last)
    await _filled(desk, projection, number, told)
    consumer = Consumer(projection, number, following, desk.letters)
    await _again_and_again(lambda: _caught_up(desk, consumer, told))
    told("comparing", 0, 1)
    comparison = await projection.compare(number)
    if not comparison.equal:
        log.error(
            "noticeboard differs from the ledger", projection=projection.name, generation=number
        )
        await _abandon(desk, projection, "different")
        raise DifferentError(comparison)
    async with SWAP(projection.name):
        await _again_and_again(lambda: _swapped(desk, consumer, told))
    REBUILT.labels(projection.name, "live").inc()
    log.info("noticeboard rebuilt", projection=projection.name, generation=number)
    await following.let_go()
    wrong_before, aside = None, 0
    # It is read from now on: what goes wrong below is another's to do again.
    with suppress(*PASSING):
        aside = (await desk.letters.counts()).get(projection.name, 0)
        wrong_before = await projection.compare(before.number) if before is not None else None
        told("comparing", 1, 1)
        await clear(desk, projection)
    return Rebuilt(
        number=number, entries=comparison.entries, aside=aside, wrong_before=wrong_before
    )


async def clear(desk: Desk, projection: Projection) -> None:
    """Take away every generation that nobody reads: replaced ones, and those that somebody left unfinished."""
    for number in await desk.generations.unused(projection.name):
        await desk.following(projection.name, number).end()
        await projection.drop(number)
        await desk.generations.forget(projection.name, number)


async def _swapped(desk: Desk, consumer: Consumer, told: Stage) -> None:
    """Have the new one read, as soon as it is as fresh as one that was followed all the while, or nearly."""
    for _ in range(SWAP_PASSES):
        began = monotonic()
        mark = await _caught_up(desk, consumer, told)
        if monotonic() - began < FRESH_ENOUGH_SECONDS:
            break
    await desk.generations.promote(
        consumer.projection.name, consumer.generation, as_of=mark.as_of, position=mark.position
    )


async def _again_and_again(work: Callable[[], Awaitable[object]]) -> None:
    """Try again what fails in passing: all the work before it would be lost otherwise."""
    async for attempt in stamina.retry_context(
        on=PASSING, attempts=ATTEMPTS, timeout=None, wait_initial=0.1, wait_max=2.0
    ):
        with attempt:
            await work()


async def _caught_up(desk: Desk, consumer: Consumer, told: Stage) -> Mark:
    """Heed until everything that was committed before this call is in it."""
    watermarks, mark = Watermarks(consumer.following), await desk.mark()
    heeded = 0
    while True:
        reached, progress = await watermarks.reached(mark)
        told("catching up", heeded, heeded + progress.behind)
        if reached is not None:
            return mark
        heeded += await consumer.round(CATCH_UP_WAIT_SECONDS)


async def _filled(desk: Desk, projection: Projection, number: int, told: Stage) -> None:
    try:
        await projection.build(number, lambda done, of: told("filling", done, of))
    except (UnfilledError, *AMISS) as error:
        why = str(error) if isinstance(error, UnfilledError) else type(error.orig).__name__
        log.warning(
            "noticeboard not filled", projection=projection.name, generation=number, why=why
        )
        with suppress(*PASSING, *AMISS):
            await _abandon(desk, projection, "unfilled")
        raise


async def _abandon(desk: Desk, projection: Projection, end: str) -> None:
    REBUILT.labels(projection.name, end).inc()
    await clear(desk, projection)
