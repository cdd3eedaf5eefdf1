"""A checkout whose workflow is gone is finished by another, whatever was under way when it was lost."""

from __future__ import annotations

import asyncio
from functools import partial
from itertools import product

import pytest
from temporalio.client import Client

from api.checkout_engine import CheckoutEngine
from tests.workflows.gate import Hold
from tests.workflows.nets import begun, orphans, recovered
from tests.workflows.shop import AUTHORIZED, FAILED, Checkout, Shop, eventually
from workflows.checkout import CheckoutWorkflow
from workflows.starting import recovery_workflow_id
from workflows.steps import Step


async def lost_in(checkout: Checkout, step: Step, *, done: bool) -> Hold:
    """Begin a checkout whose customer pays, and terminate it in a step: before it did anything, or after."""
    hold = checkout.shop.gate.hold(checkout.id, step, done=done)
    await begun(checkout)
    if step not in (Step.RESERVE_STOCK, Step.REQUEST_PAYMENT):
        await eventually(partial(stands, checkout, "awaiting_payment"))
        await checkout.pay()
    await hold.reached.wait()
    await checkout.handle.terminate("by a person")
    return hold


async def stands(checkout: Checkout, status: str) -> bool:
    return checkout.row()["status"] == status


BEFORE_THE_CUSTOMER_PAYS = (Step.RESERVE_STOCK, Step.REQUEST_PAYMENT)
AFTERWARDS = (Step.ACCEPT_PAYMENT, Step.CAPTURE_PAYMENT, Step.CONFIRM_ORDER)
UNDER_WAY = tuple(product((*BEFORE_THE_CUSTOMER_PAYS, *AFTERWARDS), (False, True)))


@pytest.mark.parametrize("slow", [False, True], ids=["goes-on-at-once", "goes-on-after-the-end"])
async def test_wherever_it_was_lost_the_lamp_is_sold_once(own_shop: Shop, *, slow: bool) -> None:
    """Before and after each step; the step itself goes on beside the recovery, or after it.

    Who paid before the loss is not asked for anything more, and no webhook comes again.
    """
    lamps = [await own_shop.stock("brass-lamp", 3) for _ in UNDER_WAY]
    lost = [await own_shop.open(lamp, 2) for lamp in lamps]
    async with own_shop.working():
        holds = await asyncio.gather(
            *(
                lost_in(checkout, step, done=done)
                for checkout, (step, done) in zip(lost, UNDER_WAY, strict=True)
            )
        )
        if not slow:
            let_go(holds)
        await orphans(own_shop).round()
        for checkout, (step, _) in zip(lost, UNDER_WAY, strict=True):
            if step in BEFORE_THE_CUSTOMER_PAYS:
                await eventually(partial(stands, checkout, "awaiting_payment"))
                await checkout.pay()
        ends = await asyncio.gather(*(ended(checkout) for checkout in lost))
        let_go(holds)

    assert dict(zip(UNDER_WAY, ends, strict=True)) == dict.fromkeys(UNDER_WAY, "confirmed")
    for checkout in lost:
        row = await checkout.agreed()
        assert (row["reservation"], row["payment"], row["order"]) == (
            "confirmed",
            "captured",
            "placed",
        )
    assert {own_shop.piles(lamp) for lamp in lamps} == {(1, 0, 2)}


def let_go(holds: list[Hold]) -> None:
    """Let the steps go on that were under way."""
    for hold in holds:
        hold.let_go.set()


async def ended(checkout: Checkout) -> str:
    """Wait until a paid checkout is at its end, whoever brought it there."""

    async def over() -> bool:
        return checkout.row()["status"] not in ("awaiting_payment", "committing")

    await eventually(over)
    return checkout.row()["status"]


async def test_a_checkout_lost_while_its_customer_thinks_waits_on(own_shop: Shop) -> None:
    """The hold lasts as long as it would have, and the webhook finds its way to the recovery."""
    lamp = await own_shop.stock("brass-lamp", 1)
    checkout = await own_shop.open(lamp)
    async with own_shop.working():
        await checkout.ask()
        await checkout.handle.terminate("by a person")
        await orphans(own_shop).round()
        handle = own_shop.client.get_workflow_handle_for(
            CheckoutWorkflow.run, recovery_workflow_id(checkout.id)
        )

        async def waits() -> bool:
            told = await handle.query(CheckoutWorkflow.told)
            return "accept_payment" in checkout.steps() and told["step"] is None

        await eventually(waits)
        told = await handle.query(CheckoutWorkflow.told)
        await checkout.pay(told=False)
        event = await checkout.hear(AUTHORIZED)
        status = await recovered(checkout)

    assert (told["stage"], told["deadline"] is not None) == ("awaiting_payment", True)
    assert status == "confirmed"
    query = "SELECT disposition FROM webhook_event WHERE event_id = %s"
    assert own_shop.database.value(query, event) == "applied"
    await checkout.agreed()


