"""What a provider may tell, do and refuse, and what becomes of the checkout."""

from __future__ import annotations

import asyncio

from tests.workflows.facts import captures, ended_within, expire, settled
from tests.workflows.gate import Hold
from tests.workflows.shop import (
    AUTHORIZED,
    FAILED,
    SUCCEEDED,
    Checkout,
    Forward,
    Shop,
    eventually,
)
from workflows.checkout import CheckoutWorkflow
from workflows.messages import Decision
from workflows.steps import Step


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


async def test_an_error_of_the_database_says_nothing_in_the_history(shop: Shop) -> None:
    """Its text quotes statements and their parameters; only a stable code may go along."""
    checkout = await shop.open(await shop.stock("brass-lamp", 1))
    await checkout.ask()
    hold = shop.gate.hold(checkout.id, Step.ACCEPT_PAYMENT)
    await checkout.pay()
    await hold.reached.wait()
    shop.database.run("REVOKE SELECT ON payment FROM onhand_application, onhand_read")
    hold.let_go.set()
    await eventually(lambda: tried_again(checkout))
    shop.database.run("GRANT SELECT ON payment TO onhand_application")

    assert await checkout.ended() == "confirmed"
    history = (await checkout.handle.fetch_history()).to_json()
    assert "broken-ProgrammingError" in history
    assert "SELECT" not in history


async def test_a_hold_that_was_extended_is_not_expired_again_and_again(
    shop: Shop, forward: Forward
) -> None:
    """The ledger says that the hold is longer than the workflow knew; then it waits on."""
    checkout = await shop.open(await shop.stock("brass-lamp", 1), ttl_seconds=60)
    await checkout.ask()
    extend = "UPDATE reservation SET extension = 1 WHERE checkout_id = %s"
    shop.database.run(extend, checkout.id)
    first = shop.gate.hold(checkout.id, Step.EXPIRE_HOLD, done=True)
    await forward(checkout, 61)
    await first.reached.wait()
    second = shop.gate.hold(checkout.id, Step.EXPIRE_HOLD)
    first.let_go.set()

    await eventually(lambda: again_or_idle(checkout, second))
    again = second.reached.is_set()
    second.let_go.set()
    await checkout.handle.terminate("the test saw enough")

    assert not again


async def tried_again(checkout: Checkout) -> bool:
    """Tell whether the step under way has failed before."""
    pending = (await checkout.handle.describe()).raw_description.pending_activities
    return any(activity.attempt > 1 for activity in pending)


async def again_or_idle(checkout: Checkout, hold: Hold) -> bool:
    """Tell whether the held step was begun, or nothing is under way."""
    told = await checkout.handle.query(CheckoutWorkflow.told)
    return hold.reached.is_set() or told["step"] is None
