"""A checkout's changes of stock are told as part of the trace of the request that started it."""

from __future__ import annotations

import json
from typing import Any

from opentelemetry import baggage, context
from temporalio.api.common.v1 import Header
from temporalio.api.enums.v1 import EventType

from activities.tracing import following
from tests.workflows.shop import Checkout, Shop

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
STARTED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED
STEP_SCHEDULED = EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
TOLD = f"00-{TRACE}-00f067aa0ba902b7-01"


def traces(checkout: Checkout) -> dict[str, str | None]:
    """Give the trace id of each event of its sku, by type."""
    query = "SELECT type, split_part(traceparent, '-', 2) FROM outbox WHERE subject = %s"
    subject = f"{checkout.start.lines[0].sku}/BER1"
    return dict(checkout.shop.database.rows(query, subject))


async def test_what_a_checkout_does_is_of_its_starters_trace(any_shop: Shop) -> None:
    """In steps that the engine begins, and long after the request was answered."""
    checkout = await any_shop.open(await any_shop.stock("brass-lamp", 1))
    with following(TOLD):
        await checkout.ask()
    await checkout.pay()
    assert await checkout.ended() == "confirmed"

    assert traces(checkout) == {
        "StockReceived": None,
        "StockReserved": TRACE,
        "OrderConfirmed": TRACE,
    }


async def test_nothing_else_of_a_caller_gets_into_a_history(shop: Shop) -> None:
    """Its baggage is its own to fill, perhaps with a name; a history is kept for weeks."""
    checkout = await shop.open(await shop.stock("brass-lamp", 1))
    with following(TOLD):
        token = context.attach(baggage.set_baggage("customer", "ada"))
        try:
            await checkout.ask()
        finally:
            context.detach(token)

    history = await checkout.handle.fetch_history()
    started, *steps = [
        event for event in history.events if event.event_type in (STARTED, STEP_SCHEDULED)
    ]
    told = started.workflow_execution_started_event_attributes.header
    assert steps
    for header in (told, *(step.activity_task_scheduled_event_attributes.header for step in steps)):
        assert carried(header) == {"traceparent": TOLD}


def carried(header: Header) -> Any:
    """Read what tracing put into a header."""
    return json.loads(header.fields["_tracer-data"].data)


async def test_a_checkout_without_a_trace_gets_none(any_shop: Shop) -> None:
    """Neither a new one nor that of another on the same worker, and nothing is added to its history."""
    other = await any_shop.open(await any_shop.stock("brass-lamp", 1))
    with following(TOLD):
        await other.ask()
    checkout = await any_shop.open(await any_shop.stock("brass-lamp", 1))
    await checkout.ask()
    await checkout.cancel()
    await other.cancel()

    assert set(traces(checkout).values()) == {None}
    assert traces(other)["ReservationReleased"] == TRACE
    history = (await checkout.handle.fetch_history()).to_json()
    assert "_tracer-data" not in history
    assert "_tracer-data" in (await other.handle.fetch_history()).to_json()
