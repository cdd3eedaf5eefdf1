"""Money that comes when nobody waits for it any more is sold for, or given back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from ledger import inbox
from ledger.checkouts import PaymentOperationKind, Status
from ledger.commands import (
    Expire,
    FailPaymentOperation,
    Quantity,
    Release,
    Reserve,
    StartPaymentOperation,
)
from ledger.ids import reservation_id
from tests.integration.worker.test_delivery import AGAIN, DISPOSITION, payable
from tests.workflows.nets import begun, reaper
from tests.workflows.shop import AUTHORIZED, PRICE_MINOR, Checkout, Shop, eventually
from worker.delivery import ASKED_AFTER, UNKNOWN_AFTER
from worker.starting import described
from workflows.starting import late_payment_workflow_id

OLDER = "UPDATE webhook_event SET received_at = received_at - CAST(%s AS interval), next_attempt_at = clock_timestamp()"


async def expired(shop: Shop) -> Checkout:
    """Let a payable checkout end by its time, with nobody to void its payment."""
    checkout = await payable(shop)
    await shop.ledger.post(Expire(actor="reaper", reservation_id=f"{checkout.id}/1", extension=0))
    return checkout


async def settled(shop: Shop, intent: str) -> str:
    """Wait for the end of a late payment's workflow."""
    handle = shop.client.get_workflow_handle(late_payment_workflow_id(intent))
    status: str = await handle.result()
    return status


async def test_paid_after_the_end_it_is_sold_where_the_lamp_is_still_there(own_shop: Shop) -> None:
    """As a new reservation, born committing."""
    checkout = await expired(own_shop)
    await checkout.pay(told=False)
    event = await checkout.hear(AUTHORIZED)
    async with own_shop.working():
        status = await settled(own_shop, await checkout.intent())
    own_shop.database.run(AGAIN)
    await own_shop.delivery.round()

    assert status == "confirmed"
    assert own_shop.database.value(DISPOSITION, event) == "already-known"
    assert checkout.reservations() == [("1", "expired"), ("2", "confirmed")]
    await checkout.agreed()
    assert own_shop.piles(checkout.start.lines[0].sku) == (0, 0, 1)


async def test_paid_after_the_end_it_is_given_back_where_the_lamp_is_gone(own_shop: Shop) -> None:
    """Somebody else has bought it."""
    checkout = await expired(own_shop)
    sku = checkout.start.lines[0].sku
    other = await own_shop.open(sku)
    lines = (Quantity(sku=sku, quantity=1),)
    await own_shop.ledger.post(
        Reserve(actor="test", reservation_id=reservation_id(other.id), lines=lines)
    )
    await checkout.pay(told=False)
    await checkout.hear(AUTHORIZED)
    async with own_shop.working():
        status = await settled(own_shop, await checkout.intent())

    row = await checkout.agreed()
    assert (status, row["payment"], row["reservation"]) == ("expired", "voided", "expired")
    assert own_shop.piles(sku) == (0, 1, 0)


async def test_a_debit_that_settles_after_the_end_is_sold_or_refunded(own_shop: Shop) -> None:
    """Captured at once: there is nothing to void any more."""
    checkout = await expired(own_shop)
    await checkout.pay("pm_usBankAccount_success", told=False)
    await eventually(lambda: own_shop.shows(checkout, "captured"))
    await checkout.hear("payment_intent.succeeded")
    async with own_shop.working():
        status = await settled(own_shop, await checkout.intent())

    assert status == "confirmed"
    await checkout.agreed()


async def test_while_somebody_is_about_to_end_it_nobody_else_is_sent(own_shop: Shop) -> None:
    """Its own workflow looks at the payment before it voids it."""
    checkout = await own_shop.open(await own_shop.stock("brass-lamp", 1))
    async with own_shop.working():
        await checkout.ask()
    await own_shop.ledger.post(
        Expire(actor="reaper", reservation_id=f"{checkout.id}/1", extension=0)
    )
    await checkout.pay(told=False)
    event = await checkout.hear(AUTHORIZED)
    name = late_payment_workflow_id(await checkout.intent())

    assert own_shop.database.value(DISPOSITION, event) is None
    assert await described(own_shop.client, name) is None
    await checkout.handle.terminate()


async def opened_at_the_provider(shop: Shop, checkout_id: str) -> str:
    """Let a payment be there that no row of ours knows, and be paid."""
    opened = await shop.provider.authorize(
        checkout_id=checkout_id,
        amount_minor=PRICE_MINOR,
        currency="EUR",
        idempotency_key=f"stray-{checkout_id}-{next(shop.numbers)}",
    )
    await shop.till.pay(opened.payment_intent)
    return opened.payment_intent


