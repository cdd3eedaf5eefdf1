"""How the stories after the sale are named and started: the same way by the API, by webhooks and by the loop.

A second start joins what runs. One that has ended may be started again: a refund may fail days later.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from temporalio.client import Client
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)

from ledger.refunds import WHOLE, short_id_of
from workflows.after_the_sale import INSPECTING, PAYING, RefundsWorkflow, ReturnWorkflow
from workflows.messages import RefundsStart, ReturnStart
from workflows.search_attributes import STAGE

RPC_TIMEOUT = timedelta(seconds=5)


def cancellation_id(order_id: str) -> str:
    """Name the workflow that refunds a cancelled order."""
    return f"cancel-order/{order_id}"


def short_pick_id(short_id: str) -> str:
    """Name the workflow that refunds what was not found."""
    return f"short/{short_id}"


def payer_id(checkout_id: str, refund_id: str) -> str:
    """Name the workflow that pays a debt of an order, but for those of returns."""
    if refund_id == WHOLE:
        return cancellation_id(checkout_id)
    short_id = short_id_of(refund_id)
    return refunds_id(checkout_id) if short_id is None else short_pick_id(short_id)


def return_workflow_id(return_id: str) -> str:
    """Name the workflow of a return."""
    return f"return/{return_id}"


def refunds_id(checkout_id: str) -> str:
    """Name the workflow that pays whatever else is owed, such as a refund that failed after it was done."""
    return f"refunds/{checkout_id}"


async def start_refunds(
    client: Client, workflow_id: str, start: RefundsStart, task_queue: str
) -> None:
    """See to it that a checkout's debts are paid. Raises RPCError."""
    await client.start_workflow(
        RefundsWorkflow.run,
        start,
        **_arguments(workflow_id, task_queue, PAYING, f"money owed to {start.checkout_id}"),
    )


async def start_return(
    client: Client, start: ReturnStart, task_queue: str, *, inspected: bool = False
) -> None:
    """See to it that a return is followed to its end; `inspected` tells it of an inspection. Raises RPCError."""
    await client.start_workflow(
        ReturnWorkflow.run,
        start,
        start_signal="inspected" if inspected else None,
        **_arguments(
            return_workflow_id(start.return_id),
            task_queue,
            INSPECTING,
            f"{start.return_id}: units of {start.order_id} came back",
        ),
    )


def _arguments(workflow_id: str, task_queue: str, stage: str, summary: str) -> dict[str, Any]:
    pairs: list[SearchAttributePair[Any]] = [SearchAttributePair(STAGE, stage)]
    return {
        "id": workflow_id,
        "task_queue": task_queue,
        "id_reuse_policy": WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        "id_conflict_policy": WorkflowIDConflictPolicy.USE_EXISTING,
        "search_attributes": TypedSearchAttributes(pairs),
        "static_summary": summary,
        "rpc_timeout": RPC_TIMEOUT,
    }
