"""How a loop of the worker runs: again and again, whatever one round meets, until it is told to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Protocol

import structlog
from prometheus_client import Counter

log = structlog.get_logger("worker")

HEEDED_WITHIN_SECONDS = 0.5
"""How long one that was cancelled may take to end before it is cancelled again."""

ROUNDS = Counter("onhand_loop_rounds_total", "Rounds a loop has run", ["loop"])
FAILURES = Counter("onhand_loop_failures_total", "Rounds of a loop that failed", ["loop", "error"])


class Alarm(Protocol):
    """Something that can end a loop's pause early."""

    async def wait(self, seconds: float) -> None:
        """Wait that long at most."""


class Pause:
    """A pause that only time ends."""

    async def wait(self, seconds: float) -> None:
        """Wait that long."""
        await asyncio.sleep(seconds)


async def ended(loops: Collection[asyncio.Task[None]]) -> None:
    """Cancel loops until all of them have ended.

    Once is not enough: cancelled at the moment at which a wait of its own is over, a driver may take the one for
    the other, and its loop goes on.
    """
    left = set(loops)
    while left:
        for loop in left:
            loop.cancel()
        _, left = await asyncio.wait(left, timeout=HEEDED_WITHIN_SECONDS)


async def run_loop(
    name: str, round_: Callable[[], Awaitable[None]], seconds: float, alarm: Alarm | None = None
) -> None:
    """Run rounds for ever. Ends only by being cancelled.

    A round that fails is counted and logged by the name of its error, and the next one comes as if
    nothing had happened: these loops are the net under everything else.
    """
    pause = alarm or Pause()
    while True:
        try:
            await round_()
            ROUNDS.labels(name).inc()
        except Exception as error:  # noqa: BLE001 - outlives any failure, with a metric
            FAILURES.labels(name, type(error).__name__).inc()
            log.warning("loop round failed", loop=name, error=type(error).__name__)
            await asyncio.sleep(min(seconds, 1.0))
            continue
        await pause.wait(seconds)
