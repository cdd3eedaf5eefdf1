"""How a noticeboard follows the bus: a batch is read, heeded, and only then done. What cannot be is put aside.

An event that is delivered twice, late or out of order is the noticeboard's to know; one that can never be
heeded is found out alone, so that it takes nothing else with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from prometheus_client import Counter
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from events.bus import BusAway
from events.following import Delivery, Following
from events.reading import Event, UnreadableError, read
from ledger.crash_points import Around
from ledger.errors import Transient
from projections.dead_letters import DeadLetter, DeadLetters, Newest, subject_of
from projections.projection import Projection

log = structlog.get_logger("projections")

HEEDED = Counter("onhand_projection_events_total", "Events heeded, however often", ["projection"])
PUT_ASIDE = Counter(
    "onhand_projection_dead_letters_total", "Events put aside", ["projection", "code"]
)

HEED = Around("projections.heed")

BATCH = 500
WAIT_SECONDS = 1.0
TRIES = 3
"""Of an event alone, before it is put aside."""
BETWEEN_TRIES_SECONDS = 0.05

PASSING = (Transient, BusAway, OperationalError, InterfaceError, PoolTimeout, OSError)
"""What has nothing to do with the event: it comes again, and is heeded then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Heard:
    """A delivery that could be read."""

    delivery: Delivery
    event: Event


class Consumer:
    """Brings one generation of a noticeboard what its place in the stream gives."""

    def __init__(
        self, projection: Projection, generation: int, following: Following, letters: DeadLetters
    ) -> None:
        self.projection = projection
        self.generation = generation
        self.following = following
        self.letters = letters

    async def round(self, wait_seconds: float = WAIT_SECONDS) -> int:
        """Wait for events, heed them, and tell how many came.

        Raises BusAway and PlaceLostError, and what a database that is away raises: all of them come again.
        """
        deliveries = await self.following.take(
            most=BATCH, seconds=wait_seconds, linger_seconds=self.projection.linger_seconds
        )
        if not deliveries:
            return 0
        heard, aside = self._read(deliveries)
        async with HEED(self.projection.name):
            aside += await self._heed(heard)
            if aside:
                await self._put_aside(aside)
            await self._overtake(heard, {letter.position for letter in aside})
        await self.following.done(deliveries)
        HEEDED.labels(self.projection.name).inc(len(deliveries) - len(aside))
        return len(deliveries)

    async def again(self, letter: DeadLetter) -> str | None:
        """Try one that was put aside. Give why it still cannot be heeded; None where it was."""
        try:
            await self.projection.apply(self.generation, [read(letter.body)])
        except PASSING:
            raise
        except UnreadableError as error:
            return error.code
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told and kept
            return type(error).__name__
        await self.letters.applied(letter)
        return None

    def _read(self, deliveries: Sequence[Delivery]) -> tuple[list[_Heard], list[DeadLetter]]:
        heard: list[_Heard] = []
        aside: list[DeadLetter] = []
        for delivery in deliveries:
            try:
                heard.append(_Heard(delivery=delivery, event=read(delivery.body)))
            except UnreadableError as error:
                aside.append(self._letter(delivery, error.code, attempts=1))
        return heard, aside

    async def _heed(self, heard: Sequence[_Heard]) -> list[DeadLetter]:
        """Heed all at once, or where that fails each alone; give those that cannot be."""
        if not heard:
            return []
        try:
            await self.projection.apply(self.generation, [one.event for one in heard])
        except PASSING:
            raise
        except Exception as error:  # noqa: BLE001 - poison: found out below, and counted
            log.warning(
                "batch refused", projection=self.projection.name, error=type(error).__name__
            )
            alone = [await self._alone(one) for one in heard]
            return [letter for letter in alone if letter is not None]
        return []

    async def _alone(self, one: _Heard) -> DeadLetter | None:
        code = ""
        for attempt in range(TRIES):
            try:
                await self.projection.apply(self.generation, [one.event])
            except PASSING:
                raise
            except Exception as error:  # noqa: BLE001 - as above
                code = type(error).__name__
                await asyncio.sleep(BETWEEN_TRIES_SECONDS * attempt)
            else:
                return None
        return self._letter(one.delivery, code, attempts=TRIES)

    async def _put_aside(self, aside: Sequence[DeadLetter]) -> None:
        await self.letters.put(aside)
        for letter in aside:
            PUT_ASIDE.labels(self.projection.name, letter.code).inc()
            log.error(
                "event put aside",
                projection=letter.projection,
                position=letter.position,
                subject=letter.subject,
                code=letter.code,
            )

    async def _overtake(self, heard: Sequence[_Heard], aside: set[int]) -> None:
        newest: dict[str, Newest] = {}
        for one in heard:
            if one.delivery.position not in aside:
                subject = one.event.subject
                before = newest.get(subject, Newest(0, 0))
                newest[subject] = before.with_another(one.delivery.position, one.event.sequence)
        if newest:
            await self.letters.overtake(self.projection.name, self.generation, newest)

    def _letter(self, delivery: Delivery, code: str, *, attempts: int) -> DeadLetter:
        return DeadLetter(
            projection=self.projection.name,
            generation=self.generation,
            position=delivery.position,
            topic=delivery.topic,
            subject=subject_of(delivery.topic),
            code=code,
            body=delivery.body,
            attempts=attempts,
        )
