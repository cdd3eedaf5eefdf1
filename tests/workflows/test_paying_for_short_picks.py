"""What a short pick owes, through the engine: paid once, whatever goes wrong and whoever comes between."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from ledger.commands import CancelOrder, Command, MissingUnits, Quantity, Ship, ShortPick
from ledger.errors import Refused
from ledger.refunds import of_short_pick
from tests.workflows.facts import resting
from tests.workflows.nets import orphans
from tests.workflows.shop import (
    PATIENCE_SECONDS,
    PRICE_MINOR,
    Checkout,
    Shop,
    eventually,
)
from worker.starting import described
from workflows.messages import RefundsStart
from workflows.starting import recovery_workflow_id
from workflows.starting_refunds import cancellation_id, short_pick_id, start_refunds

SEVERAL = 3
Story = WorkflowHandle[Any, Any]
Push = Callable[[Story, float], Awaitable[bool]]


@pytest.fixture
def push(engine_room: WorkflowEnvironment) -> Push:
    """Push a story's clock by that many seconds."""

    async def pushed(handle: Story, seconds: float) -> bool:
        return await engine_room.fast_forward(handle, timedelta(seconds=seconds))

    return pushed


async def sold(shop: Shop, quantity: int = 1) -> Checkout:
    """Sell lamps, and wait until the checkout's own story has ended."""
    checkout = await shop.open(await shop.stock("brass-lamp", quantity), quantity)
    await checkout.ask()
    await checkout.pay()
    assert await checkout.ended() == "confirmed"
    return checkout


def short(checkout: Checkout, units: int = 1) -> ShortPick:
    """Tell that units were not found."""
    missing = MissingUnits(sku=checkout.start.lines[0].sku, quantity=units)
    return ShortPick(
        actor="otto", short_id=f"p-{checkout.id}", order_id=checkout.id, lines=(missing,)
    )


async def begun(checkout: Checkout, name: str | None = None) -> Story:
    """Have the debt paid, as the API does."""
    shop, name = checkout.shop, name or short_pick_id(f"p-{checkout.id}")
    await start_refunds(shop.client, name, RefundsStart(checkout_id=checkout.id), shop.queue)
    return shop.client.get_workflow_handle(name)


async def ended(story: Story) -> None:
    """Wait for a story's end."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        await story.result()


def debts(checkout: Checkout) -> list[tuple[str, str, int]]:
    """List a checkout's debts: id, state and how often they failed."""
    query = "SELECT refund_id, state, failures FROM refund WHERE checkout_id = %s ORDER BY 1"
    return checkout.shop.database.rows(query, checkout.id)


def owed(checkout: Checkout, state: str = "done", failures: int = 0) -> tuple[str, str, int]:
    """Write the short pick's debt as it is to be."""
    return of_short_pick(f"p-{checkout.id}"), state, failures


async def returned(checkout: Checkout) -> int:
    """Say how much the provider shows as given back."""
    seen = await checkout.shop.provider.look_up(payment_intent=await checkout.intent())
    return int(seen.refunded_minor)


async def test_what_was_not_found_is_paid_back(any_shop: Shop) -> None:
    """The units' price and no more; the order goes on with the others."""
    checkout = await sold(any_shop, 3)
    await any_shop.ledger.post(short(checkout, 2))
    await ended(await begun(checkout))
    row = await checkout.agreed()
    assert (row["status"], row["payment"], row["order"]) == ("confirmed", "captured", "placed")
    assert (await returned(checkout), debts(checkout)) == (2 * PRICE_MINOR, [owed(checkout)])


async def test_an_order_of_which_nothing_was_found_is_refunded(any_shop: Shop) -> None:
    """Cancelled in the ledger at once, and called refunded when the provider shows it."""
    checkout = await sold(any_shop, 2)
    await any_shop.ledger.post(short(checkout, 2))
    assert checkout.row()["status"] == "refund_pending"
    await ended(await begun(checkout))
    row = await checkout.agreed()
    assert (row["status"], row["order"], row["reason"]) == ("refunded", "cancelled", "short")
    assert debts(checkout) == [owed(checkout)]


async def test_a_short_pick_told_and_started_again_and_again_is_paid_once(shop: Shop) -> None:
    """By several at once, and once more after its end."""
    checkout = await sold(shop, 2)
    for _ in range(SEVERAL):
        await shop.ledger.post(short(checkout))
    story, *_ = await asyncio.gather(*(begun(checkout) for _ in range(SEVERAL)))
    await ended(story)
    await ended(await begun(checkout))
    assert (await returned(checkout), debts(checkout)) == (PRICE_MINOR, [owed(checkout)])
    query = "SELECT key FROM payment_operation WHERE checkout_id = %s AND kind = 'refund'"
    key = f"{checkout.id}:refund-{of_short_pick(f'p-{checkout.id}')}:1"
    assert shop.database.rows(query, checkout.id) == [(key,)]


