"""A hold that is to last longer: once, twice, never a third time, and never past the fence."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import ApplicationError

from dev.ports import free_port
from dev.temporal import NAMESPACE, running_temporal
from tests.workflows.gate import Hold
from tests.workflows.shop import Checkout, Forward, Shop, delivery_of
from workflows.checkout import CheckoutWorkflow
from workflows.messages import ExtendAnswer
from workflows.search_attributes import EXPIRES_AT, SEARCH_ATTRIBUTES
from workflows.steps import Step

TTL_SECONDS = 60
LONGER = ExtendAnswer(status="awaiting_payment")


async def waiting(shop: Shop) -> Checkout:
    """Bring a checkout to where its customer should pay."""
    checkout = await shop.open(await shop.stock("brass-lamp", 1), ttl_seconds=TTL_SECONDS)
    await checkout.ask()
    return checkout


async def stage_of(checkout: Checkout) -> str | None:
    """Ask the workflow where it is."""
    return (await checkout.handle.query(CheckoutWorkflow.told))["stage"]


def extensions(checkout: Checkout) -> int:
    """Count the extensions in the ledger."""
    query = "SELECT extension FROM reservation WHERE checkout_id = %s"
    return int(checkout.shop.database.value(query, checkout.id))


async def test_an_extended_hold_can_be_paid_past_its_first_end(
    any_shop: Shop, forward: Forward
) -> None:
    """The timer is armed anew, and operators see the new end."""
    checkout = await waiting(any_shop)
    before = (await checkout.handle.describe()).typed_search_attributes[EXPIRES_AT]

    answer = await checkout.extend(1, seconds=600)
    still_there = await forward(checkout, TTL_SECONDS + 300)
    stage = await stage_of(checkout)
    after = (await checkout.handle.describe()).typed_search_attributes[EXPIRES_AT]
    await checkout.pay()

    assert answer == LONGER
    assert still_there
    assert stage == "awaiting_payment"
    assert after > before
    assert await checkout.ended() == "confirmed"
    await checkout.agreed()
    assert Step.EXPIRE_HOLD not in checkout.steps()


async def test_an_extended_hold_expires_at_its_later_end(any_shop: Shop, forward: Forward) -> None:
    """By the extension it had then: the ledger refuses the end of a shorter one."""
    checkout = await waiting(any_shop)
    await checkout.extend(1, seconds=600)

    await forward(checkout, TTL_SECONDS + 300)
    between = checkout.row()["reservation"]
    await forward(checkout, 301)

    assert between == "held"
    assert await checkout.ended() == "expired"
    assert (await checkout.agreed())["payment"] == "voided"
    assert checkout.steps().count(Step.EXPIRE_HOLD) == 1
    assert any_shop.piles(checkout.start.lines[0].sku) == (1, 0, 0)


async def test_a_hold_may_be_extended_twice(shop: Shop, forward: Forward) -> None:
    """One after the other, each from the end before it."""
    checkout = await waiting(shop)

    answers = [await checkout.extend(1, seconds=300), await checkout.extend(2, seconds=300)]
    await forward(checkout, TTL_SECONDS + 500)
    stage = await stage_of(checkout)
    await forward(checkout, 101)

    assert answers == [LONGER, LONGER]
    assert stage == "awaiting_payment"
    assert await checkout.ended() == "expired"
    await checkout.agreed()


@pytest.mark.parametrize(
    ("so_far", "wanted", "code"),
    [(2, 3, "too-many-extensions"), (0, 2, "not-the-next"), (1, 3, "not-the-next")],
)
async def test_an_extension_out_of_turn_is_refused_and_the_hold_goes_on(
    shop: Shop, so_far: int, wanted: int, code: str
) -> None:
    """The ledger refuses it; the checkout waits for its payment as before."""
    checkout = await waiting(shop)
    for number in range(1, so_far + 1):
        await checkout.extend(number)

    answer = await checkout.extend(wanted)

    assert answer == ExtendAnswer(status="awaiting_payment", code=code)
    assert extensions(checkout) == so_far
    await checkout.pay()
    assert await checkout.ended() == "confirmed"
    await checkout.agreed()


async def test_an_extension_asked_for_again_is_the_same_one(shop: Shop) -> None:
    """A customer's repeat gets the first answer, and no more time."""
    checkout = await waiting(shop)

    answers = [await checkout.extend(1), await checkout.extend(1)]

    assert answers == [LONGER, LONGER]
    assert extensions(checkout) == 1
    assert await other_length(checkout) == "key-reused"
    await checkout.cancel()
    await checkout.agreed()


async def other_length(checkout: Checkout) -> str | None:
    """Ask for the first extension again, for another time."""
    return (await checkout.extend(1, seconds=90)).code


