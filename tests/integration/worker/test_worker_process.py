"""The worker as a process: its loops need no Temporal, its stories wait for one, and it ends in order."""

from __future__ import annotations

from pathlib import Path

from dev.ports import free_port
from dev.temporal import running_temporal
from tests.copies import Database
from tests.integration.worker.processes import Employ, WorkerProcess
from tests.workflows.shop import Checkout, Shop, eventually
from workflows.search_attributes import SEARCH_ATTRIBUTES

DROP_THE_WORKERS_CONNECTIONS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE application_name = 'onhand-worker'"
)


async def held(shop: Shop) -> Checkout:
    """Hold a lamp, and leave the shop."""
    checkout = await shop.open(await shop.stock("brass-lamp", 1))
    async with shop.working():
        await checkout.ask()
    return checkout


def lapse(checkout: Checkout) -> None:
    """Let the time of a hold be over."""
    lapsed = (
        "UPDATE reservation SET expires_at = now() - interval '1 second' WHERE checkout_id = %s"
    )
    checkout.shop.database.run(lapsed, checkout.id)


async def shows(checkout: Checkout, status: str) -> bool:
    return checkout.row()["status"] == status


async def test_its_loops_run_while_temporal_is_away_and_it_connects_when_that_comes(
    own_shop: Shop, employ: Employ, tmp_path: Path
) -> None:
    """Holds end without an engine, and though Postgres drops us; then the forgotten row is taken up."""
    first, second = await held(own_shop), await held(own_shop)
    port = free_port()
    worker = employ(f"127.0.0.1:{port}")

    lapse(first)
    await eventually(lambda: shows(first, "expired"))
    own_shop.database.run(DROP_THE_WORKERS_CONNECTIONS)
    lapse(second)
    await eventually(lambda: shows(second, "expired"))
    forgotten = await own_shop.open(await own_shop.stock("blue-teapot", 1))
    assert await worker.says("waiting for Temporal")
    with running_temporal(tmp_path / "temporal", port=port, search_attributes=SEARCH_ATTRIBUTES):
        await eventually(lambda: shows(forgotten, "awaiting_payment"))
        status = worker.end()

    assert status == 0
    assert not worker.left_behind()
    assert not await worker.says("Traceback")


async def test_it_ends_in_order_before_it_ever_connected(
    own_shop: Shop, employ: Employ, database: Database
) -> None:
    """Told to stop while it waits for Temporal; its connections to Postgres are closed."""
    worker = employ(f"127.0.0.1:{free_port()}")
    await eventually(lambda: worker.says("waiting for Temporal"))

    assert worker.end() == 0
    assert not worker.left_behind()
    assert not await worker.says("Traceback")
    sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'onhand-worker'"
    assert database.value(sessions) == 0


async def test_its_loops_go_on_though_the_engine_does_not_know_our_namespace(
    own_shop: Shop, employ: Employ
) -> None:
    """As on the first day of an installation, before its set-up job has run."""
    reaped = await held(own_shop)
    worker = employ(own_shop.client.service_client.config.target_host, "not-made-yet")
    await eventually(lambda: worker.says("not-made-yet"))
    lapse(reaped)

    await eventually(lambda: over(worker, reaped))

    assert worker.process.poll() is None


async def over(worker: WorkerProcess, reaped: Checkout) -> bool:
    """Tell whether the hold or the worker has come to its end."""
    return worker.process.poll() is not None or await shows(reaped, "expired")
