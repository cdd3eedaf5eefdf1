"""Stories beside a checkout's need attention as it does: a dead provider must not hide in them."""

from __future__ import annotations

from typing import Any

from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import WorkflowHandle

from tests.workflows.shop import Shop, eventually
from tests.workflows.test_after_the_sale import cancelled, ended, sold
from workflows.late_payment import LatePaymentWorkflow
from workflows.messages import LatePayment
from workflows.search_attributes import NEEDS_ATTENTION
from workflows.starting import late_payment_arguments

ATTENTION_AFTER_SECONDS = 1


async def needs_attention(handle: WorkflowHandle[Any, Any]) -> bool:
    """Tell what operators search by."""
    shown = (await handle.describe()).typed_search_attributes
    return shown.get(NEEDS_ATTENTION) is True


async def details(handle: WorkflowHandle[Any, Any]) -> str:
    """Read the current details, as the Temporal UI does."""
    told = await handle.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
    return str(told.current_details)


async def test_a_late_payment_stuck_on_a_dead_provider_is_seen(empty_shop: Shop) -> None:
    """Nobody waits for this money: if its story does not say that it hangs, nobody will."""
    checkout = await empty_shop.open(await empty_shop.stock("brass-lamp", 1))
    async with empty_shop.working(attention_after_seconds=ATTENTION_AFTER_SECONDS):
        await checkout.ask()
        late = LatePayment(payment_intent=await checkout.intent())
        await checkout.cancel()
        empty_shop.till.stop()
        try:
            handle = await empty_shop.client.start_workflow(
                LatePaymentWorkflow.run, late, **late_payment_arguments(late, empty_shop.queue)
            )
            await eventually(lambda: needs_attention(handle))
            stuck = await details(handle)
        finally:
            empty_shop.till.start()
        await ended(handle)

        assert "`find_late_payment` has been failing since" in stuck
        assert "docs/runbooks/provider-is-away.md" in stuck
        assert "the provider is asked whose payment this is" in stuck
        assert not await needs_attention(handle)
        assert "Needs attention" not in await details(handle)


async def test_a_refund_stuck_on_a_dead_provider_is_seen(empty_shop: Shop) -> None:
    """The customer waits for it, and knows no more than we do."""
    async with empty_shop.working(attention_after_seconds=ATTENTION_AFTER_SECONDS):
        checkout = await sold(empty_shop)
        empty_shop.till.stop()
        try:
            handle = await cancelled(checkout)
            await eventually(lambda: needs_attention(handle))
            stuck = await details(handle)
        finally:
            empty_shop.till.start()
        await ended(handle)

        assert "`pay_refund` has been failing since" in stuck
        assert not await needs_attention(handle)
        assert (await checkout.agreed())["status"] == "refunded"
