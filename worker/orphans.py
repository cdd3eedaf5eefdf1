"""The orphan check, so far its first half: starts checkouts whose row nobody has taken up.

The row is the promise to start; the API that wrote it may have died before it asked the engine, or
the engine was away. Starting what runs already joins it.
"""

from __future__ import annotations

from datetime import timedelta

import structlog
from prometheus_client import Counter
from temporalio.exceptions import WorkflowAlreadyStartedError

from ledger.watch import Unstarted, Watch
from worker.engine import Engine
from workflows.checkout import CheckoutWorkflow
from workflows.messages import CartLine, CheckoutStart
from workflows.starting import start_arguments

log = structlog.get_logger("worker.orphans")

STARTED = Counter(
    "onhand_orphans_started_total", "Undecided rows whose workflow was asked to start", ["outcome"]
)


class Orphans:
    """Finds rows without a workflow and starts it."""

    def __init__(
        self,
        watch: Watch,
        engine: Engine,
        *,
        grace: timedelta,
        task_queue: str,
        payment_attempts: int,
        step_seconds: int,
    ) -> None:
        self.watch = watch
        self.engine = engine
        self.grace = grace
        self.task_queue = task_queue
        self.payment_attempts = payment_attempts
        self.step_seconds = step_seconds

    async def round(self) -> None:
        """Start every undecided checkout older than the grace."""
        for row in await self.watch.unstarted(self.grace):
            await self._start(row)

    async def _start(self, row: Unstarted) -> None:
        client = await self.engine.client()
        start = CheckoutStart(
            checkout_id=row.checkout_id,
            lines=tuple(CartLine(sku=sku, quantity=quantity) for sku, quantity in row.lines),
            total_minor=row.total_minor,
            currency=row.currency,
            ttl_seconds=row.ttl_seconds,
            payment_attempts=self.payment_attempts,
            step_seconds=self.step_seconds,
        )
        try:
            await client.start_workflow(
                CheckoutWorkflow.run, start, **start_arguments(start, self.task_queue)
            )
        except WorkflowAlreadyStartedError:
            STARTED.labels("closed").inc()
            log.warning("undecided checkout has a closed workflow", checkout_id=row.checkout_id)
        else:
            STARTED.labels("asked").inc()
