"""Record the histories anew: `python -m tests.replay.record`.

Each is a checkout of its own on real servers, run to its end and stripped of who ran it. Recorded when
a story is changed on purpose, after thinking about the checkouts that run at that moment.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowFailureError
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from dev.database import create_database, grant_application
from dev.postgres import running_postgres
from dev.temporal import find_temporal
from ledger.database import engine
from ledger.migrate import upgrade
from ledger.posting import Ledger
from ledger.watch import Watch
from payments.provider import PaymentProvider
from tests.conftest import Database
from tests.workflows.conftest import ATTRIBUTES
from tests.workflows.shop import SUCCEEDED, Checkout, Shop, delivery_of, eventually
from tests.workflows.till import KEY, Till, open_wire
from workflows.steps import Step

HISTORIES = Path(__file__).parent / "histories"
SECRETIVE = {"identity": "worker", "buildId": "", "stackTrace": ""}
"""What names a machine, a process or a path, and what is put in its place."""

Ending = Callable[[Shop], Awaitable[Checkout]]


async def confirmed(shop: Shop) -> Checkout:
    """Pay."""
    checkout = await shop.open(await shop.stock("brass-lamp", 3), 2)
    await checkout.ask()
    await checkout.pay()
    return checkout


async def confirmed_at_the_second_card(shop: Shop) -> Checkout:
    """Fail to pay, be told nothing new, then pay."""
    lamp = await shop.stock("brass-lamp", 1)
    checkout = await shop.open(lamp, payment_attempts=2)
    await checkout.ask()
    await checkout.pay("pm_card_chargeDeclined")
    await eventually(lambda: _tried(checkout, Step.ACCEPT_PAYMENT, 1))
    await checkout.pay()
    return checkout


async def declined(shop: Shop) -> Checkout:
    """Fail to pay."""
    checkout = await shop.open(await shop.stock("brass-lamp", 1))
    await checkout.ask()
    await checkout.pay("pm_card_chargeDeclined")
    return checkout


async def declined_at_the_capture(shop: Shop) -> Checkout:
    """Have the authorization taken away after the fence."""
    checkout = await shop.open(await shop.stock("brass-lamp", 1))
    hold = shop.gate.hold(checkout.id, Step.CAPTURE_PAYMENT)
    await checkout.ask()
    await checkout.pay()
    await hold.reached.wait()
    await shop.till.post(f"/v1/payment_intents/{await checkout.intent()}/cancel", {})
    hold.let_go.set()
    return checkout


async def out_of_stock(shop: Shop) -> Checkout:
    """Want more than there is."""
    checkout = await shop.open(await shop.stock("brass-lamp", 1), 2)
    await checkout.ask()
    return checkout


async def limit_exceeded(shop: Shop) -> Checkout:
    """Want more than one may have."""
    checkout = await shop.open(await shop.stock("brass-lamp", 5, limit=1), 2)
    await checkout.ask()
    return checkout


async def expired(shop: Shop) -> Checkout:
    """Do nothing."""
    checkout = await shop.open(await shop.stock("brass-lamp", 1), ttl_seconds=1)
    await checkout.ask()
    return checkout


async def cancelled_by_the_customer(shop: Shop) -> Checkout:
    """Think better of it."""
    checkout = await shop.open(await shop.stock("brass-lamp", 1))
    await checkout.ask()
    await checkout.cancel()
    return checkout


async def cancelled_by_an_operator(shop: Shop) -> Checkout:
    """Be cancelled in the Temporal UI while the customer should pay."""
    checkout = await shop.open(await shop.stock("brass-lamp", 1))
    await checkout.ask()
    await checkout.handle.cancel()
    return checkout


async def cancelled_after_the_payment_was_given_up(shop: Shop) -> Checkout:
    """Have no provider to ask."""
    checkout = await shop.open(await shop.stock("brass-lamp", 1), ttl_seconds=1)
    shop.wire.throttling = "POST /v1/payment_intents "
    undo = shop.gate.hold(checkout.id, Step.RELEASE_STOCK)
    asking = asyncio.create_task(checkout.ask())
    await undo.reached.wait()
    shop.wire.throttling = None
    undo.let_go.set()
    await asking
    return checkout


async def refunded_by_an_operator(shop: Shop) -> Checkout:
    """Be cancelled in the Temporal UI past the fence."""
    checkout = await shop.open(await shop.stock("brass-lamp", 1))
    hold = shop.gate.hold(checkout.id, Step.CONFIRM_ORDER)
    await checkout.ask()
    await checkout.pay()
    await hold.reached.wait()
    await checkout.handle.cancel()
    hold.let_go.set()
    return checkout


async def refunded_since_it_came_too_late(shop: Shop) -> Checkout:
    """Be charged by one's bank after one cancelled."""
    checkout = await shop.open(await shop.stock("brass-lamp", 1))
    await checkout.ask()
    await checkout.pay("pm_usBankAccount_success", told=False)
    await eventually(lambda: shop.shows(checkout, "captured"))
    await checkout.cancel()
    return checkout


