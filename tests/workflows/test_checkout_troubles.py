"""What goes wrong around a checkout: repeated, out of order, lost, away, killed."""

from __future__ import annotations

import asyncio

import pytest
from temporalio.exceptions import WorkflowAlreadyStartedError

from ledger import ids
from ledger.checkouts import Status
from ledger.commands import Release
from tests.workflows.facts import captures, tried
from tests.workflows.shop import (
    Shop,
    eventually,
)
from workflows.checkout import CheckoutWorkflow
from workflows.messages import Decision
from workflows.starting import start_arguments
from workflows.steps import Step

CREATE = "POST /v1/payment_intents "


async def test_twenty_starts_of_one_checkout_are_one(shop: Shop) -> None:
    """The same workflow id and the same update id: everybody waits for the same decision."""
    lamp = await shop.stock("brass-lamp", 20)
    checkout = await shop.open(lamp)

    decisions = await asyncio.gather(*(checkout.ask() for _ in range(20)))

    assert set(decisions) == {Decision(status="awaiting_payment")}
    assert checkout.steps() == ["reserve_stock", "request_payment"]
    assert shop.piles(lamp) == (19, 1, 0)
    await checkout.cancel()
    await checkout.agreed()


async def test_a_start_after_the_end_tells_the_first_decision(shop: Shop) -> None:
    """Even once it is over; and nothing starts anew."""
    lamp = await shop.stock("brass-lamp", 2)
    checkout = await shop.open(lamp)
    first = await checkout.ask()
    await checkout.pay()
    await checkout.ended()

    again = await checkout.ask()
    with pytest.raises(WorkflowAlreadyStartedError):
        await shop.client.start_workflow(
            CheckoutWorkflow.run, checkout.start, **start_arguments(checkout.start, shop.queue)
        )

    assert again == first == Decision(status="awaiting_payment")
    assert len(checkout.steps()) == 5
    await checkout.agreed()


async def test_a_release_before_the_reserve_leaves_a_tombstone(shop: Shop) -> None:
    """A reserve that was on its way when the checkout was undone must not take the lamp."""
    lamp = await shop.stock("brass-lamp", 1)
    checkout = await shop.open(lamp)
    hold = shop.gate.hold(checkout.id, Step.RESERVE_STOCK)
    asking = asyncio.create_task(checkout.ask())
    await hold.reached.wait()

    await shop.ledger.post(
        Release(
            actor="recovery",
            reservation_id=ids.reservation_id(checkout.id),
            ending=Status.CANCELLED,
            reason="recovered",
        )
    )
    hold.let_go.set()

    assert await asking == Decision(status="cancelled")
    assert await checkout.ended() == "cancelled"
    assert (await checkout.agreed())["reason"] == "recovered"
    assert shop.piles(lamp) == (1, 0, 0)


async def test_a_reserve_whose_worker_was_too_slow_takes_the_lamp_once(shop: Shop) -> None:
    """The attempt is given up after its time and tried again; the first one commits all the same."""
    lamp = await shop.stock("brass-lamp", 5)
    checkout = await shop.open(lamp, step_seconds=1)
    slow = shop.gate.hold(checkout.id, Step.RESERVE_STOCK)

    decision = await checkout.ask()
    slow.let_go.set()

    assert decision == Decision(status="awaiting_payment")
    assert checkout.steps()[:2] == ["reserve_stock", "reserve_stock"]
    assert shop.piles(lamp) == (4, 1, 0)
    await checkout.cancel()
    await checkout.agreed()


async def test_an_undo_goes_on_when_the_provider_is_back(shop: Shop) -> None:
    """The lamp is free at once; the authorization follows."""
    lamp = await shop.stock("brass-lamp", 1)
    checkout = await shop.open(lamp)
    await checkout.ask()
    await checkout.pay(told=False)
    shop.till.stop()
    try:
        answer = await checkout.cancel(closed=False)
        await eventually(lambda: tried(shop, checkout.id, Step.VOID_PAYMENT, 2))
        piles, payment = shop.piles(lamp), checkout.row()["payment"]
    finally:
        shop.till.start()

    assert answer.cancelled
    assert (piles, payment) == ((1, 0, 0), "requires_payment")
    assert await checkout.ended() == "cancelled"
    assert (await checkout.agreed())["payment"] == "voided"


