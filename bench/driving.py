"""Load in a closed loop, and rounds in which contenders take turns."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from time import perf_counter
from typing import Protocol, TypeVar

from bench.figures import Contest, Load

WARM_UP_SHARE = 0.2
"""Of a round's length: enough for connections, statements and caches, and to guess the rate."""

Asked = TypeVar("Asked")


class Contender(Protocol):
    """One of those that are compared."""

    @property
    def name(self) -> str:
        """Its key in the figures."""

    @property
    def title(self) -> str:
        """What a reader sees."""

    async def prepare(self, count: int) -> None:
        """Get at least so many operations ready, outside the measured time."""

    async def run(self, seconds: float) -> Load:
        """Do what is ready for so long."""


async def drive(
    post: Callable[[Asked], Awaitable[object]],
    asked: Iterator[Asked],
    *,
    callers: int,
    seconds: float,
) -> Load:
    """Let callers post one after the other until the time is over or nothing is left.

    Raises what `post` raises: a benchmark that is refused measures nothing.
    """
    latencies: list[float] = []
    began = perf_counter()
    deadline = began + seconds

    async def call() -> None:
        for one in asked:
            asked_at = perf_counter()
            await post(one)
            answered_at = perf_counter()
            latencies.append(answered_at - asked_at)
            if answered_at >= deadline:
                return

    async with asyncio.TaskGroup() as group:
        for _ in range(callers):
            group.create_task(call())
    return Load.of(latencies, perf_counter() - began)


async def interleaved(
    contenders: Sequence[Contender],
    *,
    rounds: int,
    seconds: float,
    least_ready: int,
    told: Callable[[str], None],
) -> dict[str, Contest]:
    """Let each run in every round, begun by another one each time, so that no one has the quiet hours."""
    loads: dict[str, list[Load]] = {contender.name: [] for contender in contenders}
    expected = dict.fromkeys(loads, 0.0)
    for contender in contenders:
        told(f"warming up: {contender.title}")
        await contender.prepare(least_ready)
        load = await contender.run(seconds * WARM_UP_SHARE)
        expected[contender.name] = load.rate
    for number in range(rounds):
        for contender in _begun_by(number, contenders):
            told(f"round {number + 1} of {rounds}: {contender.title}")
            ready = int(_margin(loads[contender.name]) * expected[contender.name] * seconds)
            await contender.prepare(max(least_ready, ready))
            load = await contender.run(seconds)
            loads[contender.name].append(load)
            expected[contender.name] = max(expected[contender.name], load.rate)
    return {
        one.name: Contest(name=one.name, title=one.title, loads=tuple(loads[one.name]))
        for one in contenders
    }


def _margin(loads: Iterable[Load]) -> float:
    """Expect more of a first round than the short warm-up showed."""
    return 1.2 if list(loads) else 1.6


def _begun_by(number: int, contenders: Sequence[Contender]) -> list[Contender]:
    first = number % len(contenders)
    return [*contenders[first:], *contenders[:first]]
