"""A shop a test, whose books are checked when the test is over."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.copies import Copies, Database
from tests.integration.ledger.busy_world import live_through
from tests.integration.ledger.noticeboards import put_up
from tests.integration.ledger.shop import Shop, broken_promises, open_shop


@pytest.fixture
async def shop(database: Database) -> AsyncIterator[Shop]:
    """Give a shop; whatever the test did to it, every invariant holds afterwards."""
    async with open_shop(database) as opened:
        yield opened
        assert broken_promises(database) == {}


@pytest.fixture(scope="session")
async def busy(copies: Copies) -> AsyncIterator[Database]:
    """Give a database in which much has happened at once, through two processes. Nobody changes it."""
    with copies.one() as database:
        await live_through(database)
        await put_up(database)
        yield database
