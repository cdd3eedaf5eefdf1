"""A checkout row promises a workflow; the orphan check keeps that promise."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from temporalio.client import Client

from ledger.errors import Transient
from ledger.promises import OpenCheckout, Promises
from tests.workflows.nets import NOW, orphans
from tests.workflows.shop import Checkout, Shop, eventually, starter_of
from worker.orphans import FAILED
from worker.starting import any_runs, described, keepers_of
from workflows.checkout import CheckoutWorkflow
from workflows.starting import recovery_workflow_id, start_arguments
from workflows.steps import Step


async def payable(checkout: Checkout) -> bool:
    return checkout.row()["status"] == "awaiting_payment"


async def test_a_row_without_a_workflow_is_started(own_shop: Shop) -> None:
    """The API that wrote it died before it asked the engine."""
    lamp = await own_shop.stock("brass-lamp", 3)
    checkout = await own_shop.open(lamp, 2)

    await orphans(own_shop).round()
    async with own_shop.working():
        await eventually(lambda: payable(checkout))
        await checkout.pay()

        assert await checkout.ended() == "confirmed"
    await checkout.agreed()
    assert own_shop.piles(lamp) == (1, 0, 2)


async def test_it_starts_what_the_api_would_have_started(own_shop: Shop) -> None:
    """Whoever of them comes second joins the first."""
    lamp = await own_shop.stock("brass-lamp", 3)
    checkout = await own_shop.open(lamp, 2, ttl_seconds=321)

    await orphans(own_shop).round()
    history = await checkout.handle.fetch_history()

    (payload,) = history.events[0].workflow_execution_started_event_attributes.input.payloads
    sent = own_shop.client.data_converter.payload_converter.from_payload(
        payload, type(checkout.start)
    )
    assert sent == checkout.start


async def test_a_young_row_is_left_to_the_api(own_shop: Shop) -> None:
    """It is asking the engine this very moment."""
    checkout = await own_shop.open(await own_shop.stock("brass-lamp", 1))

    await orphans(own_shop, timedelta(minutes=1)).round()

    (row,) = await Promises(own_shop.ledger.engine).open_checkouts(timedelta(0))
    assert (row.checkout_id, row.status) == (checkout.id, "reserving")
    assert await any_runs(own_shop.client, keepers_of(checkout.id)) is False


async def test_joining_a_running_checkout_is_harmless(own_shop: Shop) -> None:
    """An undecided row may well have a workflow, which is slow: nobody else is started.

    What its steps are is not asked: a machine that stands still for a minute makes it give up.
    """
    lamp = await own_shop.stock("brass-lamp", 1)
    checkout = await own_shop.open(lamp)
    hold = own_shop.gate.hold(checkout.id, Step.REQUEST_PAYMENT)
    async with own_shop.working():
        await own_shop.client.start_workflow(
            CheckoutWorkflow.run, checkout.start, **start_arguments(checkout.start, own_shop.queue)
        )
        await hold.reached.wait()
        before = (await checkout.handle.describe()).run_id
        (row,) = await Promises(own_shop.ledger.engine).open_checkouts(NOW)
        assert await starter_of(own_shop.queue).checkout(own_shop.client, row) == "checkout"
        await orphans(own_shop).round()
        hold.let_go.set()
        await checkout.ask()

        assert (await checkout.handle.describe()).run_id == before
        assert await described(own_shop.client, recovery_workflow_id(checkout.id)) is None


async def test_one_that_cannot_be_started_does_not_hide_the_others(own_shop: Shop) -> None:
    """Each is looked at by itself; what went wrong is counted, and tried again in the next round."""
    lamp = await own_shop.stock("brass-lamp", 2)
    first, second = sorted(
        [await own_shop.open(lamp), await own_shop.open(lamp)], key=lambda checkout: checkout.id
    )
    net = orphans(own_shop)
    kind, *_ = net.kinds

    async def start(client: Client, row: OpenCheckout) -> str:
        if row.id == first.id:
            raise Transient("away")
        return await kind.start(client, row)

    net.kinds = (replace(kind, start=start),)
    before = FAILED.labels("checkout", "Transient")._value.get()
    await net.round()

    assert FAILED.labels("checkout", "Transient")._value.get() == before + 1
    assert await any_runs(own_shop.client, keepers_of(first.id)) is False
    assert await any_runs(own_shop.client, keepers_of(second.id)) is True
