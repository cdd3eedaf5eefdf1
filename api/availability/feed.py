"""The one feed of a process: it hears what changes, keeps the cache right, and keeps listeners told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress

import structlog
from prometheus_client import Counter
from sqlalchemy.ext.asyncio import AsyncEngine

from api.availability.answers import AvailabilityAnswer
from api.availability.entries import Entries
from api.availability.following import FAILURES, Following
from api.availability.freshness import Freshness
from api.availability.listeners import Listener
from api.availability.shared_reads import SharedReads
from api.availability.slots import FullError, StreamSlots
from api.availability.views import View
from ledger.errors import Transient
from projections.availability.hearing import Changed, Fresh, News, hearing
from projections.availability.reading import shown

MOST_CACHED = 100_000
READ_SECONDS = 6.0
"""Longer than the database lets a statement run: only a line that was cut takes so long."""
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0

READS = Counter("onhand_availability_reads_total", "Queries for availability that were not cached")

log = structlog.get_logger("api.availability")


class AvailabilityFeed:
    """Answers about skus, and listens for those who wait for the next.

    It reads from `reading` and hears over `line`, which is nobody else's. While it hears nothing it answers
    as well, from a query each time.
    """

    def __init__(
        self,
        *,
        reading: AsyncEngine,
        line: AsyncEngine,
        budget_seconds: float = 2.0,
        most_listeners: int = 5_000,
        streams_per_address: int = 0,
        most_cached: int = MOST_CACHED,
    ) -> None:
        self.reading = reading
        self.line = line
        self.budget_seconds = budget_seconds
        self.slots = StreamSlots(most_listeners, streams_per_address)
        self.entries = Entries(most_cached)
        self._reads = SharedReads(self._read)
        self.following = Following(self._reads.ask, self.budget_ms)
        self._heard: Freshness | None = None
        self._ending = False

    @property
    def budget_ms(self) -> int:
        """The age up to which an answer may be relied on."""
        return round(self.budget_seconds * 1_000)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Hear for the time of a block; begin also where there is no database yet."""
        tasks = [asyncio.create_task(self._hear()), asyncio.create_task(self.following.run())]
        try:
            yield
        finally:
            self.end_streams()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._reads.close()

    async def dispose(self) -> None:
        """Let go of the database."""
        await self.line.dispose()
        await self.reading.dispose()

    async def look(self, skus: Sequence[str]) -> View:
        """Say how these stand: from the cache where all of them are in it. Raises Transient."""
        heard = self._heard
        if heard is not None:
            cached = {entry.sku: entry for sku in skus if (entry := self.entries.get(sku))}
            if all(sku in cached for sku in skus):
                return View(live=True, freshness=heard, entries=cached)
        return await self._reads.ask(skus)

    async def reached(self, sku: str, version: int) -> View:
        """Say how a sku stands once it is in that version, or when the budget is used up. Raises Transient."""
        view = await self.look([sku])
        if view.reaches(sku, version) or not view.live:
            return view
        with suppress(TimeoutError), self.following.listening([sku]) as listener:
            async with asyncio.timeout(self.budget_seconds):
                while not view.reaches(sku, version) and not self._ending:
                    await listener.take()
                    view = await self.look([sku])
        return view if view.reaches(sku, version) else await self.look([sku])

    @contextmanager
    def streaming(self, skus: Iterable[str], whose: str) -> Iterator[Listener]:
        """Let a page listen for the time of a block. Raises FullError, CrowdedError."""
        if self._ending:
            raise FullError
        with self.slots.taken(whose), self.following.listening(skus) as listener:
            yield listener

    def answer(self, sku: str) -> AvailabilityAnswer | None:
        """Say how a sku that is listened to stands; None where it is not known."""
        return self.following.answer(sku)

    def end_streams(self) -> None:
        """Send every listener away, and let none in."""
        self._ending = True
        self.following.audience.end()

    async def _read(self, skus: Sequence[str]) -> View:
        self.entries.begin(skus)
        asked_at = time.monotonic()
        READS.inc()
        try:
            async with asyncio.timeout(READ_SECONDS):
                view = View.of(await shown(self.reading, skus), asked_at)
        except TimeoutError as error:
            raise Transient("database-unavailable") from error
        self.entries.keep(view.entries.values())
        self.following.learn(skus, view)
        return view

    async def _hear(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                async with hearing(self.line) as news:
                    self._begin_anew()
                    pause = FIRST_PAUSE_SECONDS
                    async for piece in news:
                        self._heed(piece)
            except Exception as error:  # noqa: BLE001 - outlives any failure, with a metric
                FAILURES.labels("hearing", type(error).__name__).inc()
                log.warning("availability feed lost", error=type(error).__name__)
            finally:
                self.entries.close()
                self._heard = None
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def _begin_anew(self) -> None:
        self._heard = None
        self.entries.open()
        self.following.hear_anew()

    def _heed(self, piece: News) -> None:
        """Take in one piece of news, at once: the next must not wait on the line and seem younger than it is."""
        if isinstance(piece, Changed):
            self.entries.void(piece.skus)
            self.following.hear_changed(piece.skus)
        elif isinstance(piece, Fresh):
            if self._heard is None or piece.as_of >= self._heard.as_of:
                self._heard = Freshness(
                    as_of=piece.as_of, age_seconds=piece.age_seconds, heard_at=time.monotonic()
                )
                self.following.hear_fresh(self._heard)
        else:
            self._begin_anew()
