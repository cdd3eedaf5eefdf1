"""The shop of the workflow tests, with a ledger of the test's own where a loop looks at all there is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ledger.posting import Ledger
from ledger.watch import Watch
from tests.copies import Database
from tests.integration.worker.processes import employ
from tests.workflows.conftest import (
    counter,
    engine_room,
    forward,
    shop_database,
    till,
    wire,
)
from tests.workflows.shop import Shop, delivery_of

__all__ = ["counter", "employ", "engine_room", "forward", "shop_database", "till", "wire"]


@pytest.fixture
async def own_shop(counter: Shop, ledger: Ledger, database: Database) -> Shop:
    """Give a shop with an empty ledger, in which nobody works until the test says so."""
    watch = Watch(ledger.engine)
    queue = f"queue-{next(counter.numbers)}"
    return replace(
        counter,
        ledger=ledger,
        watch=watch,
        database=database,
        delivery=delivery_of(watch, counter.client, queue),
        queue=queue,
    )
