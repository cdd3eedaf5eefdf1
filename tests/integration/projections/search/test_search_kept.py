"""The search kept by the process that keeps all noticeboards, over a real bus."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from events.following import PlaceLostError
from events.relay import Relay
from ledger.errors import Transient
from projections.keeping import Keeper
from projections.projection import PASSING
from projections.rebuilding import rebuild
from projections.search.asking import Wish
from projections.search.reading import SearchAway, SearchReader
from settings.model import SearchSettings
from tests.integration.events.conftest import Nats
from tests.integration.ledger.shop import Shop
from tests.integration.projections.conftest import SHORTLY, process_settings
from tests.unit.ledger.cast import LAMP, NOON, RUG, TEAPOT
from tests.workflows.shop import eventually
from worker.projections import Office


@dataclass(kw_only=True)
class Kept:
    """A process that keeps the search, and a reader in another."""

    shop: Shop
    relay: Relay
    office: Office
    keeper: Keeper
    reader: SearchReader

    async def round(self) -> None:
        """Carry and heed some. What passes is tried again, as by the process."""
        await self.relay.round()
        try:
            await self.keeper.round()
            await self.keeper.look(await self.office.desk.mark())
        except (*PASSING, PlaceLostError):
            # A look at a generation that was just replaced is one of the latter.
            return

    async def in_stock(self) -> list[str]:
        """Search."""
        found = await self.reader.find(Wish(in_stock=True))
        return [entry.sku for entry in found.page.entries]

    async def finds(self, *skus: str) -> None:
        """Go on until these are in stock, and no others."""

        async def found() -> bool:
            await self.round()
            return await self.in_stock() == list(skus)

        await eventually(found)


@asynccontextmanager
async def keeping(shop: Shop, relay: Relay, bus: Nats, directory: Path) -> AsyncIterator[Kept]:
    """Open what the process has."""
    settings = replace(
        process_settings(shop, bus.url), search=SearchSettings(search_directory=str(directory))
    )
    office = Office.open(settings)
    search = office.named("search")
    yield Kept(
        shop=shop,
        relay=relay,
        office=office,
        keeper=Keeper(office.desk, search, wait_seconds=SHORTLY),
        reader=SearchReader(shop.ledger.engine, search.indexes),  # type: ignore[attr-defined]
    )
    await office.close()


@pytest.fixture
async def kept(shop: Shop, relay: Relay, bus: Nats, tmp_path: Path) -> AsyncIterator[Kept]:
    """Give a search that nobody has made yet."""
    async with keeping(shop, relay, bus, tmp_path / "search") as opened:
        yield opened


async def test_it_is_made_at_the_first_start_and_follows(kept: Kept) -> None:
    """What is received is found, and how fresh it is is known."""
    await kept.round()
    await kept.finds()
    await kept.shop.stocked(2)
    await kept.finds(LAMP)
    await kept.shop.stocked(1, RUG)
    await kept.finds(LAMP, RUG)

    async def is_fresh() -> bool:
        await kept.round()
        return (await kept.reader.find(Wish())).shown.as_of is not None

    await eventually(is_fresh)


async def test_it_is_made_anew_by_another_process_while_the_shop_sells(
    kept: Kept, bus: Nats
) -> None:
    """Readers see every change all the while, and each generation is equal to the ledger."""
    await kept.round()
    await kept.finds()
    directory = kept.reader.indexes.directory
    over = asyncio.Event()

    async def sell() -> None:
        while not over.is_set():
            await kept.shop.stocked(1)
            await kept.shop.stocked(1, RUG)
            await kept.round()
            assert set(await kept.in_stock()) <= {LAMP, RUG}

    selling = asyncio.create_task(sell())
    async with keeping(kept.shop, kept.relay, bus, directory) as other:
        for _ in range(3):
            made = await rebuild(other.office.desk, other.keeper.projection, silent)
            assert made.wrong_before is not None
            assert made.wrong_before.equal
    over.set()
    await selling
    await kept.shop.stocked(1, TEAPOT)
    await kept.finds(TEAPOT, LAMP, RUG)
    live = await kept.office.desk.generations.live("search")
    assert live is not None
    assert (await kept.keeper.projection.compare(live.number)).differences == ()
    assert [path.name for path in directory.iterdir()] == [f"search-{live.number}"]


async def test_a_volume_that_is_lost_meanwhile_is_made_again(kept: Kept) -> None:
    """Events wait for it: the next one that comes finds out."""
    await kept.shop.stocked(2)
    await kept.round()
    await kept.finds(LAMP)
    shutil.rmtree(kept.reader.indexes.directory)
    await kept.shop.stocked(1, RUG)

    async def is_there_again() -> bool:
        await kept.round()
        try:
            return await kept.in_stock() == [LAMP, RUG]
        except SearchAway:
            return False

    await eventually(is_there_again)


async def test_a_process_that_finds_the_volume_empty_makes_it_again(kept: Kept, bus: Nats) -> None:
    """It is not followed from where it was: what was in it is not there."""
    await kept.shop.stocked(2)
    await kept.round()
    await kept.finds(LAMP)
    directory = kept.reader.indexes.directory
    shutil.rmtree(directory)
    async with keeping(kept.shop, kept.relay, bus, directory) as next_one:
        await next_one.round()
        await next_one.finds(LAMP)


async def test_nobody_says_how_fresh_a_generation_is_that_is_gone(kept: Kept) -> None:
    """Another process replaced it and took it away between two looks: that passes with the next round."""
    with pytest.raises(Transient) as refused:
        await kept.office.desk.generations.tell_fresh("search", 99, as_of=NOON, position=1)
    assert refused.value.code == "generation-gone"


def silent(_stage: str, _done: int, _of: int) -> None:
    """Look away."""
