"""What operators see of a checkout in the Temporal UI, and how they find one that is in trouble."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from temporalio.common import TypedSearchAttributes

from tests.workflows.facts import details_of, tried
from tests.workflows.shop import Checkout, Shop, eventually
from workflows.search_attributes import (
    EXPIRES_AT,
    NEEDS_ATTENTION,
    ORDER_ID,
    SKU_COUNT,
    SKUS,
    STAGE,
    STAGE_SINCE,
)
from workflows.steps import Step

ATTENTION_AFTER_SECONDS = 1


async def shown(checkout: Checkout) -> TypedSearchAttributes:
    """Read its search attributes."""
    return (await checkout.handle.describe()).typed_search_attributes


def troubled(checkout: Checkout) -> Callable[[], Awaitable[bool]]:
    """Ask whether it needs attention."""

    async def needs() -> bool:
        return (await shown(checkout)).get(NEEDS_ATTENTION) is True

    return needs


async def updates_of(checkout: Checkout, name: str) -> int:
    """Count the updates of a name that its history tells of."""
    history = await checkout.handle.fetch_history()
    asked = [
        event.workflow_execution_update_accepted_event_attributes.accepted_request
        for event in history.events
    ]
    return sum(each.input.name == name for each in asked)


async def test_a_checkout_is_found_by_everything_operators_search_by(any_shop: Shop) -> None:
    """From its start; stage and times change with it."""
    lamp = await any_shop.stock("brass-lamp", 2)
    checkout = await any_shop.open(lamp, ttl_seconds=60)
    await checkout.ask()
    waiting = await shown(checkout)
    details = await details_of(checkout)
    await checkout.pay()
    await checkout.ended()
    over = await shown(checkout)

    assert waiting[ORDER_ID] == checkout.id
    assert waiting[SKUS] == [lamp]
    assert waiting[SKU_COUNT] == 1
    assert waiting[STAGE] == "awaiting_payment"
    assert waiting[NEEDS_ATTENTION] is False
    assert waiting[STAGE_SINCE] < waiting[EXPIRES_AT]
    assert "has not paid yet" in details
    assert f"{waiting[EXPIRES_AT]:%Y-%m-%d %H:%M:%S} UTC" in details
    assert over[STAGE] == "confirmed"
    assert over[STAGE_SINCE] > waiting[STAGE_SINCE]
    assert "over: confirmed" in await details_of(checkout)


async def test_an_undo_that_fails_for_long_needs_attention_until_it_is_done(
    empty_shop: Shop,
) -> None:
    """The provider is dead. Its own attempts tell it, once; the page to read is named."""
    checkout = await empty_shop.open(await empty_shop.stock("brass-lamp", 1))
    async with empty_shop.working(attention_after_seconds=ATTENTION_AFTER_SECONDS):
        await checkout.ask()
        empty_shop.till.stop()
        try:
            await checkout.cancel(closed=False)
            await eventually(troubled(checkout))
            details = await details_of(checkout)
            attempts = checkout.steps().count(Step.VOID_PAYMENT)
            await eventually(
                lambda: tried(empty_shop, checkout.id, Step.VOID_PAYMENT, attempts + 2)
            )
            stage = (await shown(checkout))[STAGE]
        finally:
            empty_shop.till.start()
        status = await checkout.ended()

    assert stage == "undoing"
    assert "`void_payment` has been failing since" in details
    assert "`payment-unknown`" in details
    assert "docs/runbooks/provider-is-away.md" in details
    assert status == "cancelled"
    assert (await shown(checkout))[NEEDS_ATTENTION] is False
    assert await updates_of(checkout, "trouble") == 1
    await checkout.agreed()


async def test_what_can_only_be_waited_for_needs_nobodys_attention(empty_shop: Shop) -> None:
    """A bank debit under way takes days."""
    checkout = await empty_shop.open(await empty_shop.stock("brass-lamp", 1))
    for _ in range(4):
        empty_shop.gate.fail(checkout.id, Step.VOID_PAYMENT, "payment-under-way")
    async with empty_shop.working(attention_after_seconds=ATTENTION_AFTER_SECONDS):
        await checkout.ask()
        await checkout.cancel()
        status = await checkout.ended()

    assert status == "cancelled"
    assert await updates_of(checkout, "trouble") == 0


async def test_the_next_failure_of_another_kind_is_told_too(empty_shop: Shop) -> None:
    """What operators read is how it failed, not only that."""
    checkout = await empty_shop.open(await empty_shop.stock("brass-lamp", 1))
    for code in ("away", "away", "away", "away", "refused"):
        empty_shop.gate.fail(checkout.id, Step.VOID_PAYMENT, code)
    async with empty_shop.working(attention_after_seconds=ATTENTION_AFTER_SECONDS):
        await checkout.ask()
        await checkout.cancel(closed=False)
        last = empty_shop.gate.hold(checkout.id, Step.VOID_PAYMENT)
        await last.reached.wait()
        details = await details_of(checkout)
        last.let_go.set()
        await checkout.ended()

    assert "last with `refused`" in details
    assert await updates_of(checkout, "trouble") == 2
