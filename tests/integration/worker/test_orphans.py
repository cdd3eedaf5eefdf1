"""A checkout row promises a workflow; the orphan check keeps that promise."""

from __future__ import annotations

from datetime import timedelta

from temporalio.client import WorkflowExecutionStatus

from tests.workflows.shop import Checkout, Shop, eventually
from worker.engine import Engine
from worker.orphans import Orphans
from workflows.checkout import CheckoutWorkflow
from workflows.starting import start_arguments
from workflows.steps import Step


def orphans(shop: Shop, grace: timedelta = timedelta(0)) -> Orphans:
    """Give an orphan check over a shop."""
    engine = Engine()
    engine._connected.set_result(shop.client)
    return Orphans(
        shop.watch,
        engine,
        grace=grace,
        task_queue=shop.queue,
        payment_attempts=1,
        step_seconds=10,
    )


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

    assert await own_shop.watch.unstarted(timedelta(0)) != []
    assert checkout.row()["status"] == "reserving"


async def test_joining_a_running_checkout_is_harmless(own_shop: Shop) -> None:
    """An undecided row may well have a workflow, which is slow."""
    lamp = await own_shop.stock("brass-lamp", 1)
    checkout = await own_shop.open(lamp)
    hold = own_shop.gate.hold(checkout.id, Step.REQUEST_PAYMENT)
    async with own_shop.working():
        await own_shop.client.start_workflow(
            CheckoutWorkflow.run, checkout.start, **start_arguments(checkout.start, own_shop.queue)
        )
        await hold.reached.wait()
        before = (await checkout.handle.describe()).run_id
        await orphans(own_shop).round()
        await orphans(own_shop).round()
        hold.let_go.set()
        await checkout.ask()

        assert (await checkout.handle.describe()).run_id == before
        assert checkout.steps() == ["reserve_stock", "request_payment"]
        await checkout.cancel()


async def test_a_row_whose_workflow_was_terminated_does_not_stop_the_others(
    own_shop: Shop,
) -> None:
    """It is told, not started again: what that run did is not known here."""
    lamp = await own_shop.stock("brass-lamp", 2)
    lost, waiting = await own_shop.open(lamp), await own_shop.open(lamp)
    arguments = start_arguments(lost.start, own_shop.queue)
    await own_shop.client.start_workflow(CheckoutWorkflow.run, lost.start, **arguments)
    await lost.handle.terminate("by a person")

    await orphans(own_shop).round()

    told = [(await checkout.handle.describe()).status for checkout in (lost, waiting)]
    assert told == [WorkflowExecutionStatus.TERMINATED, WorkflowExecutionStatus.RUNNING]