async def test_nothing_is_extended_past_the_fence(shop: Shop) -> None:
    """Refused by the validator, so that it leaves no trace in the history."""
    checkout = await waiting(shop)
    shop.gate.fail(checkout.id, Step.CAPTURE_PAYMENT)
    capturing = shop.gate.hold(checkout.id, Step.CAPTURE_PAYMENT)
    await checkout.pay()
    await capturing.reached.wait()

    with pytest.raises(WorkflowUpdateFailedError) as refusal:
        await checkout.extend(1)
    capturing.let_go.set()

    assert isinstance(refusal.value.cause, ApplicationError)
    assert refusal.value.cause.type == "not-held"
    assert await checkout.ended() == "confirmed"
    await checkout.agreed()


async def test_an_extension_that_meets_the_fence_under_way_is_told_that_it_came_too_late(
    shop: Shop,
) -> None:
    """It was let in, since nobody knew yet; then the payment was there."""
    checkout = await waiting(shop)
    looking = shop.gate.hold(checkout.id, Step.ACCEPT_PAYMENT)
    await checkout.pay()
    await looking.reached.wait()

    extending = asyncio.create_task(checkout.extend(1))
    await shop.until_accepted(checkout, "extend")
    looking.let_go.set()

    assert (await extending).code == "not-held"
    assert await checkout.ended() == "confirmed"
    await checkout.agreed()


@pytest.mark.parametrize(
    ("first", "second"),
    [((1, 60), (1, 60)), ((1, 60), (2, 60)), ((1, 60), (1, 90))],
    ids=["twins", "in-turn", "of-two-lengths"],
)
async def test_two_extensions_at_once_are_both_answered(
    shop: Shop, forward: Forward, first: tuple[int, int], second: tuple[int, int]
) -> None:
    """While the first is under way the second comes in: neither may be lost, nor counted twice."""
    checkout = await waiting(shop)
    under_way = shop.gate.hold(checkout.id, Step.EXTEND_HOLD)
    asked = [asyncio.create_task(checkout.extend(*first))]
    await under_way.reached.wait()
    asked.append(asyncio.create_task(checkout.extend(*second)))
    await shop.until_accepted(checkout, "extend", times=2)
    under_way.let_go.set()

    async with asyncio.timeout(20):
        answers = await asyncio.gather(*asked)

    other_length_too = first[0] == second[0] and first != second
    assert answers[0] == LONGER
    assert answers[1].code == ("key-reused" if other_length_too else None)
    assert extensions(checkout) == second[0]
    await forward(checkout, TTL_SECONDS + 60 * second[0] + 1)
    assert await checkout.ended() == "expired"
    await checkout.agreed()


async def test_an_extension_nobody_answers_is_given_up_and_the_hold_goes_on(shop: Shop) -> None:
    """For as long as somebody waits; the time is over when it was."""
    checkout = await waiting(shop)
    shop.gate.put_off(checkout.id, Step.EXTEND_HOLD)

    answer = await checkout.extend(1)

    assert answer.code is not None
    assert extensions(checkout) == 0
    await checkout.pay()
    assert await checkout.ended() == "confirmed"
    await checkout.agreed()


async def test_an_extension_outlives_the_engine_and_the_worker(
    counter: Shop, tmp_path: Path
) -> None:
    """The timer of the longer hold is the engine's, and is still the longer one when that is back."""
    port = free_port()
    with running_temporal(tmp_path, port=port, search_attributes=SEARCH_ATTRIBUTES):
        shop = await served_by(counter, f"127.0.0.1:{port}")
        async with shop.working(start_to_close_seconds=1):
            paid, unpaid = await waiting(shop), await short(shop)
            await paid.extend(1, seconds=600)
            deadline = (await paid.handle.query(CheckoutWorkflow.told))["deadline"]
            held = await extended_in_flight(unpaid)
    held.let_go.set()
    with running_temporal(tmp_path, port=port, search_attributes=SEARCH_ATTRIBUTES):
        shop = await served_by(counter, f"127.0.0.1:{port}")
        paid, unpaid = replace(paid, shop=shop), replace(unpaid, shop=shop)
        async with shop.working():
            told = await paid.handle.query(CheckoutWorkflow.told)
            await paid.pay()

            assert told["deadline"] == deadline
            assert await paid.ended() == "confirmed"
            assert await unpaid.ended() == "expired"
    await paid.agreed()
    await unpaid.agreed()
    assert (extensions(paid), extensions(unpaid)) == (1, 1)


async def served_by(shop: Shop, address: str) -> Shop:
    """Give the shop with another engine."""
    client = await Client.connect(
        address, namespace=NAMESPACE, data_converter=pydantic_data_converter
    )
    return replace(shop, client=client, delivery=delivery_of(shop.watch, client))


async def short(shop: Shop) -> Checkout:
    """Open one whose hold lasts seconds."""
    checkout = await shop.open(await shop.stock("blue-teapot", 1), ttl_seconds=2, step_seconds=2)
    await checkout.ask()
    return checkout


async def extended_in_flight(checkout: Checkout) -> Hold:
    """Have an extension committed in the ledger, and nobody told of it yet."""
    held = checkout.shop.gate.hold(checkout.id, Step.EXTEND_HOLD, done=True)
    asking = asyncio.create_task(checkout.extend(1, seconds=1))
    await held.reached.wait()
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    return held
