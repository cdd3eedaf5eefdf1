"""Telling a checkout that its step has been failing for long, so that operators find it.

A timer beside each step would tell as well, and cost every undone checkout two events and a replay; the
attempts are made anyway, and know since when. Told once for each step and kind of failure: the update's
id says which, and the engine answers a repeat without writing it down.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from prometheus_client import Counter
from temporalio import activity
from temporalio.client import (
    Client,
    WorkflowUpdateRPCTimeoutOrCancelledError,
    WorkflowUpdateStage,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from workflows.messages import Trouble

log = structlog.get_logger("worker.attention")

TROUBLED = Counter(
    "onhand_steps_troubled_total",
    "Attempts that failed after the step had long failed",
    ["step", "code"],
)

RPC_TIMEOUT = timedelta(seconds=2)
"""Within an attempt's own time, which the step has used some of."""

EXPECTED = frozenset({"payment-under-way"})
"""Failures that are a wait: a bank debit takes days, and nobody can do anything about it."""


class Attention(Interceptor):
    """Watches every step's attempts."""

    def __init__(self, client: Client, after: timedelta) -> None:
        self.client = client
        self.after = after

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - the SDK's name
        """Stand around a step."""
        return _Watching(next, self)

    async def failed(self, code: str) -> None:
        """Note that an attempt failed; once it has gone on for long, tell the checkout."""
        attempt = activity.info()
        since = attempt.scheduled_time
        if code in EXPECTED or datetime.now(UTC) - since < self.after:
            return
        TROUBLED.labels(attempt.activity_type, code).inc()
        trouble = Trouble(step=attempt.activity_type, code=code, since=since)
        assert attempt.workflow_id is not None
        handle = self.client.get_workflow_handle(
            attempt.workflow_id, run_id=attempt.workflow_run_id
        )
        try:
            await handle.start_update(
                "trouble",
                trouble,
                id=f"trouble/{attempt.activity_id}/{code}",
                wait_for_stage=WorkflowUpdateStage.ACCEPTED,
                rpc_timeout=RPC_TIMEOUT,
            )
        except (RPCError, WorkflowUpdateRPCTimeoutOrCancelledError) as error:
            # The next attempt tells it again.
            log.warning(
                "trouble not told", workflow=attempt.workflow_id, error=type(error).__name__
            )


class _Watching(ActivityInboundInterceptor):
    def __init__(self, next_: ActivityInboundInterceptor, attention: Attention) -> None:
        super().__init__(next_)
        self.attention = attention

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 - the SDK's name
        try:
            return await super().execute_activity(input)
        except ApplicationError as error:
            await self.attention.failed(error.type or "broken")
            raise
