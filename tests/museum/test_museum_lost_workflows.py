"""What goes wrong elsewhere when nobody is left to finish a checkout, or money comes when nobody waits for it."""

from __future__ import annotations

import pytest

from ledger.checkouts import Status
from ledger.commands import Release
from tests.workflows.nets import begun, orphans, reaper, recovered
from tests.workflows.shop import AUTHORIZED, Checkout, Forward, Shop, eventually
from worker.orphans import FOUND, REPAIRED
from workflows.starting import late_payment_workflow_id
from workflows.steps import Step

LAPSED = "UPDATE reservation SET expires_at = clock_timestamp() - interval '1 second' WHERE checkout_id = %s"
OF_ALL_KINDS = (
    "SELECT kind, count(*) FROM movement WHERE sku = %s AND kind <> 'receive' GROUP BY 1 ORDER BY 1"
)


async def forsaken(shop: Shop, sku: str) -> Checkout:
    """Leave a checkout without its workflow while its customer should pay."""
    checkout = await shop.open(sku)
    await checkout.ask()
    await checkout.handle.terminate("by force")
    return checkout


async def test_a_workflow_ended_by_force_is_found_and_reported(own_shop: Shop) -> None:
    """temporal#4358: a terminated workflow runs no compensation, and what it held was held for ever."""
    lamp = await own_shop.stock("brass-lamp", 1)
    found, repaired = FOUND.labels("checkout"), REPAIRED.labels("checkout", "recover")
    before = found._value.get(), repaired._value.get()
    async with own_shop.working():
        checkout = await forsaken(own_shop, lamp)
        own_shop.database.run(LAPSED, checkout.id)
        await orphans(own_shop).round()
        status = await recovered(checkout)

    assert (found._value.get(), repaired._value.get()) == (before[0] + 1, before[1] + 1)
    assert status == "expired"
    assert (await checkout.agreed())["payment"] == "voided"
    assert own_shop.piles(lamp) == (1, 0, 0)


@pytest.mark.parametrize("reaped", [False, True], ids=["before-the-reaper", "after-the-reaper"])
async def test_a_hold_that_lapsed_while_its_payment_succeeded_is_sold_or_given_back(
    own_shop: Shop, *, reaped: bool
) -> None:
    """TigerBeetle PR #2000: a post between the expiry and its pulse inserted half a transfer.

    saleor#15246: a checkout paid for after its reservation had ended oversold.
    """
    lamp = await own_shop.stock("brass-lamp", 1)
    async with own_shop.working():
        checkout = await forsaken(own_shop, lamp)
        own_shop.database.run(LAPSED, checkout.id)
        if reaped:
            await reaper(own_shop).round()
            assert own_shop.piles(lamp) == (1, 0, 0)
        await checkout.pay(told=False)
        await orphans(own_shop).round()
        status = await recovered(checkout)

    assert status == "confirmed"
    await checkout.agreed()
    assert own_shop.piles(lamp) == (0, 0, 1)
    movements = own_shop.database.rows(OF_ALL_KINDS, lamp)
    again = [("confirm", 1), ("expire", 1), ("reserve", 2)]
    assert movements == (again if reaped else [("confirm", 1), ("reserve", 1)])


async def test_what_was_paid_after_cancel_and_cleanup_is_never_shipped_unreserved(
    own_shop: Shop,
) -> None:
    """MultiSafepay/magento2#28: a second-chance payment revived a cancelled order without a reservation."""
    lamp = await own_shop.stock("brass-lamp", 1)
    async with own_shop.working():
        checkout = await forsaken(own_shop, lamp)
        await own_shop.ledger.post(
            Release(
                actor="cleanup",
                reservation_id=f"{checkout.id}/1",
                ending=Status.CANCELLED,
                reason="cleanup",
            )
        )
        await checkout.pay(told=False)
        await checkout.hear(AUTHORIZED)
        late = own_shop.client.get_workflow_handle(
            late_payment_workflow_id(await checkout.intent())
        )
        assert await late.result() == "cancelled"

    row = await checkout.agreed()
    assert (row["order"], row["payment"]) == ("none", "voided")
    assert own_shop.piles(lamp) == (1, 0, 0)
    shipped = "SELECT count(*) FROM orders WHERE order_id = %s"
    assert own_shop.database.value(shipped, checkout.id) == 0


async def test_a_message_of_payment_to_a_finished_workflow_is_not_lost(own_shop: Shop) -> None:
    """DBOS widget-store: `paid` went to a workflow that had given up, and the money stayed."""
    lamp = await own_shop.stock("brass-lamp", 1)
    async with own_shop.working():
        checkout = await forsaken(own_shop, lamp)
        own_shop.database.run(LAPSED, checkout.id)
        await reaper(own_shop).round()
        await checkout.pay(told=False)
        await checkout.hear(AUTHORIZED)
        late = own_shop.client.get_workflow_handle(
            late_payment_workflow_id(await checkout.intent())
        )

        assert await late.result() == "confirmed"
    await checkout.agreed()


async def test_the_undo_of_a_run_that_lost_never_undoes_the_one_that_won(
    own_shop: Shop, forward: Forward
) -> None:
    """Medusa PR #15527: a duplicate run failed, and its compensation refunded the order of the other."""
    lamp = await own_shop.stock("brass-lamp", 1)
    checkout = await own_shop.open(lamp)
    hold = own_shop.gate.hold(checkout.id, Step.VOID_PAYMENT)
    async with own_shop.working():
        await begun(checkout)
        await eventually(lambda: payable(checkout))
        await forward(checkout, checkout.start.ttl_seconds + 1)
        await hold.reached.wait()
        await checkout.handle.terminate("by force")
        await checkout.pay(told=False)
        await orphans(own_shop).round()
        status = await recovered(checkout)
        hold.let_go.set()

    assert status == "confirmed"
    row = await checkout.agreed()
    assert (row["order"], row["payment"]) == ("placed", "captured")
    assert own_shop.piles(lamp) == (0, 0, 1)


async def payable(checkout: Checkout) -> bool:
    return checkout.row()["status"] == "awaiting_payment"
