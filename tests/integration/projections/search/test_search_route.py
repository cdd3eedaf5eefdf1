"""GET /search over a real ledger: what a customer is told of what was found."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import httpx2
import pytest

from api.access import public_paths
from projections.availability.board import Availability
from projections.search.index import Indexes, Reader
from projections.search.reading import SearchReader
from tests.integration.api.front_door import FrontDoor, open_front_door
from tests.integration.projections.search.conftest import Searched
from tests.unit.ledger import cast
from tests.unit.ledger.cast import BERLIN, LAMP, RUG, TEAPOT
from tests.unit.projections.search.shelf import event, stocked

SUDDEN = "UPDATE projections.freshness SET as_of = clock_timestamp() - interval '1 hour' WHERE projection = %s"


@dataclass(kw_only=True)
class Storefront:
    """A shop with both noticeboards, asked over HTTP."""

    searched: Searched
    door: FrontDoor

    async def ask(self, query: str = "", status: int = 200) -> Any:
        """Search, and expect this."""
        response = await self.get(query)
        assert response.status_code == status, response.text
        return response.json()

    async def get(self, query: str = "") -> httpx2.Response:
        """Search."""
        return await self.door.http.get(f"/search?{query}")

    async def skus(self, query: str = "") -> list[str]:
        """Give what is found."""
        return [item["sku"] for item in (await self.ask(query))["items"]]

    async def show_availability(self) -> None:
        """Fill that noticeboard as the ledger is, and have it read."""
        database = self.searched.shop.database
        number = database.value(
            "INSERT INTO projections.generation (projection, generation, state, stream)"
            " VALUES ('availability', 1, 'building', 'a stream') RETURNING generation"
        )
        await Availability(self.searched.search.engine).build(number, lambda _done, _of: None)
        database.run(
            "UPDATE projections.generation SET state = 'live', live_at = now() WHERE projection = 'availability'"
        )
        database.run(
            "INSERT INTO projections.freshness (projection, generation, as_of, position)"
            " VALUES ('availability', 1, clock_timestamp() + interval '1 hour', 0)"
        )

    async def show(self) -> int:
        """Fill the search and have it read; give its generation."""
        number = await self.searched.begin()
        self.searched.promote(number)
        # As fresh as can be for as long as a slow machine takes.
        self.searched.shop.database.run(
            "UPDATE projections.freshness SET as_of = clock_timestamp() + interval '1 hour'"
            " WHERE projection = 'search'"
        )
        return number


@pytest.fixture
async def storefront(searched: Searched) -> AsyncIterator[Storefront]:
    """Give a shop that nobody can search yet."""
    async with open_front_door(searched.shop.database.application_url) as door:
        reader = SearchReader(door.wiring.database, searched.search.indexes)
        door.app.state.wiring = replace(door.wiring, search=reader)
        yield Storefront(searched=searched, door=door)


async def test_products_come_with_what_may_be_sold(storefront: Storefront) -> None:
    """The whole answer, as a storefront gets it."""
    await storefront.searched.shop.stocked(3)
    await storefront.show()
    await storefront.show_availability()
    answer = await storefront.ask("q=brass+lmap&in_stock=true")
    moments = [answer.pop("as_of"), answer["items"][0]["availability"].pop("as_of")]
    assert all(moments)
    assert answer == {
        "items": [
            {
                "sku": LAMP,
                "title": "brass lamp",
                "price_minor": 4_900,
                "currency": "EUR",
                "availability": {
                    "sku": LAMP,
                    "available": 3,
                    "in_stock": True,
                    "version": 1,
                    "age_ms": answer["items"][0]["availability"]["age_ms"],
                    "confirmed_at_checkout": False,
                },
            }
        ],
        "total": 1,
        "facets": {
            "in_stock": {"true": 1, "false": 0},
            "currency": {"EUR": 1},
            "price": {"EUR": [{"at_least_minor": 2_500, "below_minor": 5_000, "count": 1}]},
        },
        "next": None,
        "age_ms": answer["age_ms"],
        "dead_letters": 0,
        "confirmed_at_checkout": False,
    }


async def test_numbers_are_those_of_availability(storefront: Storefront) -> None:
    """The index may be behind: it finds the lamp in stock, and the lamp says that it is sold out."""
    await storefront.searched.shop.stocked(1)
    await storefront.show()
    await storefront.searched.shop.opened("co_ada")
    await storefront.searched.shop.tell(cast.reserve("co_ada"))
    await storefront.show_availability()
    (found,) = (await storefront.ask("in_stock=true"))["items"]
    assert found["sku"] == LAMP
    assert found["availability"]["available"] == 0
    assert found["availability"]["in_stock"] is False
    assert found["availability"]["version"] == 2


async def test_what_is_too_old_is_confirmed_at_checkout(storefront: Storefront) -> None:
    """Past the budget nobody says whether it is in stock; each noticeboard is late by itself."""
    database = storefront.searched.shop.database
    await storefront.searched.shop.stocked(1)
    await storefront.show()
    await storefront.show_availability()
    database.run(SUDDEN, "availability")
    answer = await storefront.ask("q=lamp")
    (found,) = (item["availability"] for item in answer["items"])
    assert (found["available"], found["in_stock"]) == (1, None)
    assert found["confirmed_at_checkout"]
    assert found["age_ms"] > 3_000_000
    assert answer["confirmed_at_checkout"]
    database.run(
        "UPDATE projections.freshness SET as_of = clock_timestamp() + interval '1 hour'"
        " WHERE projection = 'availability'"
    )
    database.run(SUDDEN, "search")
    answer = await storefront.ask("q=lamp")
    assert answer["confirmed_at_checkout"]
    assert answer["age_ms"] > 3_000_000
    assert answer["items"][0]["availability"]["in_stock"] is True


async def test_events_that_the_index_could_not_take_in_are_counted(storefront: Storefront) -> None:
    """What is found may lack them."""
    number = await storefront.show()
    for position in (1, 2):
        storefront.searched.shop.database.run(
            "INSERT INTO projections.dead_letter"
            " (projection, generation, position, topic, subject, code, body, attempts, state)"
            " VALUES ('search', %s, %s, 'onhand.product.LAMP', 'LAMP', 'no-event', '', 1, 'open')",
            number,
            position,
        )
    assert (await storefront.ask("q=lamp"))["dead_letters"] == 2


async def test_without_availability_everything_is_confirmed_at_checkout(
    storefront: Storefront,
) -> None:
    """Products are found all the same: a storefront that shows nothing sells nothing."""
    await storefront.show()
    answer = await storefront.ask("q=lamp")
    assert answer["items"][0]["availability"] == {
        "sku": LAMP,
        "available": 0,
        "in_stock": None,
        "version": 0,
        "as_of": None,
        "age_ms": None,
        "confirmed_at_checkout": True,
    }
    assert answer["confirmed_at_checkout"]


async def test_a_change_is_found_when_it_is_committed(storefront: Storefront) -> None:
    """No reader needs to be told: each search is as of the last commit."""
    number = await storefront.show()
    assert await storefront.skus("in_stock=true") == []
    await storefront.searched.search.apply(number, [event(stocked(RUG, BERLIN, 1, 2))])
    assert await storefront.skus("in_stock=true") == [RUG]
    assert await storefront.skus("in_stock=false") == [TEAPOT, LAMP]


async def test_a_new_generation_is_read_at_once(storefront: Storefront) -> None:
    """The pointer is asked at each search; the old directory may be gone by then."""
    old = await storefront.show()
    assert await storefront.skus("q=tin+cup") == []
    await storefront.searched.shop.offers("tin-cup")
    await storefront.show()
    await storefront.searched.search.drop(old)
    assert await storefront.skus("q=tin+cup") == ["tin-cup"]


async def test_a_generation_that_goes_while_it_is_opened_is_not_missed(
    storefront: Storefront, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Named, replaced and removed in one moment: the search asks again which one is read."""
    old = await storefront.show()
    new = await storefront.searched.begin()
    opened: list[int] = []
    reader = Indexes.reader

    def late(indexes: Indexes, generation: int) -> Reader:
        opened.append(generation)
        if generation == old:
            storefront.searched.promote(new)
            indexes.remove(old)
        return reader(indexes, generation)

    monkeypatch.setattr(Indexes, "reader", late)
    assert await storefront.skus("q=lamp") == [LAMP]
    assert opened == [old, new]


