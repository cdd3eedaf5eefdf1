"""Cancelled by its customer or from the Temporal UI, while any step is in flight."""

from __future__ import annotations

from typing import Any

import pytest
from temporalio.client import (
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowUpdateFailedError,
    WorkflowUpdateHandle,
    WorkflowUpdateStage,
)
from temporalio.exceptions import ApplicationError, CancelledError

from tests.workflows.gate import Hold
from tests.workflows.shop import Checkout, Forward, Shop
from workflows.checkout import CheckoutWorkflow
from workflows.messages import CancelAnswer, CancelRequest
from workflows.starting import start_arguments
from workflows.steps import Step

PAID_STEPS = (Step.ACCEPT_PAYMENT, Step.CAPTURE_PAYMENT, Step.CONFIRM_ORDER)
WHEN = pytest.mark.parametrize("done", [False, True], ids=["before", "after"])


async def held_in(shop: Shop, step: Step, *, done: bool) -> tuple[Checkout, Hold]:
    """Bring a checkout to the point where this step is in flight; with `done` it has taken effect."""
    lamp = await shop.stock("brass-lamp", 2)
    checkout = await shop.open(lamp)
    hold = shop.gate.hold(checkout.id, step, done=done)
    arguments = start_arguments(checkout.start, shop.queue)
    await shop.client.start_workflow(CheckoutWorkflow.run, checkout.start, **arguments)
    if step in PAID_STEPS:
        await checkout.ask()
        await checkout.pay()
    await hold.reached.wait()
    return checkout, hold


async def asked_to_cancel(checkout: Checkout) -> WorkflowUpdateHandle[Any]:
    """Have the customer's cancel accepted, not yet answered."""
    return await checkout.handle.start_update(
        CheckoutWorkflow.cancel,
        CancelRequest(wait_until_closed=True),
        wait_for_stage=WorkflowUpdateStage.ACCEPTED,
    )


async def cancelled_workflow(checkout: Checkout) -> bool:
    """Tell whether the workflow itself ended as cancelled, which operators see in their list."""
    with pytest.raises(WorkflowFailureError) as failure:
        await checkout.ended()
    assert isinstance(failure.value.cause, CancelledError)
    described = await checkout.handle.describe()
    return described.status is WorkflowExecutionStatus.CANCELED


@WHEN
@pytest.mark.parametrize("step", [Step.RESERVE_STOCK, Step.REQUEST_PAYMENT])
async def test_a_customer_may_cancel_before_there_is_anything_to_pay(
    shop: Shop,
    step: Step,
    done: bool,
) -> None:
    """The step in flight runs to its end, and is then undone."""
    checkout, hold = await held_in(shop, step, done=done)

    answer = await asked_to_cancel(checkout)
    hold.let_go.set()

    assert await answer.result() == CancelAnswer(cancelled=True, status="cancelled")
    assert await checkout.ended() == "cancelled"
    row = await checkout.agreed()
    assert (row["reason"], row["payment"]) == ("customer", "voided")
    assert shop.piles(checkout.start.lines[0].sku) == (2, 0, 0)


async def test_a_customer_may_cancel_while_they_should_pay(any_shop: Shop) -> None:
    """Authorized already, but nobody told us: the authorization is voided."""
    lamp = await any_shop.stock("brass-lamp", 2)
    checkout = await any_shop.open(lamp)
    await checkout.ask()
    await checkout.pay(told=False)

    answer = await checkout.cancel()

    assert answer == CancelAnswer(cancelled=True, status="cancelled")
    assert await checkout.ended() == "cancelled"
    assert (await checkout.agreed())["payment"] == "voided"
    assert any_shop.piles(lamp) == (2, 0, 0)


@WHEN
async def test_a_cancel_that_meets_the_fence_under_way_comes_too_late(
    shop: Shop,
    done: bool,
) -> None:
    """It was let in, since nobody knew yet; then the ledger decided, and the customer is told so."""
    checkout, hold = await held_in(shop, Step.ACCEPT_PAYMENT, done=done)

    answer = await asked_to_cancel(checkout)
    hold.let_go.set()

    assert (await answer.result()).cancelled is False
    assert await checkout.ended() == "confirmed"
    await checkout.agreed()


@pytest.mark.parametrize("step", [Step.CAPTURE_PAYMENT, Step.CONFIRM_ORDER])
async def test_a_customer_cannot_cancel_past_the_fence(shop: Shop, step: Step) -> None:
    """Refused by the validator, so that it leaves no trace in the history."""
    checkout = await shop.open(await shop.stock("brass-lamp", 2))
    shop.gate.fail(checkout.id, Step.CAPTURE_PAYMENT)
    hold = shop.gate.hold(checkout.id, step)
    await checkout.ask()
    await checkout.pay()
    await hold.reached.wait()

    with pytest.raises(WorkflowUpdateFailedError) as refusal:
        await checkout.cancel()
    hold.let_go.set()

    assert isinstance(refusal.value.cause, ApplicationError)
    assert refusal.value.cause.type == "too-late"
    assert await checkout.ended() == "confirmed"
    await checkout.agreed()


