"""How a checkout's workflow is named and started: the same way by the API and by the orphan check."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from temporalio.client import WithStartWorkflowOperation
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)

from workflows.checkout import CheckoutWorkflow
from workflows.messages import CheckoutStart
from workflows.search_attributes import (
    NEEDS_ATTENTION,
    ORDER_ID,
    SKU_COUNT,
    SKUS,
    STAGE,
    searchable_skus,
)

DECISION_UPDATE_ID = "decision"
"""Fixed, so that a repeated POST joins the first one's wait instead of adding another."""

CANCEL_UPDATE_ID = "cancel"


def checkout_workflow_id(checkout_id: str) -> str:
    """Name the workflow of a checkout."""
    return f"checkout/{checkout_id}"


def start_arguments(start: CheckoutStart, task_queue: str) -> dict[str, Any]:
    """Say how the workflow starts: a second start joins the first, and an ended one stays ended."""
    skus = [line.sku for line in start.lines]
    pairs: list[SearchAttributePair[Any]] = [
        SearchAttributePair(ORDER_ID, start.checkout_id),
        SearchAttributePair(STAGE, "reserving"),
        SearchAttributePair(NEEDS_ATTENTION, False),
        SearchAttributePair(SKUS, searchable_skus(skus)),
        SearchAttributePair(SKU_COUNT, len(skus)),
    ]
    total = f"{start.total_minor} {start.currency} (minor units)"
    return {
        "id": checkout_workflow_id(start.checkout_id),
        "task_queue": task_queue,
        # What a worker that dies at a decision costs: as long as one that dies at a step.
        "task_timeout": timedelta(seconds=start.step_seconds),
        "id_reuse_policy": WorkflowIDReusePolicy.REJECT_DUPLICATE,
        "id_conflict_policy": WorkflowIDConflictPolicy.USE_EXISTING,
        "search_attributes": TypedSearchAttributes(pairs),
        "static_summary": f"{start.checkout_id}: {len(skus)} skus, {total}",
    }


def start_operation(start: CheckoutStart, task_queue: str) -> WithStartWorkflowOperation[Any, Any]:
    """Make the start half of an Update-with-Start. Single use: make one per request."""
    return WithStartWorkflowOperation(
        CheckoutWorkflow.run, start, **start_arguments(start, task_queue)
    )
