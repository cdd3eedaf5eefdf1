"""The relay: carries events from the outbox to the bus, each at least once.

In order within a subject, unless the bus misses one of a batch and stores what follows it: that one comes late.

Several relays share the work by shards. One that dies between publishing and marking leaves events that
are published again: consumers know them by their sequence.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter as Counts
from collections.abc import Sequence
from datetime import UTC, datetime

import structlog
from prometheus_client import Counter, Gauge, Histogram

from events.bus import Bus, BusAway
from events.envelope import message
from ledger.crash_points import Around
from ledger.outbox import SHARDS
from ledger.outgoing import Outbox, Written

log = structlog.get_logger("events")

PUBLISHED = Counter("onhand_relay_published_total", "Events that the bus has stored", ["type"])
AWAY = Counter("onhand_relay_bus_away_total", "Rounds in which the bus could not be had", ["code"])
LAG = Histogram(
    "onhand_relay_lag_seconds",
    "From the change to its event on the bus",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
)
WAITING = Gauge("onhand_outbox_waiting", "Events not yet on the bus, counted up to 100,000")
OLDEST = Gauge("onhand_outbox_oldest_seconds", "For how long the oldest of them has waited")

PUBLISH = Around("relay.publish")

MOST_AT_ONCE = 1_600
SHARDS_AT_ONCE = 16
"""Where much waits, or the bus was away: whoever else carries finds others free. Else one carries all of the little."""
FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 15.0


class Relay:
    """Carries what waits. Any number of them may run, in as many processes."""

    def __init__(self, outbox: Outbox, bus: Bus) -> None:
        self.outbox = outbox
        self.bus = bus
        self._first = random.randrange(SHARDS)  # noqa: S311 - so that two begin at different ends
        self._misses = 0
        self._much_waits = False

    async def round(self) -> None:
        """Carry until nothing waits that is not somebody else's. With the bus away, pause ever longer."""
        try:
            while await self.carry():
                self._misses = 0
            self._misses = 0
        except BusAway as error:
            AWAY.labels(error.code).inc()
            log.warning("bus away", code=error.code)
            await asyncio.sleep(self._pause())

    async def look(self) -> None:
        """Measure the backlog."""
        backlog = await self.outbox.backlog()
        WAITING.set(backlog.waiting)
        OLDEST.set(backlog.age.total_seconds())

    async def carry(self) -> int:
        """Carry some, and tell how many: none where nothing waits. Raises BusAway where nothing was stored."""
        most = SHARDS_AT_ONCE if self._much_waits or self._misses else SHARDS
        async with self.outbox.claimed(first=self._first, most=most) as claim:
            if not claim.shards:
                return 0
            rows = await claim.waiting(MOST_AT_ONCE // len(claim.shards))
            self._much_waits = len(rows) >= MOST_AT_ONCE // 2
            if not rows:
                return 0
            self._first = (claim.shards[-1] + 1) % SHARDS
            async with PUBLISH(rows[0].subject):
                stored = await self.bus.publish([message(row) for row in rows])
            out = in_order(rows, stored)
            await claim.published(out)
        if not out:
            raise BusAway("nothing-stored")
        _count(out)
        return len(out)

    def _pause(self) -> float:
        longest = min(FIRST_PAUSE_SECONDS * 2 ** min(self._misses, 10), LONGEST_PAUSE_SECONDS)
        self._misses += 1
        return random.uniform(longest / 2, longest)  # noqa: S311 - so that relays do not come back as one


def in_order(rows: Sequence[Written], stored: Sequence[bool]) -> list[Written]:
    """Keep what is stored, of each subject up to the first that is not: from there it is sent again."""
    out: list[Written] = []
    broken: set[str] = set()
    for row, is_stored in zip(rows, stored, strict=True):
        if not is_stored:
            broken.add(row.subject)
        if row.subject not in broken:
            out.append(row)
    return out


def _count(out: Sequence[Written]) -> None:
    now = datetime.now(UTC)
    for kind, count in Counts(row.type for row in out).items():
        PUBLISHED.labels(kind).inc(count)
    for row in out:
        LAG.observe(max(0.0, (now - row.recorded_at).total_seconds()))
