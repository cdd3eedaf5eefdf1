"""Every way in which a checkout ends, each as a customer, an operator or a provider brings it about."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from tests.workflows.shop import SUCCEEDED, Checkout, Shop, eventually
from workflows.steps import Step

Ending = Callable[[Shop], Awaitable[Checkout]]


async def confirmed(shop: Shop) -> Checkout:
    """Pay."""
    checkout = await shop.open(await shop.stock("brass-lamp", 3), 2)
    await checkout.ask()
    await checkout.pay()
    return checkout


async def confirmed_at_the_second_card(shop: Shop) -> Checkout:
    """Fail to pay, be told nothing new, then pay."""
    lamp = await shop.stock("brass-lamp", 1)
    checkout = await shop.open(lamp, payment_attempts=2)
    await checkout.ask()
    await checkout.pay("pm_card_chargeDeclined")
    await eventually(lambda: _tried(checkout, Step.ACCEPT_PAYMENT, 1))
    await checkout.pay()
    return checkout


async def declined(shop: Shop) -> Checkout:
    """Fail to pay."""
    checkout = await shop.open(await shop.stock("brass-lamp", 1))
    await checkout.ask()
    await checkout.pay("pm_card_chargeDeclined")
    return checkout


async def declined_at_the_capture(shop: Shop) -> Checkout:
    """Have the authorization taken away after the fence."""
    checkout = await shop.open(await shop.stock("brass-lamp", 1))
    hold = shop.gate.hold(checkout.id, Step.CAPTURE_PAYMENT)
    await checkout.ask()
    await checkout.pay()
    await hold.reached.wait()
    await shop.till.post(f"/v1/payment_intents/{await checkout.intent()}/cancel", {})
    hold.let_go.set()
    return checkout


async def out_of_stock(shop: Shop) -> Checkout:
    """Want more than there is."""
    checkout = await shop.open(await shop.stock("brass-lamp", 1), 2)
    await checkout.ask()
    return checkout


async def limit_exceeded(shop: Shop) -> Checkout:
    """Want more than one may have."""
    checkout = await shop.open(await shop.stock("brass-lamp", 5, limit=1), 2)
    await checkout.ask()
    return checkout


async def expired(shop: Shop) -> Checkout:
    """Do nothing."""
    checkout = await shop.open(await shop.stock("brass-lamp", 1), ttl_seconds=1)
    await checkout.ask()
    return checkout


async def cancelled_by_the_customer(shop: Shop) -> Checkout:
    """Think better of it."""
    checkout = await shop.open(await shop.stock("brass-lamp", 1))
    await checkout.ask()
    await checkout.cancel()
    return checkout


async def cancelled_by_an_operator(shop: Shop) -> Checkout:
    """Be cancelled in the Temporal UI while the customer should pay."""
    checkout = await shop.open(await shop.stock("brass-lamp", 1))
    await checkout.ask()
    await checkout.handle.cancel()
    return checkout


async def cancelled_after_the_payment_was_given_up(shop: Shop) -> Checkout:
    """Have no provider to ask."""
    checkout = await shop.open(await shop.stock("brass-lamp", 1), ttl_seconds=1)
    shop.wire.throttling = "POST /v1/payment_intents "
    undo = shop.gate.hold(checkout.id, Step.RELEASE_STOCK)
    asking = asyncio.create_task(checkout.ask())
    await undo.reached.wait()
    shop.wire.throttling = None
    undo.let_go.set()
    await asking
    return checkout


async def refunded_by_an_operator(shop: Shop) -> Checkout:
    """Be cancelled in the Temporal UI past the fence."""
    checkout = await shop.open(await shop.stock("brass-lamp", 1))
    hold = shop.gate.hold(checkout.id, Step.CONFIRM_ORDER)
    await checkout.ask()
    await checkout.pay()
    await hold.reached.wait()
    await checkout.handle.cancel()
    hold.let_go.set()
    return checkout


async def refunded_since_it_came_too_late(shop: Shop) -> Checkout:
    """Be charged by one's bank after one cancelled."""
    checkout = await shop.open(await shop.stock("brass-lamp", 1))
    await checkout.ask()
    await checkout.pay("pm_usBankAccount_success", told=False)
    await eventually(lambda: shop.shows(checkout, "captured"))
    await checkout.cancel()
    return checkout


async def confirmed_from_a_bank_debit(shop: Shop) -> Checkout:
    """Be charged by one's bank in time."""
    checkout = await shop.open(await shop.stock("brass-lamp", 1))
    await checkout.ask()
    await checkout.pay("pm_usBankAccount_success", told=False)
    await eventually(lambda: shop.shows(checkout, "captured"))
    await checkout.hear(SUCCEEDED)
    return checkout


