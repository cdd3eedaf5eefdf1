"""Facts about one checkout or its stories that tests wait for, and small things done to it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle

from ledger import ids
from ledger.commands import Expire
from tests.workflows.shop import Checkout, Shop, eventually
from workflows.steps import Step


async def tried(shop: Shop, checkout_id: str, step: Step, times: int) -> bool:
    """Tell whether a step was begun that often."""
    return shop.gate.steps[checkout_id].count(step) >= times


async def resting(story: WorkflowHandle[Any, Any]) -> None:
    """Wait until a story that runs has nothing to do but wait: no step is under way, and no decision.

    Asked of its state, not of its history: what comes last there may be a leap of the clock.
    """

    async def waits() -> bool:
        described = await story.describe()
        seen = described.raw_description
        return (
            described.status is WorkflowExecutionStatus.RUNNING
            and not seen.pending_activities
            and not seen.HasField("pending_workflow_task")
        )

    await eventually(waits)


async def details_of(checkout: Checkout) -> str:
    """Read the current details, as the Temporal UI does."""
    told = await checkout.handle.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
    return str(told.current_details)


async def settled(shop: Shop, event_id: str) -> bool:
    """Tell whether an event has been acted on."""
    query = "SELECT disposition FROM webhook_event WHERE event_id = %s"
    return shop.database.value(query, event_id) is not None


def captures(shop: Shop, checkout_id: str) -> list[tuple[object, ...]]:
    """List the states of the captures that were asked for."""
    query = "SELECT state FROM payment_operation WHERE checkout_id = %s AND kind = 'capture'"
    return shop.database.rows(query, checkout_id)


async def expire(shop: Shop, checkout_id: str) -> None:
    """Take the hold as the reaper does."""
    reservation = ids.reservation_id(checkout_id)
    await shop.ledger.post(Expire(actor="reaper", reservation_id=reservation, extension=0))


async def ended_within(checkout: Checkout, tries: int) -> str:
    """Wait for an end; a step that is tried more often than that will be tried for ever."""
    ending = asyncio.create_task(checkout.ended())
    while not ending.done():
        if any(checkout.steps().count(step) > tries for step in checkout.steps()):
            await checkout.handle.terminate("it goes round in circles")
            ending.cancel()
            pytest.fail(f"for ever: {checkout.steps()}")
        await asyncio.sleep(0.02)
    return await ending
