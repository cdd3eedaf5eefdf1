"""What goes wrong elsewhere in the shop's window: an index that stopped goes on selling what is gone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from events.relay import Relay
from projections.keeping import Keeper
from projections.projection import PASSING
from projections.search.board import Search
from projections.search.reading import SearchReader
from tests.integration.api.front_door import FrontDoor, open_front_door
from tests.integration.events.conftest import Nats, open_relay
from tests.integration.ledger.shop import Shop, outcome
from tests.integration.projections.conftest import SHORTLY, open_office
from tests.unit.ledger import cast
from tests.unit.ledger.cast import LAMP
from tests.workflows.shop import eventually
from worker.projections import Office

BUDGET_SECONDS = 2.0
"""As it is where nobody says anything else."""
PLACES = ("page", "cart", "found")


@dataclass(kw_only=True)
class Street:
    """What passers-by see, and those who keep it right: the consumers of availability and search."""

    door: FrontDoor
    relay: Relay
    office: Office
    keepers: dict[str, Keeper]

    async def works(self, *names: str) -> None:
        """Have these consumers heed what was carried and say how fresh that is; the others stand still."""
        await self.relay.round()
        for name in names:
            try:
                await self.keepers[name].round()
                await self.keepers[name].look(await self.office.desk.mark())
            except PASSING:
                continue

    async def seen(self, in_stock: str = "true") -> dict[str, Any]:
        """Look at the lamp's page, a cart with it, and a search for what is in stock; None where it is not found."""
        page = await self._get(f"/availability/{LAMP}")
        cart = await self._get(f"/availability?sku={LAMP}")
        search = await self._get(f"/search?q=lamp&in_stock={in_stock}")
        (item,) = cart["items"]
        found = [item["availability"] for item in search["items"]]
        return {"page": page, "cart": item, "found": found[0] if found else None, "search": search}

    async def _get(self, path: str) -> Any:
        response = await self.door.http.get(path)
        assert response.status_code == 200, response.text
        return response.json()


def said(seen: dict[str, Any]) -> dict[str, bool | None]:
    """Say what each place tells of the lamp; and hold each to its promise while it says that it may be had."""
    told = {place: seen[place] for place in PLACES if seen[place] is not None}
    for answer in told.values():
        if answer["in_stock"]:
            assert answer["age_ms"] <= BUDGET_SECONDS * 1_000
        assert answer["confirmed_at_checkout"] == (answer["in_stock"] is None)
    return {place: answer["in_stock"] for place, answer in told.items()}


@asynccontextmanager
async def open_street(
    shop: Shop, bus: Nats, directory: Path, *, feed: bool
) -> AsyncIterator[Street]:
    """Open a shop whose catalogue and search are kept, with or without a feed that hears what changes."""
    async with AsyncExitStack() as opened:
        enter = opened.enter_async_context
        office = await enter(open_office(shop, bus.url, str(directory)))
        url = shop.database.application_url
        door = await enter(open_front_door(url, lag_budget=BUDGET_SECONDS))
        search = office.named("search")
        assert isinstance(search, Search)
        reader = SearchReader(door.wiring.noticeboards, search.indexes)
        door.app.state.wiring = replace(door.wiring, search=reader)
        if feed:
            await enter(door.wiring.availability.running())
        keepers = {
            name: Keeper(office.desk, office.named(name), wait_seconds=SHORTLY)
            for name in ("availability", "search")
        }
        relay = await enter(open_relay(shop, bus.url))
        street = Street(door=door, relay=relay, office=office, keepers=keepers)
        for name in keepers:
            # Made, before anybody looks.
            await street.works(name)
        yield street


@pytest.mark.parametrize("feed", [True, False], ids=["from the feed", "from a query"])
@pytest.mark.parametrize("first", ["availability", "search"])
async def test_an_index_that_stopped_sells_nothing_that_is_gone(
    shop: Shop, bus: Nats, tmp_path: Path, first: str, *, feed: bool
) -> None:
    """magento2#31117: the stock index was behind, and its shop said in stock of what was sold out, for as long as that.

    The last lamp is sold while both consumers stand still. Until the budget is used up the window may say what was
    so; after it, no place says that there is one, though the index goes on finding it among what is in stock. Then
    one consumer goes on, and at last the other.
    """
    await shop.stocked(1)
    async with open_street(shop, bus, tmp_path / "search", feed=feed) as street:

        async def shown() -> bool:
            await street.works("availability", "search")
            seen = await street.seen()
            return (
                said(seen) == dict.fromkeys(PLACES, True)
                and not seen["search"]["confirmed_at_checkout"]
            )

        await eventually(shown)
        await shop.tell(
            cast.open_checkout("co_ada", lines={LAMP: 1}), cast.reserve("co_ada", {LAMP: 1})
        )
        await street.works()

        async def in_doubt() -> bool:
            return said(await street.seen()) == dict.fromkeys(PLACES, None)

        await eventually(in_doubt)
        stale = await street.seen()
        await shop.tell(cast.open_checkout("co_bob", lines={LAMP: 1}))
        refused = await outcome(shop.ledger.post(cast.reserve("co_bob", {LAMP: 1})))

        assert refused == "insufficient-stock"
        assert [stale[place]["available"] for place in PLACES] == [1, 1, 1]
        assert stale["search"]["facets"]["in_stock"] == {"true": 1, "false": 0}
        assert stale["search"]["confirmed_at_checkout"]

        told = {"availability": False, "search": None}[first]
        # The index, when it is the one that goes on, no longer finds it among what is in stock.
        places = PLACES if first == "availability" else ("page", "cart")

        async def one_goes_on() -> bool:
            await street.works(first)
            seen = await street.seen()
            unsure = seen["search"]["confirmed_at_checkout"]
            return said(seen) == dict.fromkeys(places, told) and unsure == (first == "availability")

        await eventually(one_goes_on)

        async def both_know() -> bool:
            await street.works("availability", "search")
            plain = said(await street.seen("false")) == dict.fromkeys(PLACES, False)
            return plain and "found" not in said(await street.seen())

        await eventually(both_know)
