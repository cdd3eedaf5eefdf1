"""Holds a step of one checkout in flight: the real one runs, before or after somebody has waited."""

from __future__ import annotations

import asyncio
import re
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from temporalio.exceptions import ApplicationError

from ledger.errors import Transient
from payments.errors import PaymentUnknown
from workflows.steps import Step

_CHECKOUT = re.compile(r"co_[a-z2-7]{26}")
_STEPS = frozenset(Step) | {"pay_refund", "find_debts"}


class Fault(StrEnum):
    """What an attempt may meet at a crash point."""

    NONE = "none"
    RAISE = "raises"
    UNANSWERED = "is not answered"
    """Of the provider: it acted, and its reply is lost."""
    OUTLIVE = "outlives its time"
    DEATH = "dies"
    """Of the process; a gate in the same one cannot bring it about."""


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
        self.places: defaultdict[str, Counter[str]] = defaultdict(Counter)
        """The places that were passed and how often, by checkout."""
        self.aliases: dict[str, str] = {}
        """Checkouts by other ids of what is done for them."""

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
        later: int = 0,
    ) -> None:
        """Let the next attempt that comes to a place, or one so many later, meet a fault there."""

        async def nothing() -> None:
            return

        async def raising() -> None:
            raise Transient(code)

        async def unanswered() -> None:
            raise PaymentUnknown("timeout")

        async def outliving() -> None:
            await asyncio.sleep(seconds)

        faults = {
            Fault.RAISE: raising,
            Fault.UNANSWERED: unanswered,
            Fault.OUTLIVE: outliving,
        }
        if fault is not Fault.NONE:
            met = faults[fault]
            self.met[checkout_id, place] += [*[nothing] * later, met]

    def put_off(self, checkout_id: str, step: Step) -> None:
        """Let the next attempt of a step fail, to be tried again when nobody waits for it any more."""

        async def failing() -> None:
            delay = timedelta(hours=1)
            raise ApplicationError("away", type="away", next_retry_delay=delay)

        self.met[checkout_id, f"{step.value}.before"].append(failing)

    async def __call__(self, place: str, of: str) -> None:
        """Pass a place, unless it is held."""
        of = self._whose(of)
        step, _, when = place.rpartition(".")
        self.places[of][place] += 1
        if when == "before" and step in _STEPS:
            self.steps[of].append(step)
        if waiting := self.met[of, place]:
            await waiting.pop(0)()

    def also(self, name: str, checkout_id: str) -> None:
        """Let what is done under another id count as a checkout's."""
        self.aliases[name] = checkout_id

    def _whose(self, of: str) -> str:
        found = _CHECKOUT.search(of)
        return found.group() if found else self.aliases.get(of, of)


GATE = Gate()
"""A process has one."""
