"""Holds a step of one checkout in flight: the real one runs, before or after somebody has waited."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
)

from activities.messages import StepInput
from workflows.story import Step


@dataclass
class Hold:
    """One step held. It is `reached` once a worker has it in hand; `let_go` lets it run on."""

    reached: asyncio.Event = field(default_factory=asyncio.Event)
    let_go: asyncio.Event = field(default_factory=asyncio.Event)

    async def wait(self) -> None:
        """Say that the step is here, and stay until it may go on."""
        self.reached.set()
        await self.let_go.wait()


class Gate(Interceptor):
    """Lets every step pass that nobody holds, and notes it."""

    def __init__(self) -> None:
        self.before: dict[tuple[str, str], Hold] = {}
        self.after: dict[tuple[str, str], Hold] = {}
        self.steps: defaultdict[str, list[str]] = defaultdict(list)
        """Attempts so far, by checkout."""

    def hold(self, checkout_id: str, step: Step, *, done: bool = False) -> Hold:
        """Hold the next attempt of a step: before it begins or, with `done`, before it answers."""
        held = Hold()
        (self.after if done else self.before)[checkout_id, step.value] = held
        return held

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002
        """Stand in the way."""
        return _Gatekeeper(next, self)


class _Gatekeeper(ActivityInboundInterceptor):
    def __init__(self, next_: ActivityInboundInterceptor, gate: Gate) -> None:
        super().__init__(next_)
        self.gate = gate

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        (step,) = input.args
        assert isinstance(step, StepInput)
        place = (step.checkout_id, input.fn.__name__)
        self.gate.steps[step.checkout_id].append(input.fn.__name__)
        if held := self.gate.before.pop(place, None):
            await held.wait()
        answer = await super().execute_activity(input)
        if held := self.gate.after.pop(place, None):
            await held.wait()
        return answer
