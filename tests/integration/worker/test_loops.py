"""A loop outlives what its rounds meet."""

from __future__ import annotations

import asyncio

import pytest
from prometheus_client import REGISTRY

from ledger.errors import Transient
from worker.loops import ended, run_loop
from worker.projections import AtOnce

SOON = 10.0


class Round:
    """A round that fails the first times, and tells when it has gone well."""

    def __init__(self, failures: int) -> None:
        self.left = failures
        self.went_well = asyncio.Event()

    async def __call__(self) -> None:
        """Run one."""
        if self.left:
            self.left -= 1
            raise Transient("database-unavailable")
        self.went_well.set()


def failures(loop: str) -> float:
    labels = {"loop": loop, "error": "Transient"}
    return REGISTRY.get_sample_value("onhand_loop_failures_total", labels) or 0


async def test_a_round_that_fails_does_not_end_the_loop() -> None:
    """It is counted by the name of its error, and the next one comes."""
    failing = Round(3)
    loop = asyncio.create_task(run_loop("three-times", failing, 0.01))

    await asyncio.wait_for(failing.went_well.wait(), SOON)

    assert not loop.done()
    assert failures("three-times") == 3
    loop.cancel()
    with pytest.raises(asyncio.CancelledError):
        await loop


class Bell:
    """An alarm that the test rings."""

    def __init__(self) -> None:
        self.rung = asyncio.Event()

    async def wait(self, seconds: float) -> None:
        """Wait for the ring."""
        await asyncio.wait_for(self.rung.wait(), seconds)
        self.rung.clear()


async def test_an_alarm_ends_the_pause_between_two_rounds() -> None:
    """An hour's interval, and the next round comes at once."""
    bell, steady = Bell(), Round(0)
    loop = asyncio.create_task(run_loop("bell", steady, 3_600, bell))
    await asyncio.wait_for(steady.went_well.wait(), SOON)
    steady.went_well.clear()

    bell.rung.set()

    await asyncio.wait_for(steady.went_well.wait(), SOON)
    loop.cancel()
    with pytest.raises(asyncio.CancelledError):
        await loop


async def test_a_loop_that_took_a_cancellation_for_something_else_ends_all_the_same() -> None:
    """A driver may take it for a time-out of its own; the loop would go on for ever."""
    taken = 0

    async def round_() -> None:
        nonlocal taken
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            taken += 1
            if taken > 1:
                raise

    loop = asyncio.create_task(run_loop("deaf", round_, 60, AtOnce()))
    await asyncio.sleep(0)

    await ended([loop])

    assert (loop.cancelled(), taken) == (True, 2)
