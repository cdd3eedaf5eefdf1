"""One API for the whole run, over a database of its own: its tests use skus and keys of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import psycopg
import pytest

from dev.postgres import DatabaseUrls, PostgresServer, create_database, grant_application
from ledger import invariants
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
    """Give the API; nobody answers at Temporal's address, and one warehouse is open.

    Whatever its tests asked of it, every invariant holds at the end.
    """
    async with open_front_door(api_database.application_url) as opened:
        response = await opened.put_location("BER1")
        assert response.status_code == 201
        yield opened
    assert broken(api_database.application_url) == {}


def broken(url: str) -> dict[str, list[tuple[object, ...]]]:
    """Give the rows that break an invariant, by its promise."""
    with psycopg.connect(url, options="-c role=onhand_application") as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        found = {
            each.promise: connection.execute(each.sql.encode()).fetchall()
            for each in invariants.load().values()
        }
    return {promise: rows for promise, rows in found.items() if rows}
