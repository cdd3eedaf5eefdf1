"""Keeping a noticeboard: made where there is none, followed, told how fresh it is, and given up for its successor."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from math import inf
from time import monotonic

import structlog
from prometheus_client import Gauge

from events.following import PlaceLostError, state_of
from ledger.errors import Transient
from projections.consuming import WAIT_SECONDS, Consumer
from projections.freshness import Mark, Watermarks
from projections.generations import Generation
from projections.projection import PASSING, Projection
from projections.rebuilding import Desk, make_where_needed

log = structlog.get_logger("projections")

AGE = Gauge("onhand_projection_age_seconds", "How old what it shows may be", ["projection"])
BEHIND = Gauge(
    "onhand_projection_behind", "Events on the stream that it has not heeded", ["projection"]
)
DEAD = Gauge(
    "onhand_projection_dead_letters_open",
    "Events put aside that nobody has settled",
    ["projection"],
)


TAKEN_IN_EVERY_SECONDS = 5.0
"""What no event tells of, and how many events are put aside."""
RESTS_TIMES = 4
"""After a filling that was given up, what it took so often: a fault that stays costs a fifth of the time."""
LONGEST_REST_SECONDS = 300.0


class Keeper:
    """Looks after one noticeboard. Any number of them may, in as many processes."""

    def __init__(
        self,
        desk: Desk,
        projection: Projection,
        *,
        wait_seconds: float = WAIT_SECONDS,
        rest: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.desk = desk
        self.projection = projection
        self.wait_seconds = wait_seconds
        self.rest = rest
        self._rest_seconds = 0.0
        self._consumer: Consumer | None = None
        self._watermarks: Watermarks | None = None
        self._taken_in_at = -TAKEN_IN_EVERY_SECONDS
        self._doubted = False
        """Something failed that may come from what it is kept in: looked at before the next round."""

    async def round(self) -> None:
        """Heed what comes within a second. Raises what passes: BusAway, Transient, a database's errors."""
        try:
            consumer = await self._standing()
            await consumer.round(self.wait_seconds)
        except PlaceLostError:
            await self._make()
        except Transient:
            self._doubted = True
            raise

    async def look(self, mark: Mark) -> None:
        """Tell how fresh it is, as far as that can be known at a mark. Raises as `round`."""
        consumer, watermarks = self._consumer, self._watermarks
        name = self.projection.name
        if consumer is None or watermarks is None:
            return
        await self._take_in(consumer.generation)
        try:
            reached, progress = await watermarks.reached(mark)
        except PlaceLostError:
            # Another generation took over, or the next round makes one.
            return
        BEHIND.labels(name).set(progress.behind)
        if reached is not None:
            age = await self.desk.generations.tell_fresh(
                name, consumer.generation, as_of=reached.as_of, position=reached.position
            )
            AGE.labels(name).set(age)

    async def grow_old(self) -> None:
        """Tell how old it may be by now, with a bus or without: unknown is infinite. Raises Transient."""
        live = await self.desk.generations.live(self.projection.name)
        age = live.age_seconds if live is not None else None
        AGE.labels(self.projection.name).set(inf if age is None else age)

    async def _take_in(self, generation: int) -> None:
        if monotonic() - self._taken_in_at >= TAKEN_IN_EVERY_SECONDS:
            self._taken_in_at = monotonic()
            await self.projection.look(generation)
            name = self.projection.name
            DEAD.labels(name).set((await self.desk.letters.counts()).get(name, 0))

    async def _standing(self) -> Consumer:
        """Give the consumer of the generation that is live at this moment."""
        live = await self.desk.generations.live(self.projection.name)
        if self._consumer is not None and live is not None and not await self._lost(live):
            if live.number == self._consumer.generation:
                return self._consumer
            await self._consumer.following.let_go()
        else:
            try:
                await self._make()
            except Transient:
                # Somebody else makes one: until it is read, what is there is followed, if it can be.
                if await self._is_needed():
                    raise
            live = await self.desk.generations.live(self.projection.name)
        if live is None:
            raise Transient("projection-unavailable", projection=self.projection.name)
        following = self.desk.following(self.projection.name, live.number)
        self._consumer = Consumer(self.projection, live.number, following, self.desk.letters)
        self._watermarks = Watermarks(following)
        return self._consumer

    async def _lost(self, live: Generation) -> bool:
        """Tell whether what it was kept in is gone while it was followed."""
        doubted, self._doubted = self._doubted, False
        if not doubted or await self.projection.intact(live.number):
            return False
        log.warning("what it is kept in is gone", projection=live.projection)
        return True

    async def _still_whole(self, live: Generation) -> bool:
        """Tell whether the stream can bring it what it missed, and whether what it has is there."""
        state = await state_of(self.desk.connection)
        if live.stream != state.made or live.position is None or live.position + 1 < state.first:
            log.warning("stream cannot catch it up", projection=live.projection)
            return False
        try:
            await self.desk.following(live.projection, live.number).progress()
        except PlaceLostError:
            log.warning("place in the stream lost", projection=live.projection)
            return False
        return await self.projection.intact(live.number)

    async def _make(self) -> None:
        self._consumer = self._watermarks = None
        await self.rest(self._rest_seconds)
        begun = monotonic()
        try:
            await make_where_needed(self.desk, self.projection, self._is_needed, _unwatched)
        except PASSING:
            raise
        except Exception:
            took = monotonic() - begun
            self._rest_seconds = min(RESTS_TIMES * took, LONGEST_REST_SECONDS)
            raise
        self._rest_seconds = 0.0

    async def _is_needed(self) -> bool:
        live = await self.desk.generations.live(self.projection.name)
        return live is None or not await self._still_whole(live)


def _unwatched(stage: str, done: int, of: int) -> None:
    """Nobody looks on."""
