"""Rows and workflows that do not belong together are told of, and left as they are."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from typer.testing import CliRunner, Result

from cli import doctor_engine
from cli.main import app
from ledger.promises import Promises
from tests.workflows.nets import NOW
from tests.workflows.shop import Checkout, Shop, starter_of
from worker.astray import Astray, astray
from worker.promised import promised
from worker.starting import described, keepers_of
from workflows.starting import recovery_workflow_id

LONG = timedelta(hours=1)


async def looked(shop: Shop, grace: timedelta = NOW) -> Astray:
    """Look both ways."""
    promises = Promises(shop.ledger.engine)
    kinds = promised(promises, starter_of(shop.queue))
    return await astray(shop.client, promises, kinds, task_queue=shop.queue, grace=grace)


async def payable(shop: Shop) -> Checkout:
    """Bring a checkout to where its customer should pay."""
    checkout = await shop.open(await shop.stock("brass-lamp", 1))
    await checkout.ask()
    return checkout


async def test_what_belongs_together_is_not_told_of(own_shop: Shop) -> None:
    """One that waits for its customer, and one that has ended."""
    async with own_shop.working():
        waiting, sold = await payable(own_shop), await payable(own_shop)
        await sold.pay()
        await sold.ended()
        assert await looked(own_shop) == Astray(forsaken=[], overstaying=[])
        await waiting.cancel()


async def test_a_row_that_lost_its_workflow_is_told_of(own_shop: Shop) -> None:
    """It is a mutant of I14; within the grace it is nobody's fault yet, and telling repairs nothing."""
    async with own_shop.working():
        lost = await payable(own_shop)
        await lost.handle.terminate()
        found = await looked(own_shop)
        assert (found.forsaken, found.overstaying) == ([("checkout", lost.id)], [])
        assert (await looked(own_shop, LONG)).forsaken == []
        assert await described(own_shop.client, recovery_workflow_id(lost.id)) is None


async def test_a_workflow_whose_row_is_at_rest_is_told_of(own_shop: Shop) -> None:
    """It is a mutant of I15: the ledger was put right by hand, or is another one's."""
    async with own_shop.working():
        staying = await payable(own_shop)
        _end_by_hand(staying)
        first, _ = keepers_of(staying.id)
        found = await looked(own_shop)
        assert (found.forsaken, found.overstaying) == ([], [first])
        await staying.handle.terminate()


async def test_doctor_asks_the_engine_too(own_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """With exit code 1, the number and what to do; not asked, it knows nothing of it."""
    async with own_shop.working():
        lost = await payable(own_shop)
        await lost.handle.terminate()
    monkeypatch.setattr(doctor_engine, "GRACE", NOW)
    environment = {
        "DATABASE_URL": own_shop.database.application_url,
        "TEMPORAL_ADDRESS": own_shop.client.service_client.config.target_host,
        "TEMPORAL_NAMESPACE": own_shop.client.namespace,
        "ONHAND_TASK_QUEUE": own_shop.queue,
    }
    asked = await doctor(environment, "--engine")
    assert (asked.exit_code, asked.stdout.splitlines()[0]) == (1, "I14"), asked.stdout
    assert lost.id in asked.stdout
    assert (await doctor(environment)).exit_code == 0


async def test_doctor_says_that_it_could_not_ask(own_shop: Shop) -> None:
    """Exit code 2: nothing is known."""
    environment = {
        "DATABASE_URL": own_shop.database.application_url,
        "TEMPORAL_ADDRESS": "127.0.0.1:1",
    }
    asked = await doctor(environment, "--engine")
    assert asked.exit_code == 2
    assert "Temporal could not be asked" in asked.stderr


async def doctor(environment: dict[str, str], *arguments: str) -> Result:
    """Type it; it has a loop of its own."""
    return await asyncio.to_thread(CliRunner().invoke, app, ["doctor", *arguments], env=environment)


def _end_by_hand(checkout: Checkout) -> None:
    checkout.shop.database.run(
        "UPDATE checkout SET status = 'cancelled', reservation_state = 'released',"
        " payment_state = 'voided' WHERE checkout_id = %s",
        checkout.id,
    )
