"""The past of a sku over HTTP: pages of entries, and a moment explained."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.integration.api.front_door import FrontDoor, bearer

READ = bearer("stock:read")


@pytest.fixture
def sku() -> str:
    """Give a sku that no other test knows: the front door is everybody's."""
    return f"LAMP-{uuid4().hex[:12]}"


@pytest.fixture
def place() -> str:
    """Give a location of its own."""
    return f"BER-{uuid4().hex[:12]}"


async def told(door: FrontDoor, address: str, **query: Any) -> Any:
    """Ask, and expect an answer."""
    response = await door.http.get(address, params=query, headers=READ)
    assert response.status_code == 200, response.text
    return response.json()


async def test_a_sku_tells_its_history_page_by_page(
    front_door: FrontDoor, sku: str, place: str
) -> None:
    """Oldest first; the last page says that there is no more, and a kept `next` goes on later."""
    await front_door.put_product(sku)
    await front_door.put_location(place)
    for n in range(3):
        await front_door.receive(f"R{n}-{sku}", place, **{sku: n + 1})
    first = await told(front_door, f"/stock/{sku}/movements", limit=2)
    assert [entry["sequence"] for entry in first["movements"]] == [1, 2]
    second = await told(front_door, f"/stock/{sku}/movements", limit=2, after=first["next"])
    assert [entry["quantity"] for entry in second["movements"]] == [3]
    assert second["next"] is None
    await front_door.receive(f"R9-{sku}", place, **{sku: 9})
    later = await told(front_door, f"/stock/{sku}/movements", limit=2, after=first["next"])
    assert [entry["quantity"] for entry in later["movements"]] == [3, 9]
    (entry,) = (await told(front_door, f"/stock/{sku}/movements", limit=1))["movements"]
    assert entry["cause"] == {"kind": "receipt", "id": f"R0-{sku}"}
    assert (entry["source"], entry["target"], entry["after"]["sellable"]) == (
        "supply",
        "sellable",
        1,
    )


async def test_a_number_is_explained(front_door: FrontDoor, sku: str, place: str) -> None:
    """Then, now, the difference, who holds what for how long, and what is kept back and why."""
    await front_door.put_product(sku)
    await front_door.put_location(place)
    await front_door.receive(f"R1-{sku}", place, **{sku: 5})
    then = datetime.now(UTC).isoformat()
    opened = await front_door.order(f"key-{sku}", lines=[{"sku": sku, "quantity": 2}])
    checkout_id = opened.json()["checkout_id"]
    await front_door.reserve(checkout_id)
    now = await told(front_door, f"/stock/{sku}/explain")
    (hold,) = now["holds"]
    assert hold["workflow_id"] == f"checkout/{checkout_id}"
    assert (hold["quantity"], hold["location"], hold["state"]) == (2, place, "held")
    assert 0 < hold["seconds_left"] <= 900
    assert (now["then"]["reserved"], now["movements"], now["next"]) == (2, [], None)
    past = await told(front_door, f"/stock/{sku}/explain", at=then)
    assert (past["then"]["reserved"], past["now"]["reserved"]) == (0, 2)
    assert (past["difference"]["available"], past["difference"]["version"]) == (-2, 1)
    assert [entry["kind"] for entry in past["movements"]] == ["reserve"]
    assert past["holds"] == []


async def test_what_is_held_back_says_why(front_door: FrontDoor, sku: str, place: str) -> None:
    """A disabled location keeps everything back, by name."""
    await front_door.put_product(sku)
    await front_door.put_location(place)
    await front_door.receive(f"R1-{sku}", place, **{sku: 5})
    await front_door.put_location(place, enabled=False)
    (told_place,) = (await told(front_door, f"/stock/{sku}/explain"))["locations"]
    assert told_place["because"] == [
        {"because": "pause", "reasons": ["location-disabled"], "quantity": 5}
    ]
    assert (told_place["available"], told_place["held_back"]) == (0, 5)


async def test_a_sku_without_stock_has_an_empty_history(
    front_door: FrontDoor, sku: str, place: str
) -> None:
    """A product that was never received is known, and nothing happened to it."""
    await front_door.put_product(sku)
    assert (await told(front_door, f"/stock/{sku}/movements"))["movements"] == []
    assert (await told(front_door, f"/stock/{sku}/explain"))["locations"] == []


@pytest.mark.parametrize("address", ["/stock/NOPE/movements", "/stock/NOPE/explain"])
async def test_an_unknown_sku_is_not_found(front_door: FrontDoor, address: str) -> None:
    """Not an empty history."""
    response = await front_door.http.get(address, headers=READ)
    assert (response.status_code, response.json()["code"]) == (404, "unknown-sku")


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=501",
        "limit=ten",
        "limit=٣",
        "limit=1&limit=2",
        "after=nonsense",
        "after=eyJCRVIxIjotMX0=",
        "after=eyJCRVIxIjoxLjV9",
        "after=WzFd",
        "after=eyJCRVIxIjoxODQ0Njc0NDA3MzcwOTU1MTYxNn0=",
    ],
)
async def test_a_page_that_cannot_be_is_malformed(
    front_door: FrontDoor, sku: str, query: str
) -> None:
    """Named by the place in the query."""
    await front_door.put_product(sku)
    response = await front_door.http.get(f"/stock/{sku}/movements?{query}", headers=READ)
    assert (response.status_code, response.json()["code"]) == (422, "malformed")


@pytest.mark.parametrize(
    "moment",
    ["yesterday", "2026-01-01", "2026-01-01T00:00:00", "", "tomorrow", "0001-01-01T00:00:00+23:59"],
)
async def test_a_moment_that_cannot_be_is_malformed(
    front_door: FrontDoor, sku: str, moment: str
) -> None:
    """No zone, no time, or not yet."""
    await front_door.put_product(sku)
    at = (datetime.now(UTC) + timedelta(days=1)).isoformat() if moment == "tomorrow" else moment
    response = await front_door.http.get(f"/stock/{sku}/explain", params={"at": at}, headers=READ)
    assert (response.status_code, response.json()["code"]) == (422, "malformed")