async def test_pages_follow_each_other(storefront: Storefront) -> None:
    """Until there is no next; each page counts all."""
    await storefront.searched.shop.offers(*(f"cup-{number}" for number in range(7)))
    await storefront.show()
    found, after = [], ""
    while True:
        answer = await storefront.ask(f"q=cup&limit=3{after}")
        assert answer["total"] == 7
        found += [item["sku"] for item in answer["items"]]
        if answer["next"] is None:
            break
        after = f"&after={answer['next']}"
    assert found == [f"cup-{number}" for number in range(7)]


async def test_where_there_is_no_index_it_says_so(storefront: Storefront) -> None:
    """Before it is made, and where its volume is lost; it is there again when it is made again."""
    await refused(storefront)
    await storefront.show()
    assert await storefront.skus("q=lamp") == [LAMP]
    shutil.rmtree(storefront.searched.search.indexes.directory)
    await refused(storefront)
    await storefront.show()
    assert await storefront.skus("q=lamp") == [LAMP]


async def test_a_volume_that_is_back_is_read_again(storefront: Storefront) -> None:
    """No process needs to be started again, whatever it had open."""
    await storefront.searched.shop.stocked(1)
    number = await storefront.show()
    assert await storefront.skus("in_stock=true") == [LAMP]
    directory = storefront.searched.search.indexes.directory
    shutil.move(directory, directory.with_name("away"))
    await refused(storefront)
    shutil.move(directory.with_name("away"), directory)
    assert await storefront.skus("in_stock=true") == [LAMP]
    shutil.rmtree(directory)
    await refused(storefront)
    await storefront.searched.shop.stocked(1, RUG)
    await storefront.searched.search.build(number, lambda _done, _of: None)
    assert await storefront.skus("in_stock=true") == [LAMP, RUG]


