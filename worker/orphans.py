"""The orphan check: compares rows that promise a workflow with the workflows that run, both ways.

A row without a workflow gets one; a workflow whose row is at rest is told to end. What runs is asked for
by name, one by one: lists of running workflows lag behind, and serve only to find whom to ask for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from time import monotonic
from typing import Any

import structlog
from prometheus_client import Counter, Gauge
from temporalio.client import (
    Client,
    WorkflowHandle,
    WorkflowUpdateStage,
)

from ledger.crash_points import Around
from ledger.promises import PAGE, Promises
from worker.engine import Engine
from worker.promised import Promise, PromisingRow
from worker.starting import RPC_TIMEOUT, any_runs
from workflows.checkout import CheckoutWorkflow
from workflows.messages import CancelRequest

log = structlog.get_logger("worker.orphans")

FOUND = Counter("onhand_orphans_found_total", "Rows found without their workflow", ["promise"])
REPAIRED = Counter(
    "onhand_orphans_repaired_total", "Workflows started for such rows", ["promise", "workflow"]
)
FAILED = Counter(
    "onhand_orphans_failed_total", "Rows that could not be looked at", ["promise", "error"]
)
OLDEST = Gauge(
    "onhand_orphans_oldest_seconds", "Age of the oldest found in the last round", ["promise"]
)
FORGOTTEN = Gauge(
    "onhand_orphans_forgotten",
    "Rows without their workflow in the last round: those found, and those that could not be looked at",
    ["promise"],
)
OVERSTAYING = Counter(
    "onhand_overstaying_workflows_total",
    "Workflows found running though their row is at rest, or gone",
    ["outcome"],
)

REPAIR = Around("orphans.repair")

AT_ONCE = 16
"""How many workflows are asked for beside each other."""

RUNNING = "ExecutionStatus = 'Running' AND WorkflowType IN ('checkout', 'recover')"
END_UPDATE_ID = "end-at-rest"


class Orphans:
    """Finds rows without a workflow, and workflows without a cause. Two of them at once do no harm.

    A row whose workflow was seen running is not asked about again for `recheck`, and so long may a
    loss go unseen.
    """

    def __init__(
        self,
        engine: Engine,
        promises: Promises,
        kinds: Sequence[Promise],
        *,
        task_queue: str,
        grace: timedelta,
        recheck: timedelta,
    ) -> None:
        self.engine = engine
        self.promises = promises
        self.kinds = kinds
        self.task_queue = task_queue
        self.grace = grace
        self.recheck = recheck.total_seconds()
        self._kept: dict[tuple[str, str], float] = {}
        self._looked_back = float("-inf")
        self._room = asyncio.Semaphore(AT_ONCE)

    async def round(self) -> None:
        """Look both ways once."""
        self._forget()
        for promise in self.kinds:
            await self._keep(promise)
        if self.engine.connected and monotonic() >= self._looked_back + self.recheck:
            self._looked_back = monotonic()
            await self._look_back(await self.engine.client())

    async def _keep(self, promise: Promise) -> None:
        lost: list[float] = []
        after = ""
        while page := await promise.rows(self.grace, after=after):
            after = page[-1].id
            due = [row for row in page if (promise.name, row.id) not in self._kept]
            if due:
                client = await self.engine.client()
                ages = await asyncio.gather(*(self._look(client, promise, row) for row in due))
                lost += [age for age in ages if age is not None]
        FORGOTTEN.labels(promise.name).set(len(lost))
        OLDEST.labels(promise.name).set(max(lost, default=0.0))

    async def _look(self, client: Client, promise: Promise, row: PromisingRow) -> float | None:
        """See that a row has its workflow; give its age in seconds unless it had one."""
        async with self._room:
            try:
                found = await self._mend(client, promise, row)
            except Exception as error:  # noqa: BLE001 - one row must not hide the others, with a metric
                FAILED.labels(promise.name, type(error).__name__).inc()
                log.warning(
                    "orphan not repaired",
                    kind=promise.name,
                    document_id=row.id,
                    error=type(error).__name__,
                )
                return row.age.total_seconds()
        return row.age.total_seconds() if found else None

    async def _mend(self, client: Client, promise: Promise, row: PromisingRow) -> bool:
        if await any_runs(client, promise.keepers(row)):
            self._kept[promise.name, row.id] = monotonic() + self.recheck
            return False
        # It may have come to its end between the two looks.
        still = await promise.rows(self.grace, only=row.id)
        if not still:
            return False
        FOUND.labels(promise.name).inc()
        async with REPAIR(row.id):
            started = await promise.start(client, still[0])
        REPAIRED.labels(promise.name, started).inc()
        log.warning("orphan found", kind=promise.name, document_id=row.id, outcome=started)
        return True

    async def _look_back(self, client: Client) -> None:
        """Ask about every workflow that is said to run; rows decide, and the workflow itself."""
        query = f"{RUNNING} AND TaskQueue = '{self.task_queue}'"
        listed = client.list_workflows(query, rpc_timeout=RPC_TIMEOUT)
        names = [workflow.id async for workflow in listed]
        for first in range(0, len(names), PAGE):
            some = [name.partition("/") for name in names[first : first + PAGE]]
            resting = await self.promises.at_rest([of for _, _, of in some], self.grace)
            ended = [
                self._end(client, f"{kind}/{of}", known=resting[of])
                for kind, _, of in some
                if of in resting
            ]
            await asyncio.gather(*ended)

    async def _end(self, client: Client, workflow_id: str, *, known: bool) -> None:
        async with self._room:
            try:
                if await any_runs(client, (workflow_id,)):
                    OVERSTAYING.labels(await self._ended(client, workflow_id, known=known)).inc()
            except Exception as error:  # noqa: BLE001 - one workflow must not hide the others, with a metric
                OVERSTAYING.labels("failed").inc()
                log.warning("not ended", workflow_id=workflow_id, error=type(error).__name__)

    async def _ended(self, client: Client, workflow_id: str, *, known: bool) -> str:
        if not known:
            # A row is never deleted: this is another ledger's, or ours has lost what it had.
            log.error("workflow without a row", workflow_id=workflow_id)
            return "without-a-row"
        log.warning("workflow of a checkout at rest", workflow_id=workflow_id)
        handle: WorkflowHandle[CheckoutWorkflow, Any] = client.get_workflow_handle(workflow_id)
        # As a customer, never as an operator: nothing that is sold is undone by it.
        await handle.start_update(
            CheckoutWorkflow.cancel,
            CancelRequest(),
            id=END_UPDATE_ID,
            wait_for_stage=WorkflowUpdateStage.ACCEPTED,
            rpc_timeout=RPC_TIMEOUT,
        )
        return "asked-to-end"

    def _forget(self) -> None:
        now = monotonic()
        self._kept = {row: until for row, until in self._kept.items() if until > now}
