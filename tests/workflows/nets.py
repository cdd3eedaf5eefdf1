"""The nets under a shop, as the worker process hangs them."""

from __future__ import annotations

from datetime import timedelta

from ledger.promises import Promises
from tests.workflows.shop import Checkout, Shop, connected, starter_of
from worker.orphans import Orphans
from worker.polling import Polling
from worker.promised import promised
from worker.reaper import Reaper
from workflows.checkout import CheckoutWorkflow
from workflows.starting import recovery_workflow_id, start_arguments

NOW = timedelta(0)


def orphans(
    shop: Shop, grace: timedelta = NOW, *, recheck: timedelta = NOW, payment_attempts: int = 1
) -> Orphans:
    """Give an orphan check over a shop, which believes nobody for longer than `recheck`."""
    promises = Promises(shop.ledger.engine)
    return Orphans(
        connected(shop.client),
        promises,
        promised(promises, starter_of(shop.queue, payment_attempts)),
        task_queue=shop.queue,
        grace=grace,
        recheck=recheck,
    )


def polling(shop: Shop, silence: timedelta = NOW) -> Polling:
    """Give the loop that asks the provider."""
    promises = Promises(shop.ledger.engine)
    return Polling(promises, shop.provider, connected(shop.client), silence)


def reaper(shop: Shop, grace: timedelta = NOW) -> Reaper:
    """Give a reaper."""
    return Reaper(shop.ledger, shop.watch, grace)


async def recovered(checkout: Checkout) -> str:
    """Wait for the end of a checkout's recovery, and give its status."""
    handle = checkout.shop.client.get_workflow_handle(recovery_workflow_id(checkout.id))
    status: str = await handle.result()
    return status


async def begun(checkout: Checkout) -> None:
    """Start its workflow, and wait for nothing."""
    shop = checkout.shop
    arguments = start_arguments(checkout.start, shop.queue)
    await shop.client.start_workflow(CheckoutWorkflow.run, checkout.start, **arguments)
