"""A shop, a bus of its own beside it, and what came out there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nats
import pytest

from dev.nats import running_nats
from dev.ports import free_port
from events.jetstream import JetStreamBus
from events.relay import Relay
from ledger.database import Role, engine
from ledger.outgoing import Outbox
from tests.copies import Database
from tests.integration.events.reading import events_of
from tests.integration.ledger.shop import Shop, open_shop


@dataclass(kw_only=True)
class Nats:
    """A server at one port, which may be away. What it stored stays."""

    directory: Path
    port: int

    @property
    def url(self) -> str:
        """Where it is, or would be."""
        return f"nats://127.0.0.1:{self.port}"

    async def events(self) -> list[dict[str, Any]]:
        """Read everything that the stream holds, in its order."""
        return await events_of(self.url)


@pytest.fixture(scope="session")
def running_bus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nats]:
    """Give the one that runs for all tests that neither end it nor start it."""
    place = Nats(directory=tmp_path_factory.mktemp("bus") / "nats", port=free_port())
    with running_nats(place.directory, port=place.port):
        yield place


@pytest.fixture
def away(request: pytest.FixtureRequest, tmp_path: Path) -> Nats:
    """Give a bus that nobody has started. For a test that wants one that runs, it is that."""
    if "bus" in request.fixturenames:
        running: Nats = request.getfixturevalue("running_bus")
        return running
    return Nats(directory=tmp_path / "nats", port=free_port())


@pytest.fixture
async def bus(away: Nats) -> Nats:
    """Give one that runs, with no stream yet: whoever was there before has let go of it by now."""
    client = await nats.connect(away.url)
    streams = client.jetstream()
    for stream in await streams.streams_info():
        await streams.delete_stream(str(stream.config.name))
    await client.close()
    return away


@pytest.fixture
async def shop(database: Database) -> AsyncIterator[Shop]:
    """Give a shop with three products in its catalogue."""
    async with open_shop(database) as opened:
        yield opened


@pytest.fixture
async def relay(shop: Shop, away: Nats) -> AsyncIterator[Relay]:
    """Give a relay from the shop to the bus, wherever that is."""
    async with open_relay(shop, away.url) as opened:
        yield opened


@asynccontextmanager
async def open_relay(shop: Shop, url: str) -> AsyncIterator[Relay]:
    """Give another one, which may do what its process may."""
    connection = JetStreamBus(url)
    database = engine(shop.database.application_url, pool_size=2, role=Role.RELAY)
    yield Relay(Outbox(database), connection)
    await connection.close()
    await database.dispose()


def waiting(shop: Shop) -> int:
    """Count the events that are not out."""
    return int(shop.database.value("SELECT count(*) FROM outbox WHERE published_at IS NULL"))
