"""Every fault that the provider's simulator knows, through a whole checkout: each has one right ending."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from temporalio.client import WorkflowFailureError

from tests.workflows.facts import captures
from tests.workflows.shop import AUTHORIZED, Checkout, Forward, Shop, eventually
from workflows.steps import Step

Ending = tuple[str, str, list[str]]
"""The checkout's status, its payment's state, and what became of each capture that was asked for."""

SOLD: Ending = ("confirmed", "captured", ["succeeded"])
SOLD_AT_THE_SECOND_TRY: Ending = ("confirmed", "captured", ["failed", "succeeded"])
CANCELLED: Ending = ("cancelled", "voided", [])
REFUNDED: Ending = ("refunded", "refunded", ["succeeded"])

SALES: dict[str, Ending] = {
    "create.reply_lost": SOLD,
    "create.acts_late": SOLD,
    "create.error": SOLD,
    "create.error_acted": SOLD,
    "create.error*2": SOLD,
    "retrieve.error*3": SOLD,
    "capture.reply_lost": SOLD,
    "capture.acts_late": SOLD,
    "capture.time_out=4": SOLD,
    "capture.slow=4": SOLD,
    "capture.error": SOLD_AT_THE_SECOND_TRY,
    "capture.error_acted": SOLD,
    "capture.decline": ("declined", "voided", ["failed"]),
    "capture.decline cancel.error": ("declined", "voided", ["failed"]),
}
CANCELS = [
    "cancel.reply_lost",
    "cancel.acts_late",
    "cancel.error",
    "cancel.error_acted",
    "cancel.decline",
    "cancel.error*2 retrieve.error",
]
REFUNDS = [
    "refund.reply_lost",
    "refund.acts_late",
    "refund.error",
    "refund.error_acted",
    "refund.decline",
    "refund.fails_later=0.2",
    "refund.fails_later=0.2 refund.error",
]


async def faulty(shop: Shop, faults: str) -> Checkout:
    """Open a checkout whose payment will go wrong in this way."""
    checkout = await shop.open(await shop.stock("brass-lamp", 1))
    told = await shop.till.post("/_faults", {"checkout_id": checkout.id, "faults": faults})
    assert "error" not in told, told
    return checkout


async def ending(checkout: Checkout) -> Ending:
    """See that the ledger, the piles and the till agree, and that the fault was met; say how it ended."""
    shop = checkout.shop
    left = await shop.till.get("/_faults", {"checkout_id": checkout.id})
    assert left["faults"] == ""
    row = await checkout.agreed()
    sold = 1 if row["status"] == "confirmed" else 0
    assert shop.piles(checkout.start.lines[0].sku) == (1 - sold, 0, sold)
    taken = sorted(str(state) for (state,) in captures(shop, checkout.id))
    return row["status"], row["payment"], taken


async def sale(shop: Shop, faults: str) -> Ending:
    """Let a customer pay."""
    checkout = await faulty(shop, faults)
    await checkout.ask()
    await checkout.pay()
    await checkout.ended()
    return await ending(checkout)


async def cancelled(shop: Shop, faults: str) -> Ending:
    """Let a customer who has paid cancel before anybody was told."""
    checkout = await faulty(shop, faults)
    await checkout.ask()
    await checkout.pay(told=False)
    await checkout.cancel()
    await checkout.ended()
    return await ending(checkout)


async def refunded(shop: Shop, faults: str, method: str = "pm_card_visa") -> Ending:
    """Let an operator cancel past the fence: it goes forward first, and is a refund then."""
    checkout = await faulty(shop, faults)
    hold = shop.gate.hold(checkout.id, Step.CONFIRM_ORDER)
    await checkout.ask()
    await checkout.pay(method, told=False)
    if method != "pm_card_visa":
        await eventually(lambda: shop.shows(checkout, "captured"))
    await checkout.hear(AUTHORIZED)
    await hold.reached.wait()
    await checkout.handle.cancel()
    hold.let_go.set()
    with pytest.raises(WorkflowFailureError):
        await checkout.ended()
    return await ending(checkout)


async def all_of(
    shop: Shop, live: Callable[[Shop, str], Awaitable[Ending]], faults: list[str]
) -> dict[str, Ending]:
    """Let all of them happen at once."""
    endings = await asyncio.gather(*(live(shop, fault) for fault in faults))
    return dict(zip(faults, endings, strict=True))


async def test_a_paid_checkout_is_sold_once_or_not_at_all(shop: Shop) -> None:
    """Whatever became of the answers: one payment, at most one capture that counts, and the books agree."""
    assert await all_of(shop, sale, list(SALES)) == SALES


async def test_a_cancelled_checkout_charges_nobody(shop: Shop) -> None:
    """The authorization is let go, however often the provider fails to."""
    assert await all_of(shop, cancelled, CANCELS) == dict.fromkeys(CANCELS, CANCELLED)


async def test_a_refund_is_done_when_the_provider_shows_it(shop: Shop) -> None:
    """Never twice, never while it is pending, and again after it has failed."""
    assert await all_of(shop, refunded, REFUNDS) == dict.fromkeys(REFUNDS, REFUNDED)


async def test_a_method_without_authorization_is_undone_by_refund(shop: Shop) -> None:
    """A bank debit is taken at once: there is nothing to capture, and nothing to void."""
    debit = await refunded(shop, "", "pm_usBankAccount_success")
    assert debit == ("refunded", "refunded", [])


async def test_a_refund_that_is_pending_is_not_called_done(shop: Shop) -> None:
    """It is looked at for as long as it takes; here the provider ends it by hand."""
    checkout = await faulty(shop, "refund.stays_pending")
    confirm = shop.gate.hold(checkout.id, Step.CONFIRM_ORDER)
    await checkout.ask()
    await checkout.pay()
    await confirm.reached.wait()
    await checkout.handle.cancel()
    confirm.let_go.set()
    await eventually(lambda: looked_often(checkout, Step.REFUND_PAYMENT))
    row = checkout.row()
    query = "SELECT count(*) FROM payment_operation WHERE checkout_id = %s AND kind = 'refund'"
    asked = shop.database.value(query, checkout.id)
    await checkout.handle.terminate("the test saw enough")

    assert (row["status"], row["payment"], asked) == ("refund_pending", "refunding", 1)


async def looked_often(checkout: Checkout, step: Step) -> bool:
    """Tell whether a step was tried more than once."""
    return checkout.steps().count(step) > 2


async def test_a_capture_whose_answer_was_lost_is_unknown_until_it_is_looked_up(shop: Shop) -> None:
    """A state and not an error: the stock stays with the customer, and nobody asks under another key."""
    checkout = await faulty(shop, "capture.reply_lost")
    first, second = (shop.gate.hold(checkout.id, Step.CAPTURE_PAYMENT) for _ in range(2))
    first.let_go.set()
    await checkout.ask()
    await checkout.pay()
    await second.reached.wait()
    between = checkout.row()
    second.let_go.set()
    await checkout.ended()

    assert (between["status"], between["reservation"], between["payment"]) == (
        "committing",
        "committing",
        "unknown",
    )
    assert await ending(checkout) == SOLD


async def test_a_payment_that_was_never_opened_leaves_nothing_to_undo(shop: Shop) -> None:
    """The provider keeps failing until the checkout is given up: nothing of it is left at the provider."""
    checkout = await faulty(shop, "create.error*")
    asking = asyncio.create_task(checkout.ask())
    await eventually(lambda: looked_often(checkout, Step.REQUEST_PAYMENT))
    await checkout.handle.cancel()
    await shop.till.post("/_faults", {"checkout_id": checkout.id, "faults": ""})
    await asking
    with pytest.raises(WorkflowFailureError):
        await checkout.ended()

    status, payment, _ = await ending(checkout)
    assert (status, payment in ("none", "voided")) == ("cancelled", True)


async def test_a_payment_nobody_told_of_is_found_when_the_time_is_over(
    shop: Shop, forward: Forward
) -> None:
    """Its webhook is missing: it is looked up before the checkout is called expired, and sold."""
    checkout = await faulty(shop, "")
    await checkout.ask()
    await checkout.pay(told=False)
    await forward(checkout, 901)
    await checkout.ended()

    assert await ending(checkout) == SOLD
