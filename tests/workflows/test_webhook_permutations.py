"""The webhooks of an outcome in every order in which they can arrive: the end is the same."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from itertools import permutations

import pytest
from temporalio.client import WorkflowFailureError

from tests.workflows.facts import captures
from tests.workflows.shop import AUTHORIZED, FAILED, SUCCEEDED, Checkout, Shop
from workflows.steps import Step

CANCELED = "payment_intent.canceled"
Order = tuple[tuple[str, int], ...]
"""Kinds of events with a number: the same number of a kind is the same event again."""
AT_ONCE = 12

SALE = ((FAILED, 1), (AUTHORIZED, 1), (SUCCEEDED, 1), (AUTHORIZED, 1))
DECLINE = ((FAILED, 1), (FAILED, 1), (CANCELED, 1), ("payment_intent.processing", 1))
REFUND = ((AUTHORIZED, 1), (SUCCEEDED, 1), ("refund.created", 1), ("refund.updated", 1))


async def opened(shop: Shop, payment_attempts: int = 1) -> Checkout:
    """Open a checkout for a lamp of its own."""
    lamp = await shop.stock("brass-lamp", 1)
    return await shop.open(lamp, payment_attempts=payment_attempts)


async def told(checkout: Checkout, order: Order) -> None:
    """Let the events come in this order, each stored and brought before the next one is there."""
    for kind, number in order:
        await checkout.hear(kind, f"evt_{checkout.id}_{kind}_{number}")


async def sold(shop: Shop, order: Order) -> Checkout:
    """Pay with a second card after the first was declined."""
    checkout = await opened(shop, payment_attempts=2)
    await checkout.ask()
    await checkout.pay("pm_card_chargeDeclined", told=False)
    await checkout.pay(told=False)
    await told(checkout, order)
    await checkout.ended()
    return checkout


async def declined(shop: Shop, order: Order) -> Checkout:
    """Have the only card declined."""
    checkout = await opened(shop)
    await checkout.ask()
    await checkout.pay("pm_card_chargeDeclined", told=False)
    await told(checkout, order)
    await checkout.ended()
    return checkout


async def refunded(shop: Shop, order: Order) -> Checkout:
    """Have an operator cancel while the order is placed."""
    checkout = await opened(shop)
    hold = shop.gate.hold(checkout.id, Step.CONFIRM_ORDER)
    await checkout.ask()
    await checkout.pay(told=False)
    await told(checkout, order)
    await hold.reached.wait()
    await checkout.handle.cancel()
    hold.let_go.set()
    with pytest.raises(WorkflowFailureError):
        await checkout.ended()
    return checkout


async def end_of(checkout: Checkout) -> tuple[object, ...]:
    """Say how it ended, once ledger, piles and till agree and every event has been settled."""
    shop, like = checkout.shop, f"evt_{checkout.id}_%"
    shop.database.run(
        "UPDATE webhook_event SET next_attempt_at = clock_timestamp()"
        " WHERE applied_at IS NULL AND event_id LIKE %s",
        like,
    )
    await shop.delivery.round()
    row = await checkout.agreed()
    query = "SELECT count(*), count(applied_at) FROM webhook_event WHERE event_id LIKE %s"
    ((events, settled),) = shop.database.rows(query, like)
    piles = shop.piles(checkout.start.lines[0].sku)
    taken = tuple(state for (state,) in captures(shop, checkout.id))
    return *row.values(), piles, taken, settled == events


@pytest.mark.parametrize(
    ("live", "events", "end"),
    [
        (sold, SALE, ("confirmed", "", "confirmed", "captured", "placed", (0, 0, 1), ("succeeded",))),
        (declined, DECLINE, ("declined", "payment-declined", "released", "voided", "none", (1, 0, 0), ())),
        (refunded, REFUND, ("refunded", "operator", "confirmed", "refunded", "cancelled", (1, 0, 0), ("succeeded",))),
    ],
    ids=["confirmed", "declined", "refunded"],
)  # fmt: skip
async def test_every_order_of_the_events_gives_the_same_end(
    shop: Shop,
    live: Callable[[Shop, Order], Awaitable[Checkout]],
    events: Order,
    end: tuple[object, ...],
) -> None:
    """An event is a hint to look: none is believed, none is waited for, none is acted on twice."""
    orders = sorted(set(permutations(events)))
    places = asyncio.Semaphore(AT_ONCE)

    async def lived(order: Order) -> Checkout:
        async with places:
            return await live(shop, order)

    checkouts = await asyncio.gather(*map(lived, orders))
    ends = Counter([await end_of(checkout) for checkout in checkouts])

    assert len(orders) in (12, 24)
    assert ends == {(*end, True): len(orders)}
