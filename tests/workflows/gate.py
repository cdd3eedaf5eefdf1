"""Holds a step of one checkout in flight: the real one runs, before or after somebody has waited."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from temporalio.exceptions import ApplicationError

from ledger.errors import Transient
from workflows.steps import Step


class Fault(StrEnum):
    """What an attempt may meet at a crash point."""

    NONE = "none"
    RAISE = "raises"
    OUTLIVE = "outlives its time"


@dataclass
class Hold:
    """One step held. It is `reached` once a worker has it in hand; `let_go` lets it run on."""

    reached: asyncio.Event = field(default_factory=asyncio.Event)
    let_go: asyncio.Event = field(default_factory=asyncio.Event)

    async def wait(self) -> None:
        """Say that the step is here, and stay until it may go on."""
        self.reached.set()
        await self.let_go.wait()


class Gate:
    """Stands at every crash point: lets all pass that nobody holds, and notes them."""

    def __init__(self) -> None:
        self.met: defaultdict[tuple[str, str], list[Callable[[], Awaitable[None]]]]
        self.met = defaultdict(list)
        """What the next ones to pass a place will meet there, one each."""
        self.steps: defaultdict[str, list[str]] = defaultdict(list)
        """Attempts so far, by checkout."""
        self.places: defaultdict[str, set[str]] = defaultdict(set)
        """The places that were passed, by checkout."""

    def hold(self, checkout_id: str, step: Step, *, done: bool = False) -> Hold:
        """Hold the next attempt of a step: before it begins or, with `done`, before it answers."""
        held = Hold()
        self.met[checkout_id, f"{step.value}.{'after' if done else 'before'}"].append(held.wait)
        return held

    def fail(self, checkout_id: str, step: Step, code: str = "away") -> None:
        """Let the next attempt of a step fail before it begins."""
        self.disturb(checkout_id, f"{step.value}.before", Fault.RAISE, code=code)

    def disturb(
        self,
        checkout_id: str,
        place: str,
        fault: Fault,
        *,
        seconds: float = 0,
        code: str = "away",
    ) -> None:
        """Let the next attempt that comes to a place meet a fault there."""

        async def raising() -> None:
            raise Transient(code)

        async def outliving() -> None:
            await asyncio.sleep(seconds)

        if fault is not Fault.NONE:
            met = raising if fault is Fault.RAISE else outliving
            self.met[checkout_id, place].append(met)

    def put_off(self, checkout_id: str, step: Step) -> None:
        """Let the next attempt of a step fail, to be tried again when nobody waits for it any more."""

        async def failing() -> None:
            delay = timedelta(hours=1)
            raise ApplicationError("away", type="away", next_retry_delay=delay)

        self.met[checkout_id, f"{step.value}.before"].append(failing)

    async def __call__(self, place: str, of: str) -> None:
        """Pass a place, unless it is held."""
        step, _, when = place.rpartition(".")
        self.places[of].add(place)
        if when == "before":
            self.steps[of].append(step)
        if waiting := self.met[of, place]:
            await waiting.pop(0)()


GATE = Gate()
"""A process has one."""
