"""Every way in which the other stories end: a recovery, a late payment, refunds and a return."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from temporalio.client import WorkflowHandle

from ledger.commands import Inspect, InspectedUnits
from tests.workflows.facts import expire
from tests.workflows.gate import Hold
from tests.workflows.nets import begun
from tests.workflows.shop import AUTHORIZED, PRICE_MINOR, Checkout, Shop, eventually
from tests.workflows.test_after_the_sale import came_back, cancelled, failed, looked_at, sold
from workflows.late_payment import LatePaymentWorkflow
from workflows.messages import (
    CancelRequest,
    LatePayment,
    RefundsStart,
    ReturnStart,
)
from workflows.recovery import RecoveryWorkflow
from workflows.starting import (
    late_payment_arguments,
    late_payment_workflow_id,
    recovery_arguments,
    recovery_workflow_id,
)
from workflows.starting_refunds import refunds_id, start_refunds, start_return
from workflows.steps import Step

Handle = WorkflowHandle[Any, Any]
OtherEnding = Callable[[Shop], Awaitable[Handle]]
DEBIT = "pm_usBankAccount_success"

# Recoveries


async def recovered_and_confirmed(shop: Shop) -> Handle:
    """Pay while nobody looks after the checkout."""
    checkout = await _lost(shop)
    await checkout.pay(told=False)
    return await _recovering(checkout)


async def recovered_and_declined(shop: Shop) -> Handle:
    """Fail to pay when somebody looks after it again."""
    checkout = await _lost(shop)
    recovery = await _recovering(checkout)
    await eventually(lambda: _passed(checkout, "accept_payment.after"))
    await checkout.pay("pm_card_chargeDeclined")
    return recovery


async def recovered_and_expired(shop: Shop) -> Handle:
    """Do nothing, before and after."""
    return await _recovering(await _lost(shop, ttl_seconds=1))


async def recovered_and_cancelled(shop: Shop) -> Handle:
    """Think better of it."""
    checkout = await _lost(shop)
    recovery = await _recovering(checkout)
    await eventually(lambda: _passed(checkout, "accept_payment.after"))
    await recovery.execute_update("cancel", CancelRequest(wait_until_closed=True))
    return recovery


async def recovered_and_out_of_stock(shop: Shop) -> Handle:
    """Lose the workflow of a checkout that wants more than there is, before it has asked."""
    checkout = await shop.open(await shop.stock("brass-lamp", 1), 2)
    return await _lost_in(checkout, Step.RESERVE_STOCK)


async def recovered_past_the_fence(shop: Shop) -> Handle:
    """Lose it while the money is being taken."""
    checkout = await shop.open(await shop.stock("brass-lamp", 1))
    held = shop.gate.hold(checkout.id, Step.CAPTURE_PAYMENT)
    await checkout.ask()
    await checkout.pay()
    return await _lost_while(checkout, held)


async def recovered_in_its_undo(shop: Shop) -> Handle:
    """Lose it while its payment is being voided."""
    checkout = await shop.open(await shop.stock("brass-lamp", 1))
    held = shop.gate.hold(checkout.id, Step.VOID_PAYMENT)
    await checkout.ask()
    await checkout.pay("pm_card_chargeDeclined")
    return await _lost_while(checkout, held)


async def recovered_and_refunded(shop: Shop) -> Handle:
    """Lose it while the money goes back."""
    checkout = await shop.open(await shop.stock("brass-lamp", 1))
    held = shop.gate.hold(checkout.id, Step.REFUND_PAYMENT)
    await checkout.ask()
    await checkout.pay(DEBIT, told=False)
    await eventually(lambda: shop.shows(checkout, "captured"))
    cancelling = asyncio.create_task(checkout.cancel(closed=False))
    handle = await _lost_while(checkout, held)
    await asyncio.gather(cancelling, return_exceptions=True)
    return handle


async def recovered_though_it_was_over(shop: Shop) -> Handle:
    """Look after a checkout that needs nobody."""
    return await _recovering(await sold(shop))


async def _lost(shop: Shop, ttl_seconds: int = 900) -> Checkout:
    checkout = await shop.open(await shop.stock("brass-lamp", 1), ttl_seconds=ttl_seconds)
    await checkout.ask()
    await checkout.handle.terminate("lost")
    return checkout


async def _lost_in(checkout: Checkout, step: Step) -> Handle:
    held = checkout.shop.gate.hold(checkout.id, step)
    await begun(checkout)
    return await _lost_while(checkout, held)


async def _lost_while(checkout: Checkout, held: Hold) -> Handle:
    await held.reached.wait()
    await checkout.handle.terminate("lost")
    recovery = await _recovering(checkout)
    await recovery.result()
    held.let_go.set()
    return recovery


async def _recovering(checkout: Checkout) -> Handle:
    """Start a recovery as the orphan check does."""
    shop = checkout.shop
    arguments = recovery_arguments(checkout.start, shop.queue)
    await shop.client.start_workflow(RecoveryWorkflow.run, checkout.start, **arguments)
    return shop.client.get_workflow_handle(recovery_workflow_id(checkout.id))


async def _passed(checkout: Checkout, place: str) -> bool:
    return place in checkout.shop.gate.places[checkout.id]


# Late payments


async def late_and_sold(shop: Shop) -> Handle:
    """Pay when the checkout is over, while the lamp is still there."""
    checkout = await _over(shop)
    await checkout.pay(told=False)
    return await _late(shop, await checkout.intent())


async def late_and_given_back(shop: Shop) -> Handle:
    """Pay when somebody else has bought the lamp."""
    checkout = await _over(shop)
    rival = await shop.open(checkout.start.lines[0].sku, customer="bob")
    await rival.ask()
    await rival.pay()
    await rival.ended()
    await checkout.pay(told=False)
    return await _late(shop, await checkout.intent())


async def late_while_it_is_recovered(shop: Shop) -> Handle:
    """Pay when a recovery is at it already."""
    checkout = await _over(shop)
    held = shop.gate.hold(checkout.id, Step.VOID_PAYMENT)
    recovery = await _recovering(checkout)
    await held.reached.wait()
    await checkout.pay(told=False)
    late = await _late(shop, await checkout.intent())
    await late.result()
    held.let_go.set()
    await recovery.result()
    return late


async def not_late_at_all(shop: Shop) -> Handle:
    """Pay while the checkout waits for it."""
    checkout = await shop.open(await shop.stock("brass-lamp", 1))
    await checkout.ask()
    await checkout.pay(told=False)
    late = await _late(shop, await checkout.intent())
    await late.result()
    await checkout.hear(AUTHORIZED)
    await checkout.ended()
    return late


async def late_and_nobodys(shop: Shop) -> Handle:
    """Pay for something that was never ours."""
    return await _late(shop, await _stray(shop, "co_of_another_shop"))


async def stray_and_voided(shop: Shop) -> Handle:
    """Pay beside the checkout's own payment."""
    checkout = await sold(shop)
    return await _late(shop, await _stray(shop, checkout.id))


