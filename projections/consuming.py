"""How a noticeboard follows the bus: a batch is read, heeded, and only then done. What cannot be is put aside.

An event that is delivered twice, late or out of order is the noticeboard's to know; one that can never be
heeded is found out alone, so that it takes nothing else with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import structlog
from prometheus_client import Counter

from events.following import Delivery, Following
from events.reading import Event, UnreadableError, read
from ledger.crash_points import Around
from projections.dead_letters import DeadLetter, DeadLetters, Newest, reason_of, subject_of
from projections.projection import AMISS, PASSING, Projection

log = structlog.get_logger("projections")

HEEDED = Counter("onhand_projection_events_total", "Events heeded, however often", ["projection"])

HEED = Around("projections.heed")

BATCH = 500
WAIT_SECONDS = 1.0
TRIES = 3
"""Of an event alone, before it is put aside."""
BETWEEN_TRIES_SECONDS = 0.05
REMEMBERED = 4_000
"""Events as they were read: the noticeboards of a process are brought the same ones, a batch or two apart."""

_read = lru_cache(REMEMBERED)(read)


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
        self._suspects: set[str] = set()
        """Subjects of which an event could not be heeded: the next of them are kept from all others."""

    async def round(self, wait_seconds: float = WAIT_SECONDS) -> int:
        """Wait for events, heed them, and tell how many came.

        Raises BusAway and PlaceLostError, and what a database raises that is away or refuses whatever is
        written: all of them come again.
        """
        deliveries = await self.following.take(
            most=BATCH, seconds=wait_seconds, linger_seconds=self.projection.linger_seconds
        )
        if not deliveries:
            return 0
        try:
            aside = await self._heed_all(deliveries)
        except BaseException:
            await self.following.give_back(deliveries)
            raise
        await self.following.done(deliveries)
        HEEDED.labels(self.projection.name).inc(len(deliveries) - aside)
        return len(deliveries)

    async def _heed_all(self, deliveries: Sequence[Delivery]) -> int:
        """Heed what can be, put the rest aside, and tell how many that was."""
        heard, aside = self._read(deliveries)
        async with HEED(self.projection.name):
            aside += await self._heed(heard)
            if aside:
                await self.letters.put(aside)
            await self._overtake(heard, {letter.position for letter in aside})
        return len(aside)

    async def again(self, letter: DeadLetter) -> str | None:
        """Try one that was put aside. Give why it still cannot be heeded; None where it was.

        Raises what has nothing to do with the letter.
        """
        try:
            if letter.is_of_a_filling:
                await self.projection.mend(self.generation, letter.sku, letter.location)
            else:
                await self.projection.apply(self.generation, [read(letter.body)])
        except (*PASSING, *AMISS):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told and kept
            return reason_of(error)
        await self.letters.applied(letter)
        return None

    def _read(self, deliveries: Sequence[Delivery]) -> tuple[list[_Heard], list[DeadLetter]]:
        heard: list[_Heard] = []
        aside: list[DeadLetter] = []
        for delivery in deliveries:
            try:
                heard.append(_Heard(delivery=delivery, event=_read(delivery.body)))
            except UnreadableError as error:
                aside.append(self._letter(delivery, error.code, attempts=1))
        return heard, aside

    async def _heed(self, heard: Sequence[_Heard]) -> list[DeadLetter]:
        """Heed all at once, but for subjects that failed before; give those that cannot be."""
        trusted = [one for one in heard if one.event.subject not in self._suspects]
        suspected = [one for one in heard if one.event.subject in self._suspects]
        return await self._by_halves(trusted) + await self._by_halves(suspected)

    async def _by_halves(self, heard: Sequence[_Heard]) -> list[DeadLetter]:
        """Heed all at once, or where that fails one half and then the other, subjects beside each other.

        So few others are asked for twice: of five hundred events, a poison among them costs a dozen more batches.
        """
        if len(heard) <= 1:
            found = [await self._alone(one) for one in heard]
            return [letter for letter in found if letter is not None]
        try:
            await self.projection.apply(self.generation, [one.event for one in heard])
        except (*PASSING, *AMISS):
            raise
        except Exception as error:  # noqa: BLE001 - poison: found out below, and counted
            log.warning("batch refused", projection=self.projection.name, error=reason_of(error))
            ordered = sorted(heard, key=lambda one: one.event.subject)
            half = len(ordered) // 2
            return await self._by_halves(ordered[:half]) + await self._by_halves(ordered[half:])
        self._suspects.difference_update(one.event.subject for one in heard)
        return []

    async def _alone(self, one: _Heard) -> DeadLetter | None:
        subject = one.event.subject
        # What follows a poison mostly cannot be heeded without it: that is not waited for again.
        tries = 1 if subject in self._suspects else TRIES
        code = ""
        for attempt in range(tries):
            try:
                await self.projection.apply(self.generation, [one.event])
            except (*PASSING, *AMISS):
                raise
            except Exception as error:  # noqa: BLE001 - as above
                code = reason_of(error)
                await asyncio.sleep(BETWEEN_TRIES_SECONDS * attempt)
            else:
                self._suspects.discard(subject)
                return None
        self._suspects.add(subject)
        return self._letter(one.delivery, code, attempts=tries)

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