@WHEN
@pytest.mark.parametrize("step", [Step.RESERVE_STOCK, Step.REQUEST_PAYMENT])
async def test_an_operator_may_cancel_before_there_is_anything_to_pay(
    shop: Shop,
    step: Step,
    done: bool,
) -> None:
    """A cancel from the Temporal UI never interrupts a step: a release must not overtake its reserve."""
    checkout, hold = await held_in(shop, step, done=done)

    await checkout.handle.cancel()
    hold.let_go.set()

    assert await cancelled_workflow(checkout)
    row = await checkout.agreed()
    assert (row["status"], row["reason"]) == ("cancelled", "operator")
    assert shop.piles(checkout.start.lines[0].sku) == (2, 0, 0)


async def test_an_operator_may_cancel_a_checkout_that_waits(shop: Shop) -> None:
    """The timer is given up with it."""
    lamp = await shop.stock("brass-lamp", 2)
    checkout = await shop.open(lamp)
    await checkout.ask()

    await checkout.handle.cancel()

    assert await cancelled_workflow(checkout)
    assert (await checkout.agreed())["payment"] == "voided"
    assert shop.piles(lamp) == (2, 0, 0)


@WHEN
@pytest.mark.parametrize("step", PAID_STEPS)
async def test_an_operators_cancel_past_the_fence_waits_for_the_end_and_refunds(
    shop: Shop,
    step: Step,
    done: bool,
) -> None:
    """Forward first: half a sale is nobody's."""
    checkout, hold = await held_in(shop, step, done=done)

    await checkout.handle.cancel()
    hold.let_go.set()

    assert await cancelled_workflow(checkout)
    row = await checkout.agreed()
    assert (row["status"], row["payment"], row["order"]) == ("refunded", "refunded", "cancelled")
    assert shop.piles(checkout.start.lines[0].sku) == (2, 0, 0)


@WHEN
@pytest.mark.parametrize("step", [Step.RELEASE_STOCK, Step.VOID_PAYMENT])
async def test_an_undo_under_way_is_finished_whoever_cancels(
    shop: Shop,
    step: Step,
    done: bool,
) -> None:
    """Cut short, it would keep the lamp or the customer's authorization."""
    lamp = await shop.stock("brass-lamp", 2)
    checkout = await shop.open(lamp)
    hold = shop.gate.hold(checkout.id, step, done=done)
    await checkout.ask()
    await checkout.pay("pm_card_chargeDeclined")
    await hold.reached.wait()

    await checkout.handle.cancel()
    answer = await asked_to_cancel(checkout)
    hold.let_go.set()

    assert await checkout.ended() == "declined"
    assert (await answer.result()).cancelled is False
    assert (await checkout.agreed())["payment"] == "voided"
    assert shop.piles(lamp) == (2, 0, 0)


async def test_a_cancel_while_the_hold_expires_does_not_change_the_ending(
    shop: Shop, forward: Forward
) -> None:
    """Whoever commits first wins; the other is told what happened."""
    lamp = await shop.stock("brass-lamp", 2)
    checkout = await shop.open(lamp, ttl_seconds=60)
    hold = shop.gate.hold(checkout.id, Step.EXPIRE_HOLD)
    await checkout.ask()
    await forward(checkout, 61)
    await hold.reached.wait()

    answer = await asked_to_cancel(checkout)
    hold.let_go.set()

    assert await answer.result() == CancelAnswer(cancelled=False, status="expired")
    assert await checkout.ended() == "expired"
    await checkout.agreed()


async def test_a_checkout_cancelled_before_any_worker_saw_it_is_ended_properly(
    empty_shop: Shop,
) -> None:
    """The start and the cancel arrive in one task; the row must not stay `reserving` for ever."""
    lamp = await empty_shop.stock("brass-lamp", 2)
    checkout = await empty_shop.open(lamp)
    arguments = start_arguments(checkout.start, empty_shop.queue)
    await empty_shop.client.start_workflow(CheckoutWorkflow.run, checkout.start, **arguments)
    await checkout.handle.cancel()

    async with empty_shop.working():
        assert await cancelled_workflow(checkout)

    assert (await checkout.agreed())["status"] == "cancelled"
    assert empty_shop.piles(lamp) == (2, 0, 0)