async def confirmed_from_a_bank_debit(shop: Shop) -> Checkout:
    """Be charged by one's bank in time."""
    checkout = await shop.open(await shop.stock("brass-lamp", 1))
    await checkout.ask()
    await checkout.pay("pm_usBankAccount_success", told=False)
    await eventually(lambda: shop.shows(checkout, "captured"))
    await checkout.hear(SUCCEEDED)
    return checkout


ENDINGS: tuple[Ending, ...] = (
    confirmed,
    confirmed_at_the_second_card,
    confirmed_from_a_bank_debit,
    declined,
    declined_at_the_capture,
    out_of_stock,
    limit_exceeded,
    expired,
    cancelled_by_the_customer,
    cancelled_by_an_operator,
    cancelled_after_the_payment_was_given_up,
    refunded_by_an_operator,
    refunded_since_it_came_too_late,
)


async def record_all() -> None:
    """Write one file for each ending."""
    HISTORIES.mkdir(exist_ok=True)
    async with open_shop() as shop, shop.working():
        for ending in ENDINGS:
            checkout = await ending(shop)
            with suppress(WorkflowFailureError):  # ended as cancelled
                await checkout.ended()
            history = (await checkout.handle.fetch_history()).to_json()
            told = {"workflow_id": checkout.handle.id, "history": anonymous(json.loads(history))}
            file = HISTORIES / f"{ending.__name__}.json"
            file.write_text(json.dumps(told, indent=1, sort_keys=True) + "\n")
            print(ending.__name__, checkout.row()["status"])


def anonymous(told: Any) -> Any:
    """Leave out who ran it, and where."""
    match told:
        case {"kind": "TASK_QUEUE_KIND_STICKY", **rest}:
            return {**anonymous(rest), "kind": "TASK_QUEUE_KIND_STICKY", "name": "sticky"}
        case dict():
            return {key: SECRETIVE.get(key, anonymous(value)) for key, value in told.items()}
        case list():
            return [anonymous(part) for part in told]
        case _:
            return told


@asynccontextmanager
async def open_shop() -> AsyncIterator[Shop]:
    """Run everything for the time of a block. Clocks run as in production."""
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(running_postgres(directory / "postgres"))
        urls = create_database(server, "recording")
        upgrade(urls.owner_url)
        grant_application(server)
        database = Database(
            name="recording",
            owner_url=urls.owner_url,
            application_url=urls.application_url,
            superuser_url=server.superuser_url.rpartition("/")[0] + "/recording",
        )
        stack.callback(database.close)
        till = Till(directory / "till.jsonl")
        till.start()
        stack.callback(till.stop)
        wire = await stack.enter_async_context(open_wire(till))
        environment = await WorkflowEnvironment.start_local(
            dev_server_existing_path=find_temporal(),
            dev_server_log_level="error",
            search_attributes=ATTRIBUTES,
            data_converter=pydantic_data_converter,
        )
        await stack.enter_async_context(environment)
        pool = engine(urls.application_url)
        stack.push_async_callback(pool.dispose)
        provider = PaymentProvider(base=wire.url, key=KEY, timeout_seconds=5)
        stack.push_async_callback(provider.close)
        watch = Watch(pool)
        yield Shop(
            client=environment.client,
            ledger=Ledger(pool),
            watch=watch,
            provider=provider,
            till=till,
            wire=wire,
            database=database,
            delivery=delivery_of(watch, environment.client),
            queue="checkout",
            numbers=count(1),
        )


async def _tried(checkout: Checkout, step: Step, times: int) -> bool:
    return checkout.steps().count(step) >= times


if __name__ == "__main__":
    asyncio.run(record_all())
