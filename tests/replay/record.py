"""Record every ending as it is told today: `python -m tests.replay.record 3_what_changed`.

Each is a checkout of its own on real servers, or what came after one, run to its end and stripped of who
ran it. The argument is a new folder beside the others: what was recorded stays, since it stands for stories
that run when the new code comes. docs/changing-workflows.md says when to record.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowFailureError, WorkflowHandle
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
from tests.copies import Database
from tests.replay.endings import ENDINGS
from tests.replay.other_endings import OTHER_ENDINGS
from tests.workflows.conftest import ATTRIBUTES
from tests.workflows.shop import Shop, delivery_of
from tests.workflows.till import KEY, Till, open_wire

HISTORIES = Path(__file__).parent / "histories"
SECRETIVE = {"identity": "worker", "buildId": "", "stackTrace": ""}
"""What names a machine, a process or a path, and what is put in its place."""


async def record_all(folder: Path) -> None:
    """Write one file for each ending of every story."""
    async with open_shop() as shop, shop.working():
        for ending in ENDINGS:
            checkout = await ending(shop)
            with suppress(WorkflowFailureError):  # ended as cancelled
                await checkout.ended()
            (folder / f"{ending.__name__}.json").write_text(await history_of(checkout.handle))
            print(ending.__name__, checkout.row()["status"])
        for other, answer in OTHER_ENDINGS.items():
            handle = await other(shop)
            assert await handle.result() == answer, other.__name__
            (folder / f"{other.__name__}.json").write_text(await history_of(handle))
            print(other.__name__, answer)


async def history_of(handle: WorkflowHandle[Any, Any]) -> str:
    """Tell a workflow's history as a file does."""
    history = (await handle.fetch_history()).to_json()
    told = {"workflow_id": handle.id, "history": anonymous(json.loads(history))}
    return json.dumps(told, indent=1, sort_keys=True) + "\n"


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


if __name__ == "__main__":
    new_folder = HISTORIES / sys.argv[1]
    new_folder.mkdir()
    asyncio.run(record_all(new_folder))
