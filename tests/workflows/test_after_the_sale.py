"""After the sale, through the engine: debts are paid until the provider shows it, whatever goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from ledger.commands import CancelOrder, Inspect, InspectedUnits, Quantity, Ship, TakeBack
from ledger.refunds import of_inspection
from tests.workflows.facts import resting
from tests.workflows.shop import PATIENCE_SECONDS, PRICE_MINOR, Checkout, Shop, eventually
from workflows.messages import RefundsStart, ReturnStart
from workflows.starting_refunds import (
    cancellation_id,
    refunds_id,
    return_workflow_id,
    start_refunds,
    start_return,
)

REFUSED_FOR_NOW = "POST /v1/refunds "
Push = Callable[[WorkflowHandle[Any, Any], float], Awaitable[bool]]


@pytest.fixture
def push(engine_room: WorkflowEnvironment) -> Push:
    """Push a story's clock by that many seconds."""

    async def pushed(handle: WorkflowHandle[Any, Any], seconds: float) -> bool:
        return await engine_room.fast_forward(handle, timedelta(seconds=seconds))

    return pushed


async def sold(shop: Shop, quantity: int = 1, method: str = "pm_card_visa") -> Checkout:
    """Sell lamps, and wait until the checkout's own story has ended."""
    checkout = await shop.open(await shop.stock("brass-lamp", quantity), quantity)
    await checkout.ask()
    await checkout.pay(method)
    assert await checkout.ended() == "confirmed"
    return checkout


async def cancelled(checkout: Checkout) -> WorkflowHandle[Any, Any]:
    """Cancel the order as the API does, and give the story that refunds it."""
    shop = checkout.shop
    await shop.ledger.post(CancelOrder(actor="ada", order_id=checkout.id, reason="customer"))
    name = cancellation_id(checkout.id)
    await start_refunds(shop.client, name, RefundsStart(checkout_id=checkout.id), shop.queue)
    return shop.client.get_workflow_handle(name)


async def ended(handle: WorkflowHandle[Any, Any]) -> None:
    """Wait for a story's end."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        await handle.result()


def debts(checkout: Checkout) -> list[tuple[str, str, int]]:
    """List a checkout's debts: id, state and how often they failed."""
    query = "SELECT refund_id, state, failures FROM refund WHERE checkout_id = %s ORDER BY 1"
    return checkout.shop.database.rows(query, checkout.id)


async def came_back(checkout: Checkout, units: int) -> WorkflowHandle[Any, Any]:
    """Send all and take so many back, as the warehouse tells, and give the return's story."""
    shop, line = checkout.shop, checkout.start.lines[0]
    lines = (Quantity(sku=line.sku, quantity=line.quantity),)
    name = f"r-{checkout.id}"
    await shop.ledger.post(
        Ship(
            actor="otto",
            shipment_id=f"s-{checkout.id}",
            order_id=checkout.id,
            location="BER1",
            lines=lines,
        )
    )
    await shop.ledger.post(
        TakeBack(
            actor="otto",
            return_id=name,
            order_id=checkout.id,
            location="BER1",
            lines=(Quantity(sku=line.sku, quantity=units),),
        )
    )
    start = ReturnStart(return_id=name, order_id=checkout.id)
    await start_return(shop.client, start, shop.queue)
    return shop.client.get_workflow_handle(return_workflow_id(name))


async def looked_at(checkout: Checkout, name: str, units: int, *, told: bool = True) -> str:
    """Inspect units and grant their refund, and with `told` tell the story of it; give the debt's id."""
    shop, returned = checkout.shop, f"r-{checkout.id}"
    inspection = f"{name}-{checkout.id}"
    found = InspectedUnits(sku=checkout.start.lines[0].sku, restock=units, refund=units)
    await shop.ledger.post(
        Inspect(actor="otto", inspection_id=inspection, return_id=returned, lines=(found,))
    )
    if told:
        start = ReturnStart(return_id=returned, order_id=checkout.id)
        await start_return(shop.client, start, shop.queue, inspected=True)
    return of_inspection(inspection)


async def test_a_cancelled_order_is_refunded(any_shop: Shop) -> None:
    """The stock first, then the money; the story ends when the provider shows it."""
    checkout = await sold(any_shop)
    await ended(await cancelled(checkout))

    row = await checkout.agreed()
    assert (row["status"], row["payment"], row["order"]) == ("refunded", "refunded", "cancelled")
    assert any_shop.piles(checkout.start.lines[0].sku) == (1, 0, 0)
    assert debts(checkout) == [("whole", "done", 0)]


async def test_a_pending_refund_is_not_called_done(shop: Shop, push: Push) -> None:
    """It is looked at again until it is, however long the bank takes."""
    checkout = await sold(shop, method="pm_card_pendingRefund")
    hold = shop.gate.met[checkout.id, "pay_refund.after"]
    reached = asyncio.Event()
    let_go = asyncio.Event()

    async def wait() -> None:
        reached.set()
        await let_go.wait()

    hold.append(wait)
    story = await cancelled(checkout)
    await reached.wait()
    row = checkout.row()
    assert (row["status"], row["payment"]) == ("refund_pending", "refunding")
    let_go.set()
    await resting(story)
    await eventually(lambda: refund_ended(checkout))
    await push(story, 31)
    await ended(story)
    assert (await checkout.agreed())["status"] == "refunded"


async def refund_ended(checkout: Checkout) -> bool:
    """Tell whether the provider shows the refund as done."""
    query = "SELECT provider_refund FROM refund WHERE checkout_id = %s"
    name = str(checkout.shop.database.value(query, checkout.id))
    return (await checkout.shop.provider.look_up_refund(provider_refund=name)).state == "succeeded"


