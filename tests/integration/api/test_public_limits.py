"""How often one address may ask what is public, and whose word about an address is taken."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest

from dev.ports import free_port
from tests.copies import Database
from tests.integration.api.front_door import FrontDoor, bearer, open_front_door
from tests.integration.api.test_api_process import serving

LIMIT = 3


def calling_from(front_door: FrontDoor, address: str) -> httpx2.AsyncClient:
    """Call from there."""
    transport = httpx2.ASGITransport(app=front_door.app, client=(address, 50_000))
    return httpx2.AsyncClient(transport=transport, base_url="http://onhand")


async def statuses(http: httpx2.AsyncClient, path: str, number: int = LIMIT + 1) -> list[int]:
    """Ask again and again."""
    return [(await http.get(path)).status_code for _ in range(number)]


async def test_one_address_may_ask_so_often_and_is_told_when_again(database: Database) -> None:
    """Streams are counted when they are opened, with the rest; what needs a token is not."""
    async with (
        open_front_door(database.application_url, requests_per_minute=LIMIT) as front_door,
        calling_from(front_door, "192.0.2.1") as http,
    ):
        paths = ["/availability/LAMP", "/availability?sku=LAMP", "/streams/availability"]
        passed = [(await http.get(path)).status_code for path in paths]
        refused = [await http.get(path) for path in paths]
        private = await http.get("/stock/LAMP", headers=bearer("stock:read"))
    assert passed == [503, 503, 422]
    assert {(answer.status_code, answer.json()["code"]) for answer in refused} == {
        (429, "too-many-requests")
    }
    assert all(1 <= int(answer.headers["retry-after"]) <= 60 for answer in refused)
    assert private.status_code == 404


async def test_addresses_are_counted_by_themselves_and_ipv6_by_its_network(
    database: Database,
) -> None:
    """Whoever has one address of a /64 has them all."""
    async with open_front_door(database.application_url, requests_per_minute=LIMIT) as front_door:
        used_up = ["192.0.2.1", "2001:db8:0:1::1"]
        for address in used_up:
            async with calling_from(front_door, address) as http:
                assert (await statuses(http, "/docs"))[-2:] == [200, 429]
        same = ["::ffff:192.0.2.1", "2001:db8:0:1:ffff::2"]
        other = ["192.0.2.2", "2001:db8:0:2::1", "not an address"]
        seen = {}
        for address in [*same, *other]:
            async with calling_from(front_door, address) as http:
                (seen[address],) = await statuses(http, "/docs", 1)
    assert seen == dict.fromkeys(same, 429) | dict.fromkeys(other, 200)


async def test_a_storefront_that_asks_too_much_does_not_make_us_look_dead(
    database: Database,
) -> None:
    """Health is counted by itself, and it too has its bound."""
    async with (
        open_front_door(database.application_url, requests_per_minute=LIMIT) as front_door,
        calling_from(front_door, "192.0.2.1") as http,
    ):
        await statuses(http, "/docs")
        health = await statuses(http, "/healthz")
    assert health == [200] * LIMIT + [429]


async def test_none_is_the_limit_of_zero(database: Database) -> None:
    """For a shop whose proxy counts."""
    async with open_front_door(database.application_url, requests_per_minute=0) as front_door:
        assert set(await statuses(front_door.http, "/healthz", 50)) == {200}


@pytest.mark.parametrize(
    ("proxies", "second"),
    [("", 429), ("127.0.0.1", 200), ("192.0.2.0/24", 429)],
    ids=["nobody's", "the proxy's", "another's"],
)
def test_only_a_trusted_proxy_says_who_calls(
    database: Database, tmp_path: Path, proxies: str, second: int
) -> None:
    """Otherwise whoever likes is somebody new with each request."""
    port = free_port()
    settings = {
        "DATABASE_URL": database.application_url,
        "TEMPORAL_ADDRESS": f"127.0.0.1:{free_port()}",
        "ONHAND_PUBLIC_REQUESTS_PER_MINUTE": "1",
        "ONHAND_TRUSTED_PROXIES": proxies,
    }
    with (
        serving(tmp_path / "api.log", port, **settings),
        httpx2.Client(base_url=f"http://127.0.0.1:{port}") as http,
    ):
        asked = [
            http.get("/docs", headers={"X-Forwarded-For": address}).status_code
            for address in ("203.0.113.1", "203.0.113.2", "203.0.113.1")
        ]
    assert asked == [200, second, 429]
