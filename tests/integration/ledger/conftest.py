"""A shop a test, whose books are checked when the test is over."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.conftest import Database
from tests.integration.ledger.shop import Shop, broken_promises, open_shop


@pytest.fixture
async def shop(database: Database) -> AsyncIterator[Shop]:
    """Give a shop; whatever the test did to it, every invariant holds afterwards."""
    async with open_shop(database) as opened:
        yield opened
        assert broken_promises(database) == {}
