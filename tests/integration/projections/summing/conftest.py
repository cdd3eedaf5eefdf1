"""A shop in which every kind of movement has happened, and its events as a consumer reads them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import count

import pytest

from ledger.database import Role, engine
from tests.copies import Copies
from tests.integration.ledger.busy_world import live_through
from tests.integration.projections.summing.town import Town, events_of, go_on


@pytest.fixture(scope="session")
async def town(copies: Copies) -> AsyncIterator[Town]:
    """Give a ledger that nobody changes any more; each test fills generations of its own."""
    with copies.one() as database:
        await live_through(database)
        await go_on(database)
        pool = engine(database.application_url, pool_size=4, role=Role.PROJECTIONS)
        yield Town(
            database=database,
            engine=pool,
            events=tuple(events_of(database)),
            generations=count(1),
        )
        await pool.dispose()
