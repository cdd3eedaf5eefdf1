"""Keeping listeners told: what changed is read again, and when it is too old to be relied on they hear that too.

Two things are known of the present: what was read of each sku that somebody follows, and `freshness`, up to
when all of that is complete. Changes are heard before they are read; so what was heard to be fresh is only
believed of what is shown once every change heard before it has been read. If reading fails, the age grows.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice

from prometheus_client import Counter, Gauge

from api.availability.answers import AvailabilityAnswer, answer_of, is_late, unread
from api.availability.freshness import Freshness
from api.availability.listeners import Audience, Listener
from api.availability.shared_reads import SKUS_AT_ONCE
from api.availability.views import View

AGAIN_SECONDS = 0.5
"""How soon a read that failed is tried again."""

LISTENERS = Gauge("onhand_availability_listeners", "Listeners of availability that are connected")
FAILURES = Counter(
    "onhand_availability_feed_failures_total", "What the feed stumbled over", ["at", "error"]
)

Ask = Callable[[Sequence[str]], Awaitable[View]]


class Following:
    """The listeners of one process, and what they are shown. `budget_ms` is the age that may be relied on."""

    def __init__(self, ask: Ask, budget_ms: int) -> None:
        self.budget_ms = budget_ms
        self.audience = Audience()
        self._ask = ask
        self._heard: Freshness | None = None
        self._freshness: Freshness | None = None
        self._late = True
        self._timer: asyncio.TimerHandle | None = None
        self._changed: set[str] = set()
        self._woken = asyncio.Event()
        self._reading = False
        self._renewals = 0
        self._believed = False

    @contextmanager
    def listening(self, skus: Iterable[str]) -> Iterator[Listener]:
        """Let one listen for the time of a block. The first it hears is how its skus stand."""
        listener = Listener(skus)
        self._read_again(self.audience.add(listener))
        LISTENERS.set(len(self.audience))
        try:
            yield listener
        finally:
            self.audience.remove(listener)
            LISTENERS.set(len(self.audience))

    def answer(self, sku: str) -> AvailabilityAnswer | None:
        """Say how a sku that is followed stands; None where it is not known."""
        followed = self.audience.of(sku)
        if followed is None or followed.entry is None:
            return None
        return answer_of(followed.entry, self._freshness, time.monotonic(), self.budget_ms)

    def hear_fresh(self, freshness: Freshness) -> None:
        """Hear that all changes before that moment have been heard of."""
        self._heard = freshness
        self._believe_what_was_heard()

    def hear_changed(self, skus: Iterable[str]) -> None:
        """Have these read again, if anybody follows them."""
        self._read_again(sku for sku in skus if sku in self.audience)

    def hear_anew(self) -> None:
        """Have everything read again; nothing that was heard counts any more."""
        self._renewals += 1
        self._heard = None
        self._believed = False
        self.audience.renew()
        self._read_again(self.audience)

    def learn(self, skus: Iterable[str], view: View) -> None:
        """Take in what somebody has read, and tell whoever follows it."""
        for sku in skus:
            followed = self.audience.of(sku)
            if followed is None:
                continue
            entry = view.entries.get(sku)
            if entry is None and not view.live:
                # Nobody can say that it is unknown.
                entry = followed.entry or unread(sku)
            if followed.learn(entry):
                self.audience.tell(sku)

    async def run(self) -> None:
        """Read what changed, for ever. Ends only by being cancelled."""
        try:
            while True:
                await self._woken.wait()
                self._woken.clear()
                await self._catch_up()
        finally:
            if self._timer is not None:
                self._timer.cancel()

    async def _catch_up(self) -> None:
        taken, self._changed = self._changed, set()
        heard, renewals = self._heard, self._renewals
        self._reading = True
        try:
            read = await self._read(taken)
        except Exception as error:  # noqa: BLE001 - outlives any failure, with a metric
            FAILURES.labels("reading", type(error).__name__).inc()
            self._read_again(taken)
            await asyncio.sleep(AGAIN_SECONDS)
            return
        finally:
            self._reading = False
        if renewals == self._renewals:
            # Whatever had changed by the time that `heard` was heard has been read. Before the first of that kind
            # a read speaks for itself, and only the first: of the second the news may still be on its way.
            if heard is not None or not self._believed:
                self._believe(heard or read)
            self._believe_what_was_heard()

    async def _read(self, skus: set[str]) -> Freshness | None:
        """Read what is still followed of these; give how fresh the oldest of it is."""
        wanted = iter(sku for sku in list(skus) if sku in self.audience)
        first: View | None = None
        while part := list(islice(wanted, SKUS_AT_ONCE)):
            view = await self._ask(part)
            first = first or view
        return first.freshness if first is not None else self._freshness

    def _read_again(self, skus: Iterable[str]) -> None:
        self._changed.update(skus)
        if self._changed:
            self._woken.set()

    def _believe_what_was_heard(self) -> None:
        if self._heard is not None and not self._changed and not self._reading:
            self._believe(self._heard)

    def _believe(self, freshness: Freshness | None) -> None:
        self._freshness = freshness
        self._believed = True
        self._look_at_the_clock()

    def _look_at_the_clock(self) -> None:
        """Tell everybody when what is shown has become too old to be relied on, and when it is so no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now = time.monotonic()
        late = is_late(self._freshness, now, self.budget_ms)
        if late != self._late:
            self._late = late
            self.audience.tell_all()
        if self._freshness is not None and not late:
            left = (self.budget_ms - self._freshness.age_ms(now)) / 1_000
            self._timer = asyncio.get_running_loop().call_later(
                max(left, 0) + 0.001, self._look_at_the_clock
            )
