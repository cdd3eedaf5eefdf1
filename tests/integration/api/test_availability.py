"""What is said of a sku: numbers while they may be relied on, and that they may not be when they may not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from api.queries import SKUS_MOST
from dev.ports import free_port
from tests.copies import Database
from tests.integration.api.front_door import open_front_door
from tests.integration.api.shop_window import Window, open_window

OLD_SECONDS = 60.0


@pytest.fixture
async def window(database: Database) -> AsyncIterator[Window]:
    """Give a window that is live and fresh. Its budget is long: no answer of a slow machine is too old."""
    async with open_window(database, lag_budget=50.0) as opened:
        yield opened


async def test_what_may_be_sold_is_the_sum_over_all_places(window: Window) -> None:
    """The version too: it counts every change at any of them."""
    await window.board.put("LAMP", BER1=3, MUC1=2)
    await window.board.put("LAMP", BER1=2)
    await window.is_heard()
    response = await window.get("/LAMP")
    told = response.json()
    age, as_of = told.pop("age_ms"), told.pop("as_of")
    assert response.status_code == 200
    assert told == {
        "sku": "LAMP",
        "available": 4,
        "in_stock": True,
        "version": 3,
        "confirmed_at_checkout": False,
    }
    assert response.headers["cache-control"] == "no-cache"
    assert response.headers["availability-as-of"] == as_of
    assert int(response.headers["availability-age-ms"]) == age


async def test_sold_out_is_said_plainly_while_it_is_known(window: Window) -> None:
    """With nothing left, and with nothing ever received."""
    await window.board.put("LAMP", BER1=0)
    await window.board.put("VASE")
    await window.is_heard()
    sold_out, never = (await window.get("/LAMP")).json(), (await window.get("/VASE")).json()
    assert (sold_out["in_stock"], sold_out["available"], sold_out["version"]) == (False, 0, 1)
    assert (never["in_stock"], never["available"], never["version"]) == (False, 0, 0)


@pytest.mark.parametrize("running", [True, False], ids=["from the feed", "from a query"])
async def test_past_its_budget_nothing_is_said_to_be_in_stock(
    database: Database, *, running: bool
) -> None:
    """Nor out of it: the last number stays, and the checkout decides. Freshness brings it back."""
    async with open_window(database, live=False, running=running, lag_budget=50.0) as window:
        await window.board.goes_live(age_seconds=OLD_SECONDS)
        await window.board.put("LAMP", BER1=3)
        late = (await window.get("/LAMP")).json()
        many = (await window.get("?sku=LAMP")).json()
        await (window.is_heard() if running else window.board.is_fresh())
        fresh = (await window.get("/LAMP")).json()
    assert (late["in_stock"], late["confirmed_at_checkout"], late["available"]) == (None, True, 3)
    assert late["age_ms"] >= OLD_SECONDS * 1_000
    assert (many["confirmed_at_checkout"], many["items"][0]["in_stock"]) == (True, None)
    assert (fresh["in_stock"], fresh["confirmed_at_checkout"]) == (True, False)


async def test_a_cached_answer_grows_old_as_any_other(database: Database) -> None:
    """Nobody tells that it is fresh: within moments the same entry is no more to be relied on."""
    async with open_window(database, lag_budget=0.5) as window:
        await window.board.put("LAMP", BER1=3)
        await window.is_heard()
        await window.get("/LAMP")
        with window.queries() as asked:
            while (told := (await window.get("/LAMP")).json())["in_stock"] is not None:
                assert told["age_ms"] <= 500
                await asyncio.sleep(0.01)
    assert asked == []
    assert (told["age_ms"] > 500, told["confirmed_at_checkout"]) == (True, True)


@pytest.mark.parametrize("subject", ["LAMP_1/BER1", "LAMP_1"])
async def test_a_sku_with_an_event_put_aside_is_in_doubt(window: Window, subject: str) -> None:
    """That one, and none that looks like it; until the letter is closed."""
    others = ["LAMP", "LAMP_1x", "LAMP_10", "LAMPx1"]
    for sku in ["LAMP_1", *others]:
        await window.board.put(sku, BER1=3)
    await window.is_heard()
    asked = "?" + "&".join(f"sku={sku}" for sku in ["LAMP_1", *others])
    before = (await window.get(asked)).json()
    letter = await window.board.doubt(subject)
    await window.is_heard()
    doubted = (await window.get(asked)).json()
    await window.board.settle(letter)
    await window.is_heard()
    after = (await window.get(asked)).json()
    assert [item["in_stock"] for item in before["items"]] == [True] * 5
    assert [item["in_stock"] for item in doubted["items"]] == [None, *[True] * 4]
    assert [item["in_stock"] for item in after["items"]] == [True] * 5
    flags = [told["confirmed_at_checkout"] for told in (before, doubted, after)]
    assert flags == [False, True, False]


async def test_before_anything_is_live_nothing_is_known_of_any_sku(database: Database) -> None:
    """Not even that it does not exist."""
    async with open_window(database, live=False) as window:
        answers = [await window.get("/LAMP"), await window.get("?sku=LAMP")]
        waited = await window.get("/LAMP?min_version=1")
    for answer in [*answers, waited]:
        assert (answer.status_code, answer.json()["code"]) == (503, "projection-unavailable")
        assert answer.headers["retry-after"]


async def test_an_unknown_sku_is_404_by_itself_and_named_among_others(window: Window) -> None:
    """A cart whose sku is gone still learns of the rest."""
    await window.board.put("LAMP", BER1=1)
    await window.is_heard()
    alone = await window.get("/GONE")
    odd = await window.get("/no.sku")
    many = await window.get("?sku=GONE&sku=LAMP")
    assert [(answer.status_code, answer.json()["code"]) for answer in (alone, odd)] == [
        (404, "unknown-sku")
    ] * 2
    assert many.status_code == 200
    assert many.json()["unknown"] == ["GONE"]
    assert [item["sku"] for item in many.json()["items"]] == ["LAMP"]


async def test_several_come_in_the_order_asked_each_once(window: Window) -> None:
    """As a cart names them."""
    for sku in ("LAMP", "VASE", "CHAIR"):
        await window.board.put(sku, BER1=1)
    await window.is_heard()
    told = (await window.get("?sku=VASE&sku=CHAIR&sku=VASE&sku=LAMP")).json()
    assert [item["sku"] for item in told["items"]] == ["VASE", "CHAIR", "LAMP"]
    assert set(told) == {"items", "unknown", "as_of", "age_ms", "confirmed_at_checkout"}


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("", "query.sku"),
        ("?sku=no.sku", "query.sku"),
        ("?sku=", "query.sku"),
        ("?sku=LAMP&min_version=1", "query.min_version"),
        ("?" + "&".join(f"sku=S{number}" for number in range(SKUS_MOST + 1)), "query.sku"),
        ("/LAMP?min_version=-1", "query.min_version"),
        ("/LAMP?min_version=soon", "query.min_version"),
        ("/LAMP?min_version=1&min_version=2", "query.min_version"),
        ("/LAMP?min_version=9223372036854775808", "query.min_version"),
    ],
)
async def test_what_is_malformed_is_named(window: Window, path: str, place: str) -> None:
    """By its place, as everywhere."""
    response = await window.get(path)
    assert (response.status_code, response.json()["code"]) == (422, "malformed")
    assert [error["location"] for error in response.json()["errors"]] == [place]


async def test_a_hundred_skus_are_not_too_many(window: Window) -> None:
    """The bound is the last that passes."""
    asked = "&".join(f"sku=S{number}" for number in range(SKUS_MOST))
    assert (await window.get(f"?{asked}")).status_code == 200


@pytest.mark.parametrize("path", ["/LAMP", "?sku=LAMP&sku=GONE"])
async def test_what_a_caller_has_already_is_not_sent_again(window: Window, path: str) -> None:
    """However they name it; the age is told all the same."""
    await window.board.put("LAMP", BER1=3)
    await window.is_heard()
    tag = (await window.get(path)).headers["etag"]
    await window.is_heard()
    strong = tag.removeprefix("W/")
    for held in (tag, strong, f'"a", {tag},"b"', "*"):
        same = await window.get(path, if_none_match=held)
        assert (same.status_code, same.content) == (304, b""), held
        assert same.headers["etag"] == tag
        assert same.headers["cache-control"] == "no-cache"
        assert {"availability-as-of", "availability-age-ms"} <= set(same.headers)
    for held in ('"other"', "W/", strong.strip('"'), '"', "**"):
        other = await window.get(path, if_none_match=held)
        assert other.status_code == 200, held
    await window.board.put("LAMP", BER1=2)
    await window.is_heard()
    changed = await window.get(path, if_none_match=tag)
    assert (changed.status_code, changed.headers["etag"] == tag) == (200, False)


async def test_a_caller_who_has_it_hears_when_it_may_not_be_relied_on_any_more(
    window: Window,
) -> None:
    """The number is the same, and what is said of it is not."""
    await window.board.put("LAMP", BER1=3)
    await window.is_heard()
    tag = (await window.get("/LAMP")).headers["etag"]
    await window.board.doubt("LAMP/BER1")
    await window.is_heard()
    doubted = await window.get("/LAMP", if_none_match=tag)
    assert (doubted.status_code, doubted.json()["in_stock"]) == (200, None)


async def test_a_version_that_is_there_is_not_waited_for(window: Window) -> None:
    """A later one will do."""
    await window.board.put("LAMP", BER1=3)
    await window.board.put("LAMP", BER1=2)
    await window.is_heard()
    for version in (0, 1, 2):
        assert (await window.get(f"/LAMP?min_version={version}")).json()["version"] == 2


@pytest.mark.parametrize("known", [True, False], ids=["known", "not known yet"])
async def test_a_version_that_is_on_its_way_is_waited_for(window: Window, *, known: bool) -> None:
    """Whoever changed something reads what they wrote, though the board is late."""
    if known:
        await window.board.put("LAMP", BER1=3)
    asking = asyncio.create_task(window.get(f"/LAMP?min_version={2 if known else 1}"))
    while not len(window.feed.following.audience):
        await asyncio.sleep(0.001)
    await window.board.put("LAMP", BER1=2)
    response = await asking
    told: Any = response.json()
    assert (response.status_code, told["available"], told["version"]) == (200, 2, 1 + known)
    assert len(window.feed.following.audience) == 0


async def test_a_version_that_does_not_come_is_not_waited_for_longer_than_the_budget(
    database: Database,
) -> None:
    """The answer says how far it is. Of a sku that nobody knows it says that."""
    async with open_window(database, lag_budget=0.1) as window:
        await window.board.put("LAMP", BER1=3)
        behind = await window.get("/LAMP?min_version=2")
        gone = await window.get("/GONE?min_version=1")
    assert (behind.status_code, behind.json()["code"]) == (503, "availability-behind")
    assert (behind.json()["sku"], behind.json()["version"]) == ("LAMP", 1)
    assert behind.headers["retry-after"]
    assert (gone.status_code, gone.json()["code"]) == (404, "unknown-sku")


async def test_without_a_database_readers_are_asked_to_come_back() -> None:
    """The process lives, and its feed goes on looking."""
    url = f"postgresql://onhand:x@127.0.0.1:{free_port()}/onhand"
    async with open_front_door(url) as front_door, front_door.wiring.availability.running():
        answers = [
            await front_door.http.get(f"/availability{path}") for path in ("/LAMP", "?sku=LAMP")
        ]
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(503, "busy")}


async def test_pages_of_the_shop_may_read_it(database: Database) -> None:
    """With its age and its tag, also when they ask whether it changed; others may not."""
    origin = "https://shop.example"
    async with open_window(database, origins=[origin]) as window:
        await window.board.put("LAMP", BER1=3)
        read = await window.get("/LAMP", origin=origin)
        missing = await window.get("/GONE", origin=origin)
        other = await window.get("/LAMP", origin="https://evil.example")
        preflight = await window.front_door.http.options(
            "/availability/LAMP",
            headers={
                "Origin": origin,
                "Access-Control-Request-Method": "GET",
                "Access-Control-Request-Headers": "if-none-match",
            },
        )
        private = await window.front_door.http.get("/stock/LAMP", headers={"Origin": origin})
    allowed = "access-control-allow-origin"
    assert [answer.headers.get(allowed) for answer in (read, missing, preflight)] == [origin] * 3
    assert [answer.headers.get(allowed) for answer in (other, private)] == [None, None]
    shown = read.headers["access-control-expose-headers"].lower().split(", ")
    assert {"etag", "availability-as-of", "availability-age-ms", "retry-after"} <= set(shown)
    assert preflight.status_code == 200