async def test_a_capture_whose_answer_was_lost_is_looked_up(shop: Shop) -> None:
    """Its outcome is unknown until then; the stock stays with the customer, who pays once."""
    lamp = await shop.stock("brass-lamp", 1)
    checkout = await shop.open(lamp)
    await checkout.ask()
    intent = await checkout.intent()
    shop.wire.losing = f"POST /v1/payment_intents/{intent}/capture"
    await checkout.pay()
    await eventually(lambda: tried(shop, checkout.id, Step.CAPTURE_PAYMENT, 2))
    shop.wire.losing = None

    assert await checkout.ended() == "confirmed"
    await checkout.agreed()
    assert captures(shop, checkout.id) == [("succeeded",)]


async def test_a_payment_whose_first_answer_was_lost_is_asked_for_once(shop: Shop) -> None:
    """Under one key: the provider gives the same payment again."""
    lamp = await shop.stock("brass-lamp", 1)
    checkout = await shop.open(lamp)
    shop.wire.losing = CREATE
    asking = asyncio.create_task(checkout.ask())
    await eventually(lambda: tried(shop, checkout.id, Step.REQUEST_PAYMENT, 2))
    shop.wire.losing = None

    assert await asking == Decision(status="awaiting_payment")
    await checkout.agreed()
    await checkout.cancel()
    await checkout.agreed()


async def test_a_payment_that_was_given_up_is_learnt_and_voided(shop: Shop) -> None:
    """The provider opened it, though no answer ever came: to void it, it is asked for again."""
    lamp = await shop.stock("brass-lamp", 1)
    checkout = await shop.open(lamp, ttl_seconds=60)
    shop.wire.losing = CREATE
    asking = asyncio.create_task(checkout.ask())
    await eventually(lambda: tried(shop, checkout.id, Step.REQUEST_PAYMENT, 1))
    undo = shop.gate.hold(checkout.id, Step.RELEASE_STOCK)
    # Told to come back in a minute, which is as long as anybody waits, the step is given up.
    shop.wire.throttling = CREATE
    await undo.reached.wait()
    shop.wire.losing = shop.wire.throttling = None
    undo.let_go.set()

    assert await asking == Decision(status="cancelled")
    assert await checkout.ended() == "cancelled"
    row = await checkout.agreed()
    assert (row["reason"], row["payment"]) == ("payment-throttled", "voided")
    assert shop.piles(lamp) == (1, 0, 0)


async def test_the_next_worker_takes_over_where_the_first_one_stopped(empty_shop: Shop) -> None:
    """Nothing of a checkout is in a worker's memory alone."""
    lamp = await empty_shop.stock("brass-lamp", 1)
    checkout = await empty_shop.open(lamp)

    async with empty_shop.working():
        await checkout.ask()
    await checkout.pay()
    async with empty_shop.working():
        status = await checkout.ended()

    assert status == "confirmed"
    await checkout.agreed()


@pytest.mark.parametrize(
    ("step", "done"),
    [(Step.RESERVE_STOCK, True), (Step.CAPTURE_PAYMENT, False)],
)
async def test_a_worker_stopped_in_the_middle_of_a_step_leaves_it_to_the_next(
    empty_shop: Shop,
    step: Step,
    done: bool,
) -> None:
    """A step that outlasts the grace is cut off, and repeated: it counts once."""
    lamp = await empty_shop.stock("brass-lamp", 2)
    checkout = await empty_shop.open(lamp)
    hold = empty_shop.gate.hold(checkout.id, step, done=done)
    async with empty_shop.working(start_to_close_seconds=1):
        asking = asyncio.create_task(checkout.ask())
        if step is not Step.RESERVE_STOCK:
            await asking
            await checkout.pay()
        await hold.reached.wait()
    async with empty_shop.working():
        await asking
        if step is Step.RESERVE_STOCK:
            await checkout.pay()
        status = await checkout.ended()

    assert status == "confirmed"
    assert checkout.steps().count(step) == 2
    await checkout.agreed()
    assert empty_shop.piles(lamp) == (1, 0, 1)
    assert captures(empty_shop, checkout.id) == [("succeeded",)]