async def confirmed_after_an_extension(shop: Shop) -> Checkout:
    """Take longer, having said so."""
    checkout = await shop.open(await shop.stock("brass-lamp", 1))
    await checkout.ask()
    await checkout.extend(1)
    await checkout.pay()
    return checkout


async def expired_after_an_extension(shop: Shop) -> Checkout:
    """Ask for more time, and do nothing with it."""
    checkout = await shop.open(await shop.stock("brass-lamp", 1), ttl_seconds=1)
    await checkout.ask()
    await checkout.extend(1, seconds=1)
    return checkout


async def confirmed_though_paid_late(shop: Shop) -> Checkout:
    """Pay as the hold expires, while the lamp is still there."""
    checkout, lost = await _paid_as_it_expires(shop, "pm_card_visa")
    lost.set()
    return checkout


async def voided_since_it_was_paid_late(shop: Shop) -> Checkout:
    """Authorize as the hold expires, and see somebody else take the lamp."""
    checkout, lost = await _paid_as_it_expires(shop, "pm_card_visa")
    await _bought_by_another(shop, checkout)
    lost.set()
    return checkout


async def refunded_since_it_was_paid_late(shop: Shop) -> Checkout:
    """Be charged by one's bank as the hold expires, and see somebody else take the lamp."""
    checkout, lost = await _paid_as_it_expires(shop, "pm_usBankAccount_success")
    await eventually(lambda: shop.shows(checkout, "captured"))
    await _bought_by_another(shop, checkout)
    lost.set()
    return checkout


async def confirmed_by_the_steps_themselves(shop: Shop) -> Checkout:
    """Have both strides stumble: each leaves the rest to the step that has it as its own."""
    checkout = await shop.open(await shop.stock("brass-lamp", 1))
    shop.gate.fail(checkout.id, Step.REQUEST_PAYMENT)
    shop.gate.fail(checkout.id, Step.CAPTURE_PAYMENT)
    await checkout.ask()
    await checkout.pay()
    return checkout


async def cancelled_since_the_stock_could_not_be_asked_for(shop: Shop) -> Checkout:
    """Have nobody answer for as long as anybody waits."""
    checkout = await shop.open(await shop.stock("brass-lamp", 1))
    shop.gate.put_off(checkout.id, Step.RESERVE_STOCK)
    await checkout.ask()
    return checkout


async def cancelled_before_there_was_anything_to_pay(shop: Shop) -> Checkout:
    """Think better of it while the stock is being reserved."""
    checkout = await shop.open(await shop.stock("brass-lamp", 1))
    shop.gate.fail(checkout.id, Step.REQUEST_PAYMENT)
    reserving = shop.gate.hold(checkout.id, Step.RESERVE_STOCK)
    asking = asyncio.create_task(checkout.ask())
    await reserving.reached.wait()
    cancelling = asyncio.create_task(checkout.cancel())
    await shop.until_accepted(checkout, "cancel")
    reserving.let_go.set()
    await asyncio.gather(asking, cancelling)
    return checkout


ENDINGS: tuple[Ending, ...] = (
    confirmed,
    confirmed_at_the_second_card,
    confirmed_from_a_bank_debit,
    declined,
    declined_at_the_capture,
    out_of_stock,
    limit_exceeded,
    expired,
    cancelled_by_the_customer,
    cancelled_by_an_operator,
    cancelled_after_the_payment_was_given_up,
    refunded_by_an_operator,
    refunded_since_it_came_too_late,
    confirmed_after_an_extension,
    expired_after_an_extension,
    confirmed_though_paid_late,
    voided_since_it_was_paid_late,
    refunded_since_it_was_paid_late,
    confirmed_by_the_steps_themselves,
    cancelled_since_the_stock_could_not_be_asked_for,
    cancelled_before_there_was_anything_to_pay,
)


async def _paid_as_it_expires(shop: Shop, method: str) -> tuple[Checkout, asyncio.Event]:
    """Let a payment nobody tells of be made while the hold expires; the look at it waits for the event."""
    checkout = await shop.open(await shop.stock("brass-lamp", 1), ttl_seconds=1)
    expiring = shop.gate.hold(checkout.id, Step.EXPIRE_HOLD)
    looking = shop.gate.hold(checkout.id, Step.VOID_PAYMENT)
    await checkout.ask()
    await expiring.reached.wait()
    await checkout.pay(method, told=False)
    expiring.let_go.set()
    await looking.reached.wait()
    return checkout, looking.let_go


async def _bought_by_another(shop: Shop, checkout: Checkout) -> None:
    rival = await shop.open(checkout.start.lines[0].sku)
    await rival.ask()
    await rival.pay()
    await rival.ended()


async def _tried(checkout: Checkout, step: Step, times: int) -> bool:
    return checkout.steps().count(step) >= times
