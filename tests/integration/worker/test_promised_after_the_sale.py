"""Debts to customers and returns are promises, too: the orphan check finds whoever should see to them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from temporalio.client import Client

from ledger.commands import CancelOrder
from ledger.errors import Transient
from ledger.promises import OpenDebt, Promises
from tests.workflows.nets import orphans
from tests.workflows.shop import PRICE_MINOR, Shop, eventually
from tests.workflows.test_after_the_sale import (
    came_back,
    done,
    ended,
    looked_at,
    shows_returned,
    sold,
)
from worker.orphans import FORGOTTEN, REPAIRED
from worker.starting import described
from workflows.starting import recovery_workflow_id
from workflows.starting_refunds import cancellation_id, refunds_id

NOW = timedelta(0)


def forgotten(kind: str) -> float:
    """Read how many rows of a kind were without their workflow in the last round."""
    value: float = FORGOTTEN.labels(kind)._value.get()
    return value


def started(kind: str, workflow: str) -> float:
    """Count what was started for rows of a kind."""
    value: float = REPAIRED.labels(kind, workflow)._value.get()
    return value


async def sold_by(shop: Shop) -> str:
    """Sell a lamp and send the worker home; give the order."""
    async with shop.working():
        return (await sold(shop)).id


async def test_a_cancelled_order_is_refunded_though_nobody_asked_the_engine(
    own_shop: Shop,
) -> None:
    """The row is the promise; the checkout itself is over, and needs no recovery beside it."""
    async with own_shop.working():
        order = await sold(own_shop)
        await own_shop.ledger.post(CancelOrder(actor="ada", order_id=order.id, reason="customer"))
        before = started("debt", "cancel-order")
        await orphans(own_shop).round()

        await ended(own_shop.client.get_workflow_handle(cancellation_id(order.id)))
        assert (await order.agreed())["status"] == "refunded"
    assert started("debt", "cancel-order") == before + 1
    assert forgotten("debt") == 1
    assert await described(own_shop.client, recovery_workflow_id(order.id)) is None


async def test_a_return_and_its_debts_are_followed_though_their_story_is_lost(
    own_shop: Shop,
) -> None:
    """One story sees to both: to what an inspection owes, and to the units that wait for one."""
    async with own_shop.working():
        order = await sold(own_shop, 2)
        story = await came_back(order, 2)
        await story.terminate("by an operator")
        debt = await looked_at(order, "forgotten", 1, told=False)
        await orphans(own_shop).round()
        await eventually(lambda: done(order, debt))
        assert await shows_returned(order, PRICE_MINOR)

        await story.terminate("by an operator")
        before = started("return", "return")
        await orphans(own_shop).round()
        assert started("return", "return") == before + 1
        await looked_at(order, "rest", 1)
        await ended(own_shop.client.get_workflow_handle(story.id))
        assert await shows_returned(order, 2 * PRICE_MINOR)


async def test_a_debt_of_neither_is_paid_by_a_story_of_the_checkouts_own(own_shop: Shop) -> None:
    """Whatever else owes it: a story that pays all there is."""
    async with own_shop.working():
        order = await sold(own_shop)
        own_shop.database.run(
            "INSERT INTO refund (checkout_id, refund_id, state, amount_minor, owed_at, updated_at)"
            " VALUES (%s, 'goodwill', 'owed', %s, clock_timestamp(), clock_timestamp())",
            order.id,
            PRICE_MINOR,
        )
        await orphans(own_shop).round()

        await ended(own_shop.client.get_workflow_handle(refunds_id(order.id)))
        assert await shows_returned(order, PRICE_MINOR)


async def test_a_story_that_runs_is_left_alone(own_shop: Shop) -> None:
    """It is asked for by its name; a second round finds nothing to start."""
    order = await sold_by(own_shop)
    await own_shop.ledger.post(CancelOrder(actor="ada", order_id=order, reason="customer"))
    await orphans(own_shop).round()
    handle = own_shop.client.get_workflow_handle(cancellation_id(order))
    before = (await handle.describe()).run_id
    await orphans(own_shop).round()

    assert (await handle.describe()).run_id == before
    assert forgotten("debt") == 0


async def test_a_young_debt_is_left_to_whoever_wrote_it(own_shop: Shop) -> None:
    """The API is asking the engine this very moment."""
    order = await sold_by(own_shop)
    await own_shop.ledger.post(CancelOrder(actor="ada", order_id=order, reason="customer"))
    await orphans(own_shop, timedelta(minutes=1)).round()

    (debt,) = await Promises(own_shop.ledger.engine).open_debts(NOW)
    assert (debt.checkout_id, debt.refund_id, debt.return_id) == (order, "whole", None)
    assert await described(own_shop.client, cancellation_id(order)) is None


async def test_debts_are_listed_page_by_page(
    own_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many there are: those that cannot be paid hide none of the others."""
    monkeypatch.setattr("ledger.promises.PAGE", 1)
    orders = sorted([await sold_by(own_shop), await sold_by(own_shop)])
    for order in orders:
        await own_shop.ledger.post(CancelOrder(actor="ada", order_id=order, reason="customer"))
    asked_for = []

    async def start(client: Client, row: OpenDebt) -> str:
        asked_for.append(row.checkout_id)
        raise Transient("away")

    net = orphans(own_shop)
    (debts,) = (kind for kind in net.kinds if kind.name == "debt")
    net.kinds = (replace(debts, start=start),)
    await net.round()

    assert asked_for == orders
    assert forgotten("debt") == 2
