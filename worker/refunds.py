"""The loop over what customers are owed: starts the stories after the sale that nobody has taken up.

The ledger's rows are the promise. Whoever wrote them may have died before it asked the engine, or the
engine was away; a story may have been terminated. Starting what runs already joins it.
"""

from __future__ import annotations

from datetime import timedelta

import structlog
from prometheus_client import Counter, Gauge
from temporalio.client import Client

from ledger.reading.refunds import OwedRefund, refunds_owed, returns_uninspected
from ledger.refunds import WHOLE
from ledger.watch import Watch
from worker.engine import Engine
from workflows.messages import RefundsStart, ReturnStart
from workflows.starting_refunds import cancellation_id, refunds_id, start_refunds, start_return

log = structlog.get_logger("worker.refunds")

STARTED = Counter(
    "onhand_refund_stories_started_total", "Stories after the sale started", ["story"]
)
FORGOTTEN = Gauge("onhand_refunds_forgotten", "Debts nobody has touched for longer than the grace")


class Refunds:
    """Finds debts and returns without a story, and starts it."""

    def __init__(
        self, watch: Watch, engine: Engine, *, grace: timedelta, task_queue: str, step_seconds: int
    ) -> None:
        self.watch = watch
        self.engine = engine
        self.grace = grace
        self.task_queue = task_queue
        self.step_seconds = step_seconds

    async def round(self) -> None:
        """Start what is owed or waits for inspection for longer than the grace."""
        owed = await refunds_owed(self.watch.engine, self.grace)
        FORGOTTEN.set(len(owed))
        client = await self.engine.client()
        for debt in owed:
            await self._pay(client, debt)
        for return_id, order_id in await returns_uninspected(self.watch.engine, self.grace):
            await self._follow(client, return_id, order_id)

    async def _pay(self, client: Client, debt: OwedRefund) -> None:
        if debt.return_id is not None:
            await self._follow(client, debt.return_id, debt.checkout_id)
            return
        whole = debt.refund_id == WHOLE
        name = cancellation_id(debt.checkout_id) if whole else refunds_id(debt.checkout_id)
        start = RefundsStart(checkout_id=debt.checkout_id, step_seconds=self.step_seconds)
        await start_refunds(client, name, start, self.task_queue)
        STARTED.labels("refunds").inc()

    async def _follow(self, client: Client, return_id: str, order_id: str) -> None:
        start = ReturnStart(return_id=return_id, order_id=order_id, step_seconds=self.step_seconds)
        await start_return(client, start, self.task_queue)
        STARTED.labels("return").inc()
