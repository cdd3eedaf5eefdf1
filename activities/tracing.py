"""The trace of a request, from its header to the workflow that it starts, that one's steps, and their events.

Spans are made where a process has a telemetry SDK; without one, what came in goes through as it is. Baggage
is left behind: it is the caller's to fill, and a history keeps no customer.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from opentelemetry import context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from temporalio.contrib.opentelemetry import TracingInterceptor
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from ledger.traces import TRACEPARENT

HEADER = "traceparent"
_PROPAGATOR = TraceContextTextMapPropagator()


@contextmanager
def following(traceparent: str) -> Iterator[None]:
    """Do what a block does for the trace that a caller told; one that is not well-formed is no trace."""
    token = context.attach(_PROPAGATOR.extract({HEADER: traceparent}))
    try:
        with _told_to_the_ledger():
            yield
    finally:
        context.detach(token)


class Tracing(TracingInterceptor):
    """Takes the trace along. It belongs on clients alone: a worker has those of its client."""

    def __init__(self) -> None:
        super().__init__()
        # Its own would send baggage along.
        self.text_map_propagator = _PROPAGATOR

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - the SDK's name
        """Stand around a step, within its span."""
        return super().intercept_activity(_Telling(next))


class _Telling(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 - the SDK's name
        with _told_to_the_ledger():
            return await super().execute_activity(input)


@contextmanager
def _told_to_the_ledger() -> Iterator[None]:
    carried: dict[str, str] = {}
    _PROPAGATOR.inject(carried)
    token = TRACEPARENT.set(carried.get(HEADER))
    try:
        yield
    finally:
        TRACEPARENT.reset(token)