async def heard_long_ago(shop: Shop, intent: str, age: timedelta) -> str:
    """Store an event of that payment as one that has waited for a while, and bring it."""
    event = inbox.InboxEvent(
        provider="stripe",
        event_id=f"evt_{next(shop.numbers)}",
        kind=AUTHORIZED,
        payment_intent=intent,
        body_sha256="00" * 32,
    )
    await inbox.store(shop.ledger.engine, event)
    shop.database.run(OLDER, str(age + timedelta(seconds=1)))
    await shop.delivery.round()
    return event.event_id


async def never_asked(shop: Shop) -> Checkout:
    """Give a checkout that ended before it asked for money."""
    checkout = await shop.open(await shop.stock("brass-lamp", 1), 2)
    async with shop.working():
        await checkout.ask()
    assert checkout.row()["status"] == "out_of_stock"
    return checkout


async def beside_its_own(shop: Shop) -> Checkout:
    """Give a checkout that has a payment already."""
    return await expired(shop)


@pytest.mark.parametrize("of", [never_asked, beside_its_own])
async def test_a_stray_payment_is_given_back(
    own_shop: Shop, of: Callable[[Shop], Awaitable[Checkout]]
) -> None:
    """It names a checkout of ours, and no sale is behind it."""
    checkout = await of(own_shop)
    intent = await opened_at_the_provider(own_shop, checkout.id)
    event = await heard_long_ago(own_shop, intent, ASKED_AFTER)
    async with own_shop.working():
        told = await settled(own_shop, intent)

    seen = await own_shop.provider.look_up(payment_intent=intent)
    assert (told, seen.state) == ("stray: voided", "voided")
    assert own_shop.database.value(DISPOSITION, event) == "stray-given-back"


async def test_a_payment_whose_creation_was_never_recorded_is_found(own_shop: Shop) -> None:
    """The answer was lost with the workflow, and the reaper ended the hold."""
    checkout = await own_shop.open(await own_shop.stock("brass-lamp", 1), ttl_seconds=1)
    own_shop.wire.losing = "POST /v1/payment_intents "
    async with own_shop.working():
        await begun(checkout)
        await eventually(lambda: opened(own_shop, checkout))
        await checkout.handle.terminate()
    own_shop.wire.losing = None
    await eventually(lambda: reaped(own_shop, checkout))
    (intent,) = [intent["id"] for intent in await own_shop.till.intents_of(checkout.id)]
    await own_shop.till.pay(intent)
    await heard_long_ago(own_shop, intent, ASKED_AFTER)
    async with own_shop.working():
        status = await settled(own_shop, intent)

    assert status == "confirmed"
    assert (await checkout.agreed())["reason"] == "late-payment"


async def opened(shop: Shop, checkout: Checkout) -> bool:
    return bool(await shop.till.intents_of(checkout.id))


async def reaped(shop: Shop, checkout: Checkout) -> bool:
    await reaper(shop).round()
    return checkout.row()["status"] == "expired"


async def test_a_payment_of_nobody_is_settled_after_a_while(own_shop: Shop) -> None:
    """The provider says that it is not ours: another shop's, on the same account."""
    intent = await opened_at_the_provider(own_shop, "co_of_another_shop")
    event = await heard_long_ago(own_shop, intent, ASKED_AFTER)
    async with own_shop.working():
        told = await settled(own_shop, intent)
    before = own_shop.database.value(DISPOSITION, event)
    own_shop.database.run(OLDER, str(UNKNOWN_AFTER))
    await own_shop.delivery.round()

    assert (told, before) == ("unknown", None)
    assert own_shop.database.value(DISPOSITION, event) == "unknown-payment"
    assert (await own_shop.provider.look_up(payment_intent=intent)).state == "authorized"


async def test_a_payment_that_was_said_not_to_have_been_opened_is_voided(own_shop: Shop) -> None:
    """The provider refused, and opened it all the same: a proved no was none."""
    checkout = await own_shop.open(await own_shop.stock("brass-lamp", 1))
    name, kind = reservation_id(checkout.id), PaymentOperationKind.AUTHORIZE
    lines = (Quantity(sku=checkout.start.lines[0].sku, quantity=1),)
    for command in (
        Reserve(actor="test", reservation_id=name, lines=lines),
        StartPaymentOperation(actor="test", checkout_id=checkout.id, kind=kind),
        FailPaymentOperation(actor="test", checkout_id=checkout.id, kind=kind, code="refused"),
        Release(actor="test", reservation_id=name, ending=Status.CANCELLED, reason="refused"),
    ):
        await own_shop.ledger.post(command)
    intent = await opened_at_the_provider(own_shop, checkout.id)
    await heard_long_ago(own_shop, intent, ASKED_AFTER)
    async with own_shop.working():
        status = await settled(own_shop, intent)

    assert (status, (await checkout.agreed())["payment"]) == ("cancelled", "voided")
