"""What goes wrong around a checkout: repeated, out of order, lost, away, killed."""

from __future__ import annotations

import asyncio

import pytest
from temporalio.exceptions import WorkflowAlreadyStartedError

from ledger import ids
from ledger.checkouts import Status
from ledger.commands import Expire, Release
from tests.workflows.shop import (
    AUTHORIZED,
    FAILED,
    SUCCEEDED,
    Checkout,
    Shop,
    eventually,
)
from workflows.checkout import CheckoutWorkflow
from workflows.messages import Decision
from workflows.starting import start_arguments
from workflows.story import Step

CREATE = "POST /v1/payment_intents "


async def tried(shop: Shop, checkout_id: str, step: Step, times: int) -> bool:
    """Tell whether a step was begun that often."""
    return shop.gate.steps[checkout_id].count(step) >= times


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


async def test_repeated_and_disordered_events_give_one_capture(any_shop: Shop) -> None:
    """Events are hints: each one makes us look, and only what is seen counts."""
    lamp = await any_shop.stock("brass-lamp", 1)
    checkout = await any_shop.open(lamp, payment_attempts=2)
    await checkout.ask()
    await checkout.pay("pm_card_chargeDeclined", told=False)
    await checkout.pay("pm_card_visa", told=False)

    await checkout.hear(SUCCEEDED)
    authorized = await checkout.hear(AUTHORIZED)
    await checkout.hear(FAILED)
    await checkout.hear(AUTHORIZED, authorized)

    assert await checkout.ended() == "confirmed"
    await checkout.agreed()
    assert captures(any_shop, checkout.id) == [("succeeded",)]


async def test_an_event_that_comes_before_the_answer_is_not_lost(shop: Shop) -> None:
    """The provider may tell of the payment before our own request has returned."""
    lamp = await shop.stock("brass-lamp", 1)
    checkout = await shop.open(lamp)
    hold = shop.gate.hold(checkout.id, Step.REQUEST_PAYMENT, done=True)
    asking = asyncio.create_task(checkout.ask())
    await hold.reached.wait()
    await checkout.pay()
    hold.let_go.set()

    await asking
    assert await checkout.ended() == "confirmed"
    await checkout.agreed()


async def test_an_event_that_says_nothing_new_is_looked_at_and_waits_on(shop: Shop) -> None:
    """A hint before the customer has done anything."""
    lamp = await shop.stock("brass-lamp", 1)
    checkout = await shop.open(lamp)
    await checkout.ask()

    event = await checkout.hear(AUTHORIZED)
    await eventually(lambda: settled(shop, event))
    between = checkout.row()["status"]
    await checkout.pay()

    assert between == "awaiting_payment"
    assert await checkout.ended() == "confirmed"
    await checkout.agreed()


async def test_a_payment_voided_behind_our_back_ends_the_checkout(shop: Shop) -> None:
    """Somebody cancelled it in the provider's own console."""
    lamp = await shop.stock("brass-lamp", 1)
    checkout = await shop.open(lamp)
    await checkout.ask()
    await shop.till.post(f"/v1/payment_intents/{await checkout.intent()}/cancel", {})

    await checkout.hear("payment_intent.canceled")

    assert await checkout.ended() == "declined"
    row = await checkout.agreed()
    assert (row["reason"], row["payment"]) == ("payment-voided", "voided")
    assert shop.piles(lamp) == (1, 0, 0)


async def test_a_capture_the_provider_refuses_gives_the_lamp_back(shop: Shop) -> None:
    """The authorization was cancelled between fence and capture; the refusal proves that nothing was taken."""
    lamp = await shop.stock("brass-lamp", 1)
    checkout = await shop.open(lamp)
    hold = shop.gate.hold(checkout.id, Step.CAPTURE_PAYMENT)
    await checkout.ask()
    await checkout.pay()
    await hold.reached.wait()
    await shop.till.post(f"/v1/payment_intents/{await checkout.intent()}/cancel", {})
    hold.let_go.set()

    assert await checkout.ended() == "declined"
    assert (await checkout.agreed())["payment"] == "voided"
    assert shop.piles(lamp) == (1, 0, 0)
    assert [state for (state,) in captures(shop, checkout.id)] == ["failed"]


async def test_a_hold_the_reaper_took_ends_the_checkout(shop: Shop) -> None:
    """The same command under the same key, so it does not matter who was first."""
    lamp = await shop.stock("brass-lamp", 1)
    checkout = await shop.open(lamp)
    await checkout.ask()
    await expire(shop, checkout.id)

    await checkout.pay()

    # The delivery loop brings nothing to an expired checkout; its own timer, or a cancel, does.
    await checkout.cancel()
    assert await checkout.ended() == "expired"
    assert (await checkout.agreed())["payment"] == "voided"


async def test_a_payment_of_another_amount_is_voided_and_the_checkout_ends(shop: Shop) -> None:
    """What the provider holds is not what was asked for: nobody may be charged for it."""
    lamp = await shop.stock("brass-lamp", 1)
    checkout = await shop.open(lamp)
    await checkout.ask()
    shop.database.run("UPDATE payment SET amount_minor = 1 WHERE checkout_id = %s", checkout.id)

    await checkout.pay()

    assert await ended_within(checkout, 3) == "declined"
    assert checkout.row()["payment"] == "voided"
    assert shop.piles(lamp) == (1, 0, 0)


async def test_a_payment_the_provider_will_not_open_ends_the_checkout(shop: Shop) -> None:
    """A currency it does not know, an amount too small: nothing was opened, so nothing is to be voided."""
    lamp = await shop.stock("brass-lamp", 1)
    checkout = await shop.open(lamp, currency="ZZZ")

    decision = await checkout.ask()

    assert decision == Decision(status="cancelled")
    assert await ended_within(checkout, 3) == "cancelled"
    row = await checkout.agreed()
    assert (row["reason"], row["payment"]) == ("payment-refused", "none")


async def test_a_debit_that_fails_after_its_void_was_refused_is_voided_then(shop: Shop) -> None:
    """A debit under way cannot be called back; the refusal must not be asked for under its key for ever."""
    lamp = await shop.stock("brass-lamp", 1)
    checkout = await shop.open(lamp)
    await checkout.ask()
    await checkout.pay("pm_usBankAccount_insufficientFunds", told=False)

    await checkout.cancel(closed=False)

    assert await ended_within(checkout, 4) == "cancelled"
    assert (await checkout.agreed())["payment"] == "voided"


async def test_a_late_payment_refunded_by_hand_ends_the_checkout(shop: Shop) -> None:
    """An operator was quicker than we: the money is back, so the checkout says so."""
    lamp = await shop.stock("brass-lamp", 1)
    checkout = await shop.open(lamp)
    hold = shop.gate.hold(checkout.id, Step.VOID_PAYMENT)
    await checkout.ask()
    await checkout.pay("pm_usBankAccount_success", told=False)
    await eventually(lambda: shop.shows(checkout, "captured"))
    await checkout.cancel(closed=False)
    await hold.reached.wait()
    await shop.till.post("/v1/refunds", {"payment_intent": await checkout.intent()})
    hold.let_go.set()

    assert await ended_within(checkout, 3) == "refunded"
    assert (await checkout.agreed())["payment"] == "refunded"