async def stray_and_refunded(shop: Shop) -> Handle:
    """Be charged by one's bank for it."""
    checkout = await sold(shop)
    return await _late(shop, await _stray(shop, checkout.id, DEBIT))


async def _over(shop: Shop) -> Checkout:
    """Let a checkout whose workflow was lost end by its time, with nobody to void its payment."""
    checkout = await _lost(shop)
    await expire(shop, checkout.id)
    return checkout


async def _late(shop: Shop, intent: str) -> Handle:
    late = LatePayment(payment_intent=intent)
    arguments = late_payment_arguments(late, shop.queue)
    await shop.client.start_workflow(LatePaymentWorkflow.run, late, **arguments)
    return shop.client.get_workflow_handle(late_payment_workflow_id(intent))


async def _stray(shop: Shop, checkout_id: str, method: str = "pm_card_visa") -> str:
    opened = await shop.provider.authorize(
        checkout_id=checkout_id,
        amount_minor=PRICE_MINOR,
        currency="EUR",
        idempotency_key=f"stray-{next(shop.numbers)}",
    )
    await shop.till.pay(opened.payment_intent, method)

    async def settled() -> bool:
        seen = await shop.provider.look_up(payment_intent=opened.payment_intent)
        return seen.state in ("authorized", "captured")

    await eventually(settled)
    return opened.payment_intent