async def test_a_hold_that_lapsed_meanwhile_ends_at_once(own_shop: Shop) -> None:
    """The interval that is left is none."""
    lamp = await own_shop.stock("brass-lamp", 1)
    checkout = await own_shop.open(lamp, ttl_seconds=1)
    async with own_shop.working():
        await checkout.ask()
        await checkout.handle.terminate("by a person")
        await eventually(lambda: lapsed(checkout))
        await orphans(own_shop).round()
        status = await recovered(checkout)

    assert status == "expired"
    row = await checkout.agreed()
    assert (row["reservation"], row["payment"]) == ("expired", "voided")
    assert own_shop.piles(lamp) == (1, 0, 0)


async def lapsed(checkout: Checkout) -> bool:
    query = "SELECT expires_at < clock_timestamp() FROM reservation WHERE checkout_id = %s"
    return bool(checkout.shop.database.value(query, checkout.id))


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", [Step.RELEASE_STOCK, Step.VOID_PAYMENT])
async def test_an_undo_that_was_lost_is_finished(own_shop: Shop, step: Step, *, done: bool) -> None:
    """The customer's card was declined; stock and payment end together."""
    lamp = await own_shop.stock("brass-lamp", 1)
    checkout = await own_shop.open(lamp)
    hold = own_shop.gate.hold(checkout.id, step, done=done)
    async with own_shop.working():
        await checkout.ask()
        await checkout.pay("pm_card_chargeDeclined")
        await hold.reached.wait()
        await checkout.handle.terminate("by a person")
        await orphans(own_shop).round()
        at_rest = done and step is Step.VOID_PAYMENT
        status = checkout.row()["status"] if at_rest else await recovered(checkout)
        hold.let_go.set()

    assert status == "declined"
    row = await checkout.agreed()
    assert (row["reservation"], row["payment"]) == ("released", "voided")
    assert own_shop.piles(lamp) == (1, 0, 0)


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
async def test_a_refund_that_was_lost_is_made_once(own_shop: Shop, *, done: bool) -> None:
    """A debit that settled though the customer had cancelled."""
    lamp = await own_shop.stock("brass-lamp", 1)
    checkout = await own_shop.open(lamp)
    hold = own_shop.gate.hold(checkout.id, Step.REFUND_PAYMENT, done=done)
    async with own_shop.working():
        await checkout.ask()
        await checkout.pay("pm_usBankAccount_success", told=False)
        await eventually(lambda: own_shop.shows(checkout, "captured"))
        cancelling = asyncio.create_task(checkout.cancel(closed=False))
        await hold.reached.wait()
        await checkout.handle.terminate("by a person")
        await asyncio.wait({cancelling})
        cancelling.exception()
        await orphans(own_shop).round()
        status = checkout.row()["status"] if done else await recovered(checkout)
        hold.let_go.set()

    assert status == "refunded"
    row = await checkout.agreed()
    assert (row["reservation"], row["payment"]) == ("released", "refunded")


async def test_a_recovery_that_was_lost_as_well_is_started_again(own_shop: Shop) -> None:
    """Whoever terminates the one terminates the other."""
    lamp = await own_shop.stock("brass-lamp", 1)
    checkout = await own_shop.open(lamp)
    async with own_shop.working():
        await checkout.ask()
        await checkout.handle.terminate("by a person")
        await orphans(own_shop).round()
        name = recovery_workflow_id(checkout.id)
        await own_shop.client.get_workflow_handle(name).terminate("by the same")
        await orphans(own_shop).round()
        await checkout.pay()
        status = await recovered(checkout)

    assert status == "confirmed"
    await checkout.agreed()


async def test_the_declines_so_far_are_remembered(own_shop: Shop) -> None:
    """Two attempts are two, also where one was before the loss and one after."""
    lamp = await own_shop.stock("brass-lamp", 1)
    checkout = await own_shop.open(lamp, payment_attempts=2)
    async with own_shop.working():
        await checkout.ask()
        await checkout.pay("pm_card_chargeDeclined", told=False)
        event = await checkout.hear(FAILED)
        await eventually(lambda: applied(own_shop, event))
        await checkout.handle.terminate("by a person")
        net = orphans(own_shop, payment_attempts=2)
        await net.round()
        await checkout.pay("pm_card_chargeDeclined")
        status = await recovered(checkout)

    assert status == "declined"
    assert checkout.row()["reason"] == "payment-declined"


async def applied(shop: Shop, event: str) -> bool:
    query = "SELECT disposition FROM webhook_event WHERE event_id = %s"
    return bool(shop.database.value(query, event) == "applied")


async def test_a_customer_may_cancel_what_was_recovered(own_shop: Shop) -> None:
    """The front door asks whichever workflow looks after the checkout."""
    checkout = await own_shop.open(await own_shop.stock("brass-lamp", 1))

    async def connect() -> Client:
        return own_shop.client

    door = CheckoutEngine(connect, task_queue=own_shop.queue, wait_seconds=10)

    async def is_open() -> bool:
        return await door.missing() == []

    async with own_shop.working(), door.running():
        await eventually(is_open)
        await checkout.ask()
        await checkout.handle.terminate("by a person")
        await orphans(own_shop).round()
        answer = await door.cancel(checkout.id)
        status = await recovered(checkout)

    assert answer is not None
    assert (answer.cancelled, status) == (True, "cancelled")
    await checkout.agreed()
