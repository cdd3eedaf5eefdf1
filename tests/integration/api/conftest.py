"""One API for the whole run, over a database of its own: its tests use skus and keys of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from dev.postgres import DatabaseUrls, PostgresServer, create_database, grant_application
from ledger.migrate import upgrade
from tests.integration.api.front_door import FrontDoor, open_front_door


@pytest.fixture(scope="session")
def api_database(postgres: PostgresServer) -> DatabaseUrls:
    """Give the database behind the API."""
    urls = create_database(postgres, "front_door")
    upgrade(urls.owner_url)
    grant_application(postgres)
    return urls


@pytest.fixture(scope="session")
async def front_door(api_database: DatabaseUrls) -> AsyncIterator[FrontDoor]:
    """Give the API; nobody answers at Temporal's address, and one warehouse is open."""
    async with open_front_door(api_database.application_url) as opened:
        response = await opened.put_location("BER1")
        assert response.status_code == 201
        yield opened