# Refunds


async def refunded(shop: Shop) -> Handle:
    """Cancel an order."""
    return await cancelled(await sold(shop))


async def refunded_when_the_bank_had_done_it(shop: Shop) -> Handle:
    """Cancel one whose refund is pending for a while: looked at again."""
    return await cancelled(await sold(shop, method="pm_card_pendingRefund"))


async def refunded_at_the_second_try(shop: Shop) -> Handle:
    """Have a part of it given back by hand, then the rest while the story pauses."""
    checkout = await sold(shop)
    intent = await checkout.intent()
    await shop.till.post("/v1/refunds", {"payment_intent": intent, "amount": "100"})
    story = await cancelled(checkout)
    await eventually(lambda: failed(checkout, 1))
    rest = {"payment_intent": intent, "amount": str(PRICE_MINOR - 100)}
    await shop.till.post("/v1/refunds", rest)
    return story


async def nothing_was_owed(shop: Shop) -> Handle:
    """Look after the debts of an order that has none."""
    checkout = await sold(shop)
    name = refunds_id(checkout.id)
    await start_refunds(shop.client, name, RefundsStart(checkout_id=checkout.id), shop.queue)
    return shop.client.get_workflow_handle(name)


# Returns


async def returned_in_two_parts(shop: Shop) -> Handle:
    """Inspect one unit, then the other; each is paid back."""
    checkout = await sold(shop, 2)
    story = await came_back(checkout, 2)
    await looked_at(checkout, "first", 1)
    await eventually(lambda: _paid_back(checkout, 1))
    await looked_at(checkout, "second", 1)
    return story


async def returned_for_nothing(shop: Shop) -> Handle:
    """Inspect what is not paid back."""
    checkout = await sold(shop)
    story = await came_back(checkout, 1)
    units = InspectedUnits(sku=checkout.start.lines[0].sku, damaged=1)
    await shop.ledger.post(
        Inspect(
            actor="otto",
            inspection_id=f"i-{checkout.id}",
            return_id=f"r-{checkout.id}",
            lines=(units,),
        )
    )
    start = ReturnStart(return_id=f"r-{checkout.id}", order_id=checkout.id)
    await start_return(shop.client, start, shop.queue, inspected=True)
    return story


async def returned_when_the_bank_had_done_it(shop: Shop) -> Handle:
    """Inspect a unit whose refund is pending for a while."""
    checkout = await sold(shop, method="pm_card_pendingRefund")
    story = await came_back(checkout, 1)
    await looked_at(checkout, "only", 1)
    return story


async def _paid_back(checkout: Checkout, times: int) -> bool:
    query = "SELECT count(*) FROM refund WHERE checkout_id = %s AND state = 'done'"
    return bool(checkout.shop.database.value(query, checkout.id) == times)


ALL_PAID = "everything that was owed is paid back"
ALL_INSPECTED = "everything is inspected, and what was owed is paid back"

OTHER_ENDINGS: dict[OtherEnding, str] = {
    recovered_and_confirmed: "confirmed",
    recovered_and_declined: "declined",
    recovered_and_expired: "expired",
    recovered_and_cancelled: "cancelled",
    recovered_and_out_of_stock: "out_of_stock",
    recovered_past_the_fence: "confirmed",
    recovered_in_its_undo: "declined",
    recovered_and_refunded: "refunded",
    recovered_though_it_was_over: "confirmed",
    late_and_sold: "confirmed",
    late_and_given_back: "expired",
    late_while_it_is_recovered: "late",
    not_late_at_all: "live",
    late_and_nobodys: "unknown",
    stray_and_voided: "stray: voided",
    stray_and_refunded: "stray: refunded",
    refunded: ALL_PAID,
    refunded_when_the_bank_had_done_it: ALL_PAID,
    refunded_at_the_second_try: ALL_PAID,
    nothing_was_owed: ALL_PAID,
    returned_in_two_parts: ALL_INSPECTED,
    returned_for_nothing: ALL_INSPECTED,
    returned_when_the_bank_had_done_it: ALL_INSPECTED,
}
"""Each with what its workflow answered when it was over."""