async def refused(storefront: Storefront) -> None:
    """Expect to be told to come again."""
    response = await storefront.get("q=lamp")
    assert response.status_code == 503
    assert response.json()["code"] == "search-unavailable"
    assert response.headers["Retry-After"] == "1"


MALFORMED = {
    f"q={'x' * 201}": "q",
    "q=lamp&q=rug": "q",
    "in_stock=yes": "in_stock",
    "in_stock=": "in_stock",
    "currency=eur": "currency",
    "currency=XXX": "currency",
    "price_min=1": "currency",
    "price_max=1": "currency",
    "currency=EUR&price_min=0": "price_min",
    "currency=EUR&price_max=1.5": "price_max",
    "currency=EUR&price_max=100000000": "price_max",
    "currency=EUR&price_min=2&price_max=1": "price_max",
    "limit=0": "limit",
    "limit=101": "limit",
    "limit=-1": "limit",
    "after=x": "after",
    "after=": "after",
    "after=MA==": "after",
    "after=MTAwMQ==": "after",
}
"""By the parameter that is named."""
TEXTS = (
    "*",
    '"',
    "title:lamp",
    "lamp AND",
    "(",
    "a OR b",
    "\x00",
    "😀",
    "%",
    "'; --",
    "é" * 200,
    "\u202e",
)


async def test_what_is_malformed_is_named(storefront: Storefront) -> None:
    """Before anything is looked for."""
    told = {}
    for query in MALFORMED:
        response = await storefront.get(query)
        problem = response.json()
        place = problem["errors"][0]["location"]
        told[query] = (response.status_code, problem["code"], place)

    assert told == {
        query: (422, "malformed", f"query.{place}") for query, place in MALFORMED.items()
    }


async def test_any_text_is_answered(storefront: Storefront) -> None:
    """With something or nothing."""
    await storefront.show()

    told = {}
    for text in TEXTS:
        response = await storefront.door.http.get("/search", params={"q": text})
        told[text] = response.status_code

    assert told == dict.fromkeys(TEXTS, 200)


async def test_pages_of_other_origins_may_search(storefront: Storefront) -> None:
    """It is public: a browser may ask from wherever the settings allow."""
    assert "/search" in public_paths(storefront.door.app)