async def test_a_refund_whose_reply_was_lost_is_made_once(shop: Shop) -> None:
    """The provider did it; asked again under the same key it says so."""
    checkout = await sold(shop)
    shop.wire.losing = REFUSED_FOR_NOW
    try:
        story = await cancelled(checkout)
        await eventually(lambda: asked_twice(checkout))
    finally:
        shop.wire.losing = None
    await ended(story)
    assert (await checkout.agreed())["status"] == "refunded"
    query = "SELECT key, state FROM payment_operation WHERE checkout_id = %s AND kind = 'refund'"
    assert shop.database.rows(query, checkout.id) == [(f"{checkout.id}:refund:1", "succeeded")]


async def asked_twice(checkout: Checkout) -> bool:
    """Tell whether the step was tried a second time."""
    return checkout.steps().count("pay_refund") > 1


async def test_a_refused_refund_is_tried_again_and_escalated_and_never_called_done(
    shop: Shop, push: Push
) -> None:
    """Somebody gave part of it back by hand, so all of it cannot be; a person is asked, and helps."""
    checkout = await sold(shop)
    intent = await checkout.intent()
    await shop.till.post("/v1/refunds", {"payment_intent": intent, "amount": "100"})
    story = await cancelled(checkout)
    await eventually(lambda: failed(checkout, 1))
    assert checkout.row()["status"] == "refund_pending"
    assert reviews(checkout) == []
    await resting(story)

    await push(story, 31)
    await eventually(lambda: failed(checkout, 2))
    assert reviews(checkout) == [("refund", "open", 2)]
    assert checkout.row()["status"] == "refund_pending"
    await resting(story)
    assert "a person was asked to look" in str(await details(story))

    rest = str(PRICE_MINOR - 100)
    await shop.till.post("/v1/refunds", {"payment_intent": intent, "amount": rest})
    await push(story, 6 * 3_600 + 1)
    await ended(story)
    assert (await checkout.agreed())["status"] == "refunded"


async def failed(checkout: Checkout, times: int) -> bool:
    """Tell whether the refund has failed so often, and nobody is at it."""
    return debts(checkout) == [("whole", "owed", times)]


def reviews(checkout: Checkout) -> list[tuple[str, str, int]]:
    """List what a person was asked about a checkout's refunds."""
    query = (
        "SELECT kind, state, (evidence ->> 'failures')::int FROM review"
        " WHERE evidence ->> 'checkout_id' = %s"
    )
    return checkout.shop.database.rows(query, checkout.id)


async def details(handle: WorkflowHandle[Any, Any]) -> str:
    """Read what an operator reads in the Temporal UI."""
    told: str = await handle.query("__temporal_workflow_metadata")
    return str(told)


async def test_a_refund_that_fails_after_it_was_done_is_owed_and_paid_again(shop: Shop) -> None:
    """The provider's word comes a while later; until it is paid again nobody says refunded."""
    checkout = await sold(shop, method="pm_card_refundFail")
    await ended(await cancelled(checkout))
    assert checkout.row()["status"] == "refunded"
    await eventually(lambda: shows_returned(checkout, 0))

    event = await checkout.hear("refund.failed")
    story = shop.client.get_workflow_handle(f"{refunds_id(checkout.id)}/{event}")
    await ended(story)
    query = "SELECT state FROM payment_operation WHERE checkout_id = %s AND kind = 'refund' ORDER BY key"
    assert shop.database.rows(query, checkout.id) == [("failed",), ("succeeded",)]
    assert debts(checkout) == [("whole", "done", 1)]
    disposition = "SELECT disposition FROM webhook_event WHERE event_id = %s"
    assert shop.database.value(disposition, event) == "looked-at"


async def shows_returned(checkout: Checkout, amount_minor: int) -> bool:
    """Tell whether the provider shows so much as returned."""
    shop = checkout.shop
    seen = await shop.provider.look_up(payment_intent=await checkout.intent())
    return seen.refunded_minor == amount_minor


async def test_a_return_is_paid_back_as_it_is_inspected(any_shop: Shop) -> None:
    """Each inspection owes its own units; the story ends when all are looked at and paid."""
    checkout = await sold(any_shop, 3)
    story = await came_back(checkout, 2)
    first = await looked_at(checkout, "first", 1)
    await eventually(lambda: done(checkout, first))
    row = await checkout.agreed()
    assert (row["status"], row["payment"], row["order"]) == (
        "confirmed",
        "captured",
        "partly_returned",
    )
    assert await shows_returned(checkout, PRICE_MINOR)

    second = await looked_at(checkout, "second", 1)
    await ended(story)
    assert await shows_returned(checkout, 2 * PRICE_MINOR)
    assert debts(checkout) == [(first, "done", 0), (second, "done", 0)]
    assert (await checkout.agreed())["status"] == "confirmed"


async def done(checkout: Checkout, refund_id: str) -> bool:
    """Tell whether a debt is paid."""
    return (refund_id, "done", 0) in debts(checkout)


async def test_an_inspection_nobody_told_of_is_found(shop: Shop, push: Push) -> None:
    """A lost signal only delays the refund."""
    checkout = await sold(shop)
    story = await came_back(checkout, 1)
    await resting(story)
    await looked_at(checkout, "unheard", 1, told=False)
    await push(story, 12 * 3_600 + 1)
    await ended(story)
    row = await checkout.agreed()
    assert (row["status"], row["payment"]) == ("confirmed", "refunded")
