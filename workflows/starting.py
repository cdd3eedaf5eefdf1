"""How workflows are named and started: the same way by the API, the loops of the worker and each other."""

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
from workflows.messages import CheckoutStart, LatePayment
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


def recovery_workflow_id(checkout_id: str) -> str:
    """Name the workflow that finishes a checkout whose own is gone."""
    return f"recover/{checkout_id}"


def late_payment_workflow_id(payment_intent: str) -> str:
    """Name the workflow of a payment that nobody waited for."""
    return f"late-payment/{payment_intent}"


def shown_attributes(start: CheckoutStart) -> TypedSearchAttributes:
    """Say by what a checkout is found from its first moment on."""
    skus = [line.sku for line in start.lines]
    pairs: list[SearchAttributePair[Any]] = [
        SearchAttributePair(ORDER_ID, start.checkout_id),
        SearchAttributePair(STAGE, "reserving"),
        SearchAttributePair(NEEDS_ATTENTION, False),
        SearchAttributePair(SKUS, searchable_skus(skus)),
        SearchAttributePair(SKU_COUNT, len(skus)),
    ]
    return TypedSearchAttributes(pairs)


def summary_of(start: CheckoutStart) -> str:
    """Say in a line what a checkout is."""
    total = f"{start.total_minor} {start.currency} (minor units)"
    return f"{start.checkout_id}: {len(start.lines)} skus, {total}"


def start_arguments(start: CheckoutStart, task_queue: str) -> dict[str, Any]:
    """Say how the workflow starts: a second start joins the first, and an ended one stays ended."""
    return {
        "id": checkout_workflow_id(start.checkout_id),
        "task_queue": task_queue,
        # What a worker that dies at a decision costs: as long as one that dies at a step.
        "task_timeout": timedelta(seconds=start.step_seconds),
        "id_reuse_policy": WorkflowIDReusePolicy.REJECT_DUPLICATE,
        "id_conflict_policy": WorkflowIDConflictPolicy.USE_EXISTING,
        "search_attributes": shown_attributes(start),
        "static_summary": summary_of(start),
    }


def recovery_arguments(start: CheckoutStart, task_queue: str) -> dict[str, Any]:
    """Say how a recovery starts: as the checkout does, but again where an earlier one was lost too."""
    return {
        **start_arguments(start, task_queue),
        "id": recovery_workflow_id(start.checkout_id),
        "id_reuse_policy": WorkflowIDReusePolicy.ALLOW_DUPLICATE,
    }


def late_payment_arguments(late: LatePayment, task_queue: str) -> dict[str, Any]:
    """Say how a late payment's workflow starts: once, and again only where it did not come to its end."""
    return {
        "id": late_payment_workflow_id(late.payment_intent),
        "task_queue": task_queue,
        "task_timeout": timedelta(seconds=late.step_seconds),
        "id_reuse_policy": WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
        "id_conflict_policy": WorkflowIDConflictPolicy.USE_EXISTING,
        "static_summary": f"{late.payment_intent}: paid when nobody waited for it",
    }


def start_operation(start: CheckoutStart, task_queue: str) -> WithStartWorkflowOperation[Any, Any]:
    """Make the start half of an Update-with-Start. Single use: make one per request."""
    return WithStartWorkflowOperation(
        CheckoutWorkflow.run, start, **start_arguments(start, task_queue)
    )
