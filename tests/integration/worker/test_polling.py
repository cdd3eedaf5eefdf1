"""A webhook that never comes only delays: the provider is asked about payments of which nothing is heard."""

from __future__ import annotations

from datetime import timedelta

from ledger.checkouts import PaymentState
from ledger.promises import SilentPayment
from payments.values import ProviderPayment, ProviderState
from tests.integration.worker.test_delivery import DISPOSITION, signals
from tests.workflows.nets import polling
from tests.workflows.shop import FAILED, Checkout, Shop, eventually
from worker.polling import news


async def test_a_payment_nobody_told_of_is_sold(own_shop: Shop) -> None:
    """No event of it was ever stored, and so none is marked."""
    lamp = await own_shop.stock("brass-lamp", 1)
    checkout = await own_shop.open(lamp)
    async with own_shop.working():
        await checkout.ask()
        await checkout.pay(told=False)
        await polling(own_shop).round()
        status = await checkout.ended()

    assert status == "confirmed"
    assert own_shop.database.value("SELECT count(*) FROM webhook_event") == 0
    await checkout.agreed()
    assert own_shop.piles(lamp) == (0, 0, 1)


async def test_a_decline_nobody_told_of_ends_the_checkout(own_shop: Shop) -> None:
    """As it would have, had the event come."""
    checkout = await own_shop.open(await own_shop.stock("brass-lamp", 1))
    async with own_shop.working():
        await checkout.ask()
        await checkout.pay("pm_card_chargeDeclined", told=False)
        await polling(own_shop).round()
        status = await checkout.ended()

    assert status == "declined"
    assert (await checkout.agreed())["payment"] == "voided"


async def test_a_decline_that_was_told_is_not_counted_twice(own_shop: Shop) -> None:
    """The customer has a second card."""
    checkout = await own_shop.open(await own_shop.stock("brass-lamp", 1), payment_attempts=2)
    async with own_shop.working():
        await checkout.ask()
        await checkout.pay("pm_card_chargeDeclined", told=False)
        event = await checkout.hear(FAILED)
        await eventually(lambda: applied(own_shop, event))
        await polling(own_shop).round()
        told = await signals(checkout)
        await checkout.pay()
        status = await checkout.ended()

    assert (told, status) == (1, "confirmed")


async def test_a_decline_whose_event_comes_late_counts_once(own_shop: Shop) -> None:
    """Polling has told of it meanwhile; the customer has a second card."""
    checkout = await own_shop.open(await own_shop.stock("brass-lamp", 1), payment_attempts=2)
    async with own_shop.working():
        await checkout.ask()
        await checkout.pay("pm_card_chargeDeclined", told=False)
        await polling(own_shop).round()
        await eventually(lambda: looked(checkout, 1))
        event = await checkout.hear(FAILED)
        await eventually(lambda: applied(own_shop, event))
        await checkout.pay()
        status = await checkout.ended()

    assert status == "confirmed"


async def looked(checkout: Checkout, times: int) -> bool:
    return checkout.steps().count("accept_payment") == times


async def applied(shop: Shop, event: str) -> bool:
    return bool(shop.database.value(DISPOSITION, event) == "applied")


async def test_a_customer_who_still_thinks_is_left_alone(own_shop: Shop) -> None:
    """What is known already is no news, and a signal costs the engine a task."""
    checkout = await own_shop.open(await own_shop.stock("brass-lamp", 1))
    async with own_shop.working():
        await checkout.ask()
        await polling(own_shop).round()

        assert await signals(checkout) == 0
        await checkout.cancel()


async def test_a_payment_is_looked_at_again_only_after_another_silence(own_shop: Shop) -> None:
    """The provider counts our questions. A row that was just written is not silent."""
    checkout = await own_shop.open(await own_shop.stock("brass-lamp", 1))
    async with own_shop.working():
        await checkout.ask()
        patient = polling(own_shop, timedelta(minutes=5))
        await checkout.pay(told=False)
        await patient.round()
        young = await signals(checkout)
        own_shop.database.run(OLDER, checkout.id)
        await patient.round()
        await eventually(lambda: sold(own_shop, checkout.id))
        told = await signals(checkout)

    assert (young, told) == (0, 1)
    assert list(patient._looked_at) == [await checkout.intent()]


OLDER = "UPDATE checkout SET updated_at = updated_at - interval '5 minutes' WHERE checkout_id = %s"


async def sold(shop: Shop, checkout_id: str) -> bool:
    status = "SELECT status FROM checkout WHERE checkout_id = %s"
    return bool(shop.database.value(status, checkout_id) == "confirmed")


def shown(state: ProviderState, decline_code: str | None = None) -> ProviderPayment:
    """Give what the provider shows."""
    return ProviderPayment(
        payment_intent="pi_1",
        checkout_id="co_ada",
        state=state,
        amount_minor=4_900,
        currency="EUR",
        authorized_minor=0,
        captured_minor=0,
        refunded_minor=0,
        client_secret=None,
        decline_code=decline_code,
    )


def test_the_same_news_has_the_same_name() -> None:
    """A workflow that was told once takes a second telling for the same."""
    silent = SilentPayment(
        checkout_id="co_ada",
        payment=PaymentState.REQUIRES_PAYMENT,
        payment_intent="pi_1",
        decline_told=False,
    )

    first, second = (news(silent, shown(ProviderState.AUTHORIZED)) for _ in range(2))
    third = news(silent, shown(ProviderState.VOIDED))

    assert first == second != third
    assert news(silent, shown(ProviderState.REQUIRES_PAYMENT)) is None