async def test_a_refund_that_fails_is_tried_again_and_escalated_and_never_called_done(
    shop: Shop, push: Push
) -> None:
    """Somebody gave most of the money back by hand; a person is asked, and gives the rest."""
    checkout = await sold(shop, 2)
    intent = await checkout.intent()
    by_hand = {"payment_intent": intent, "amount": str(PRICE_MINOR + 1)}
    await shop.till.post("/v1/refunds", by_hand)
    await shop.ledger.post(short(checkout))
    story = await begun(checkout)
    await eventually(lambda: failed(checkout, 1))
    await resting(story)
    await push(story, 31)
    await eventually(lambda: failed(checkout, 2))
    review = "SELECT kind, state, cause_id FROM review WHERE evidence ->> 'checkout_id' = %s"
    assert shop.database.rows(review, checkout.id) == [("refund", "open", owed(checkout)[0])]
    assert checkout.row()["status"] == "confirmed"
    await resting(story)
    assert "a person was asked to look" in str(await story.query("__temporal_workflow_metadata"))

    rest = str(PRICE_MINOR - 1)
    await shop.till.post("/v1/refunds", {"payment_intent": intent, "amount": rest})
    await push(story, 6 * 3_600 + 1)
    await ended(story)
    assert debts(checkout) == [owed(checkout, failures=3)]
    assert checkout.row()["payment"] == "refunded"


async def failed(checkout: Checkout, times: int) -> bool:
    """Tell whether the refund has failed so often, and nobody is at it."""
    return debts(checkout) == [owed(checkout, "owed", times)]


async def told(shop: Shop, command: Command) -> str:
    """Say in one word what became of a command."""
    try:
        await shop.ledger.post(command)
    except Refused as refused:
        return refused.code
    return "done"


@pytest.mark.parametrize("first", ["short", "ship"])
async def test_a_short_pick_racing_its_shipment_pays_for_what_did_not_leave(
    shop: Shop, first: str
) -> None:
    """At once, begun in either order: the unit is with the customer, or the money is."""
    checkout = await sold(shop, 2)
    lines = (Quantity(sku=checkout.start.lines[0].sku, quantity=2),)
    shipment = Ship(
        actor="otto",
        shipment_id=f"s-{checkout.id}",
        order_id=checkout.id,
        location="BER1",
        lines=lines,
    )
    both: list[Command] = [short(checkout), shipment]
    words = await asyncio.gather(
        *(told(shop, command) for command in (both if first == "short" else both[::-1]))
    )
    assert sorted(words) == ["done", "more-than-sold"]
    await ended(await begun(checkout))
    query = "SELECT shipped, short FROM order_line WHERE order_id = %s"
    ((shipped, missing),) = shop.database.rows(query, checkout.id)
    assert (shipped, missing) in ((2, 0), (0, 1))
    assert await returned(checkout) == missing * PRICE_MINOR


@pytest.mark.parametrize("first", ["short", "cancel"])
async def test_a_short_pick_racing_a_cancellation_pays_all_of_it_once(
    shop: Shop, first: str
) -> None:
    """Two stories over one payment: the parts add up, and the order is refunded."""
    checkout = await sold(shop, 2)
    cancel = CancelOrder(actor="ada", order_id=checkout.id, reason="customer")
    both: list[Command] = [short(checkout), cancel]
    words = await asyncio.gather(
        *(told(shop, command) for command in (both if first == "short" else both[::-1]))
    )
    assert sorted(words) in (["done", "done"], ["done", "order-cancelled"])
    stories = await asyncio.gather(begun(checkout), begun(checkout, cancellation_id(checkout.id)))
    await asyncio.gather(*(ended(story) for story in stories))
    row = await checkout.agreed()
    assert (row["status"], row["payment"], row["order"]) == ("refunded", "refunded", "cancelled")
    assert await returned(checkout) == 2 * PRICE_MINOR
    assert {state for _, state, _ in debts(checkout)} == {"done"}


async def test_a_debt_that_nobody_took_up_is_found(shop: Shop) -> None:
    """Booked when it had waited, or by an API that died: the row is the promise, and has its own story."""
    checkout = await sold(shop, 2)
    await shop.ledger.post(short(checkout))
    net = orphans(shop)
    await net.round()
    await net.round()
    await ended(shop.client.get_workflow_handle(short_pick_id(f"p-{checkout.id}")))
    assert (await returned(checkout), debts(checkout)) == (PRICE_MINOR, [owed(checkout)])


async def test_an_order_of_which_nothing_was_found_is_nobodys_lost_checkout(shop: Shop) -> None:
    """What it owes is a promise of its own: no recovery begins beside the story that pays it."""
    checkout = await sold(shop)
    await shop.ledger.post(short(checkout))
    await orphans(shop).round()
    await ended(shop.client.get_workflow_handle(short_pick_id(f"p-{checkout.id}")))
    assert (await checkout.agreed())["status"] == "refunded"
    assert await described(shop.client, recovery_workflow_id(checkout.id)) is None
