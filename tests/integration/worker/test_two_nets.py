"""Every worker hangs its own nets, so two of each look at the same world at once: one effect."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from functools import partial

from activities.messages import StepInput
from activities.payments import PaymentSteps
from activities.stock import StockSteps
from ledger.promises import OpenCheckout
from tests.integration.worker.test_delivery import payable as payable_by_hand
from tests.workflows.nets import begun, orphans, polling, reaper, recovered
from tests.workflows.shop import Checkout, Shop, eventually
from worker.orphans import OVERSTAYING
from worker.starting import described
from workflows.starting import recovery_workflow_id
from workflows.steps import Step

LAPSED = "UPDATE reservation SET expires_at = clock_timestamp() - interval '1 second' WHERE state = 'held'"
CHECKOUTS = 6


async def lost(shop: Shop, sku: str, *, paid: bool) -> Checkout:
    """Lose the workflow of a checkout whose customer should pay, or has."""
    checkout = await shop.open(sku)
    await checkout.ask()
    if paid:
        await checkout.pay(told=False)
    await checkout.handle.terminate()
    return checkout


async def test_two_of_each_have_one_effect(own_shop: Shop) -> None:
    """Some never began, some were lost before they were paid for, some after."""
    lamp = await own_shop.stock("brass-lamp", 3 * CHECKOUTS)
    async with own_shop.working():
        unpaid = [await lost(own_shop, lamp, paid=False) for _ in range(CHECKOUTS)]
        own_shop.database.run(LAPSED)
        paid = [await lost(own_shop, lamp, paid=True) for _ in range(CHECKOUTS)]
        unbegun = [await own_shop.open(lamp) for _ in range(CHECKOUTS)]
        await asyncio.gather(
            *(net.round() for net in (orphans(own_shop), orphans(own_shop))),
            *(net.round() for net in (reaper(own_shop), reaper(own_shop))),
        )
        ends = await asyncio.gather(*(recovered(checkout) for checkout in (*unpaid, *paid)))
        for checkout in unbegun:
            await eventually(partial(payable, checkout))
            await checkout.cancel()

    assert ends == ["expired"] * CHECKOUTS + ["confirmed"] * CHECKOUTS
    for checkout in (*unpaid, *paid, *unbegun):
        await checkout.agreed()
    assert own_shop.piles(lamp) == (2 * CHECKOUTS, 0, CHECKOUTS)
    ended = "SELECT count(*) FROM movement WHERE kind IN ('expire', 'confirm', 'release')"
    assert own_shop.database.value(ended) == 3 * CHECKOUTS


async def payable(checkout: Checkout) -> bool:
    return checkout.row()["status"] == "awaiting_payment"


async def test_a_second_round_finds_nothing(own_shop: Shop) -> None:
    """What runs is left alone, and what is at rest."""
    lamp = await own_shop.stock("brass-lamp", 3)
    async with own_shop.working():
        waiting = await own_shop.open(lamp)
        await waiting.ask()
        checkout = await lost(own_shop, lamp, paid=True)
        await orphans(own_shop).round()
        await recovered(checkout)
        recovery = own_shop.client.get_workflow_handle(recovery_workflow_id(checkout.id))
        before = [(await handle.describe()).run_id for handle in (waiting.handle, recovery)]
        await asyncio.gather(orphans(own_shop).round(), orphans(own_shop).round())

        after = [(await handle.describe()).run_id for handle in (waiting.handle, recovery)]
        assert after == before
        assert await described(own_shop.client, recovery_workflow_id(waiting.id)) is None
        await waiting.cancel()


async def test_two_that_poll_tell_one_thing(own_shop: Shop) -> None:
    """The story knows what it was told."""
    checkout = await own_shop.open(await own_shop.stock("brass-lamp", 1))
    async with own_shop.working():
        await checkout.ask()
        await checkout.pay(told=False)
        await asyncio.gather(polling(own_shop).round(), polling(own_shop).round())
        assert await checkout.ended() == "confirmed"

    assert checkout.steps().count("capture_payment") == 1
    await checkout.agreed()


async def test_what_came_to_rest_between_two_looks_is_left_alone(own_shop: Shop) -> None:
    """Its workflow closes right after its last step: neither look alone tells that all is well."""
    checkout = await payable_by_hand(own_shop)
    net = orphans(own_shop)
    kind, *_ = net.kinds

    async def rows(
        grace: timedelta, *, after: str = "", only: str | None = None
    ) -> list[OpenCheckout]:
        page = list(await kind.rows(grace, after=after, only=only))
        if page and only is None:
            await behind_its_back(checkout)
        return page

    net.kinds = (replace(kind, rows=rows),)
    await net.round()

    assert await described(own_shop.client, recovery_workflow_id(checkout.id)) is None


async def test_a_workflow_whose_checkout_is_at_rest_is_told_to_end(own_shop: Shop) -> None:
    """It waits for a customer whose checkout another has brought to its end."""
    lamp = await own_shop.stock("brass-lamp", 1)
    checkout = await own_shop.open(lamp)
    async with own_shop.working():
        await checkout.ask()
        await behind_its_back(checkout)
        net = orphans(own_shop)
        before = OVERSTAYING.labels("asked-to-end")._value.get()

        async def closed() -> bool:
            await net.round()
            return checkout.row()["status"] == "cancelled" and await is_closed(checkout)

        await eventually(closed)

    assert OVERSTAYING.labels("asked-to-end")._value.get() > before
    assert (await checkout.agreed())["payment"] == "voided"


async def behind_its_back(checkout: Checkout) -> None:
    """End a checkout by its steps, without its workflow."""
    shop = checkout.shop
    asked = StepInput(checkout_id=checkout.id, reason="by-hand")
    await StockSteps(shop.ledger, shop.watch).release_stock(asked)
    await PaymentSteps(shop.ledger, shop.watch, shop.provider).void_payment(asked)


async def is_closed(checkout: Checkout) -> bool:
    return (await checkout.handle.describe()).close_time is not None


async def test_a_workflow_that_still_acts_is_not_told_to_end(own_shop: Shop) -> None:
    """Its row is not at rest: nothing is asked of it."""
    checkout = await own_shop.open(await own_shop.stock("brass-lamp", 1))
    hold = own_shop.gate.hold(checkout.id, Step.REQUEST_PAYMENT)
    async with own_shop.working():
        await begun(checkout)
        await hold.reached.wait()
        await orphans(own_shop).round()
        hold.let_go.set()
        await eventually(partial(payable, checkout))

        assert (await checkout.handle.describe()).close_time is None
        await checkout.cancel()
