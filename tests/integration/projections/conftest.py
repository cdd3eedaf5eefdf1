"""A shop, its bus and its relay, and whoever keeps noticeboards of it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, LiteralString

import pytest
from pydantic import SecretStr

from events.relay import Relay
from projections.keeping import Keeper
from projections.projection import PASSING
from settings.model import (
    BusSettings,
    DatabaseSettings,
    DrillSettings,
    ProjectionSettings,
    SearchSettings,
    TelemetrySettings,
)
from tests.copies import Database
from tests.integration.events.conftest import Nats, away, bus, relay, running_bus, shop, waiting
from tests.integration.ledger.shop import Shop
from tests.workflows.shop import eventually
from worker.projections import Office, ProjectionProcessSettings

__all__ = ["away", "bus", "relay", "running_bus", "shop"]

NAMES = ("availability", "board", "analytics")
"""Every noticeboard there is: what holds for one holds for all."""

SHORTLY = 0.05
"""For how long a round waits for events that have all been sent."""

TABLES: dict[str, dict[str, LiteralString]] = {
    "availability": {
        "availability": "SELECT to_jsonb(t) - 'generation' FROM projections.availability t"
        " WHERE generation = %s ORDER BY sku, location",
        "availability_product": "SELECT to_jsonb(t) - 'generation' FROM projections.availability_product t"
        " WHERE generation = %s ORDER BY sku",
    },
    "board": {
        "board_watermark": "SELECT to_jsonb(t) - 'generation' FROM projections.board_watermark t"
        " WHERE generation = %s ORDER BY sku, location",
        "board_task": "SELECT to_jsonb(t) - 'generation' FROM projections.board_task t"
        " WHERE generation = %s ORDER BY sku, location, task, id",
        "board_transfer": "SELECT to_jsonb(t) - 'generation' FROM projections.board_transfer t"
        " WHERE generation = %s ORDER BY transfer_id, sku",
    },
    "analytics": {
        "analytics_watermark": "SELECT to_jsonb(t) - 'generation' FROM projections.analytics_watermark t"
        " WHERE generation = %s ORDER BY sku, location",
        "analytics_hour": "SELECT to_jsonb(t) - 'generation' FROM projections.analytics_hour t"
        " WHERE generation = %s ORDER BY sku, location, hour",
    },
}


@dataclass(kw_only=True)
class Board:
    """One noticeboard, whoever keeps it, and the shop it is about."""

    name: str
    shop: Shop
    relay: Relay
    office: Office
    keeper: Keeper

    @property
    def database(self) -> Database:
        """Where all of it is."""
        return self.shop.database

    async def live(self) -> int:
        """Give the number of the generation that is read."""
        live = await self.office.desk.generations.live(self.name)
        assert live is not None
        return live.number

    async def entries(self, generation: int | None = None) -> bytes:
        """Give all that a generation holds, the same bytes for the same entries."""
        number = generation or await self.live()
        return json.dumps(entries_of(self.database, self.name, number), sort_keys=True).encode()

    async def built(self) -> bytes:
        """Give what the ledger itself would have there."""
        number = 1_000
        projection = self.office.named(self.name)
        await projection.build(number, lambda _done, _of: None)
        entries = await self.entries(number)
        await projection.drop(number)
        return entries

    async def look(self) -> None:
        """Have it say how fresh it is."""
        await self.keeper.look(await self.office.desk.mark())

    async def settle(self) -> None:
        """Carry and heed until nothing is under way."""
        await eventually(self.is_settled)

    async def is_settled(self) -> bool:
        """Carry and heed some, and tell whether that was all. What passes is tried again, as by the process."""
        await self.relay.round()
        try:
            await self.keeper.round()
            following = self.office.desk.following(self.name, await self.live())
            return waiting(self.shop) == 0 and (await following.progress()).behind == 0
        except PASSING:
            return False

    async def has_heard_all(self) -> bool:
        """Heed some, and tell whether nothing is left on the stream."""
        await self.keeper.round()
        following = self.office.desk.following(self.name, await self.live())
        return (await following.progress()).behind == 0

    async def equals_the_ledger(self) -> bool:
        """Compare as a rebuild does, and whole."""
        compared = await self.office.named(self.name).compare(await self.live())
        return compared.equal and await self.entries() == await self.built()


def entries_of(database: Database, name: str, generation: int) -> dict[str, list[Any]]:
    """Read what a generation holds, but for its number."""
    return {
        table: [row for (row,) in database.rows(query, generation)]
        for table, query in TABLES[name].items()
    }


def process_settings(shop: Shop, url: str, search: str = "") -> ProjectionProcessSettings:
    """Tell a process what these tests tell it."""
    return ProjectionProcessSettings(
        database=DatabaseSettings(database_url=SecretStr(shop.database.application_url)),
        bus=BusSettings(nats_url=SecretStr(url)),
        projections=ProjectionSettings(),
        search=SearchSettings(search_directory=search),
        telemetry=TelemetrySettings(),
        drill=DrillSettings(),
    )


@asynccontextmanager
async def open_office(shop: Shop, url: str, search: str = "") -> AsyncIterator[Office]:
    """Open what a process of its own would have, with a search where a directory is named."""
    office = Office.open(process_settings(shop, url, search))
    yield office
    await office.close()


@pytest.fixture
async def office(shop: Shop, away: Nats) -> AsyncIterator[Office]:
    """Give the noticeboards, whether the bus is there or not."""
    async with open_office(shop, away.url) as opened:
        yield opened


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    """Name each noticeboard in turn."""
    return str(request.param)


@pytest.fixture
def board(shop: Shop, relay: Relay, office: Office, name: str) -> Board:
    """Give each noticeboard in turn, not yet made."""
    return _board(shop, relay, office, name)


@pytest.fixture
def boards(shop: Shop, relay: Relay, office: Office) -> list[Board]:
    """Give all of them beside each other, where the same news goes to each."""
    return [_board(shop, relay, office, name) for name in NAMES]


def _board(shop: Shop, relay: Relay, office: Office, name: str) -> Board:
    keeper = Keeper(office.desk, office.named(name), wait_seconds=SHORTLY)
    return Board(name=name, shop=shop, relay=relay, office=office, keeper=keeper)


async def settle(boards: Sequence[Board]) -> None:
    """Carry and heed until nothing is under way for any of them."""
    for board in boards:
        await board.settle()
