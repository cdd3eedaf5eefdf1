"""Two processes that reserve at once, each with a queue, a pool and callers of its own."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from bench.driving import drive
from bench.figures import Load
from bench.ledger.contenders import grouped, until_answered
from bench.ledger.shop import Carts
from ledger.commands import Reserve

PROCESSES = 2
MEETING_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoProcesses:
    """As many callers as one process has, in each of two."""

    name: str
    title: str
    url: str
    carts: Carts
    callers: int

    async def prepare(self, count: int) -> None:
        """Open checkouts."""
        await self.carts.prepare(2 * count)

    async def run(self, seconds: float) -> Load:
        """Deal the checkouts out, and reserve in both at once."""
        dealt = list(self.carts)
        shares = [dealt[number::PROCESSES] for number in range(PROCESSES)]
        context = multiprocessing.get_context("spawn")
        loop = asyncio.get_running_loop()
        with context.Manager() as manager:
            meeting = manager.Barrier(PROCESSES)
            with ProcessPoolExecutor(PROCESSES, mp_context=context) as executor:
                runs = [
                    loop.run_in_executor(
                        executor, _reserve, self.url, share, self.callers, seconds, meeting
                    )
                    for share in shares
                ]
                loads = await asyncio.gather(*runs)
        return _together(loads)


def _reserve(
    url: str, share: Sequence[Reserve], callers: int, seconds: float, meeting: object
) -> Load:
    meeting.wait(MEETING_SECONDS)  # type: ignore[attr-defined]

    async def reserve() -> Load:
        async with grouped(url) as ledger:
            return await drive(
                until_answered(ledger), iter(share), callers=callers, seconds=seconds
            )

    return asyncio.run(reserve())


def _together(loads: Sequence[Load]) -> Load:
    return Load(
        done=sum(load.done for load in loads),
        seconds=max(load.seconds for load in loads),
        p50_ms=max(load.p50_ms for load in loads),
        p99_ms=max(load.p99_ms for load in loads),
    )
