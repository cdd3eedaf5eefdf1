"""Products, locations, receipts, and the numbers that come of them."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from ledger import policies
from tests.integration.api.front_door import FrontDoor, bearer, lines

READ = bearer("stock:read")


async def stock(front_door: FrontDoor, sku: str) -> Any:
    """Read the numbers of a sku."""
    response = await front_door.http.get(f"/stock/{sku}", headers=READ)
    assert response.status_code == 200
    return response.json()


def events(front_door: FrontDoor, subject: str) -> list[Any]:
    """Read the outbox of one subject."""
    with psycopg.connect(
        front_door.database_url, autocommit=True, row_factory=dict_row
    ) as connection:
        return connection.execute(
            "SELECT type, sequence, payload FROM outbox WHERE subject = %s ORDER BY sequence",
            [subject],
        ).fetchall()


async def test_a_product_is_created_changed_and_left_alone(front_door: FrontDoor) -> None:
    """One event for each change, none where nothing differs."""
    body = {"title": "Atlas", "price_minor": 100, "currency": "EUR"}
    statuses = []
    for change in (
        {},
        {},
        {"price_minor": 200},
        {"limit_per_customer": 2},
        {"price_minor": 200, "limit_per_customer": 2},
    ):
        response = await front_door.http.put(
            "/products/ATLAS", json=body | change, headers=bearer("stock:write")
        )
        statuses.append(response.status_code)
    assert statuses == [201, 200, 200, 200, 200]
    written = events(front_door, "ATLAS")
    assert [row["type"] for row in written] == ["ProductChanged"] * 4
    assert [row["sequence"] for row in written] == [1, 2, 3, 4]
    assert written[-1]["payload"]["limit_per_customer"] == 2


async def test_a_new_sku_has_nothing_anywhere(front_door: FrontDoor) -> None:
    """Zeros, not 404: the product exists. A sku that does not is unknown."""
    await front_door.put_product("EMPTY")
    numbers = await stock(front_door, "EMPTY")
    assert numbers["on_hand"] == numbers["available"] == numbers["version"] == 0
    assert numbers["locations"] == []
    unknown = await front_door.http.get("/stock/NOSUCH", headers=READ)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown-sku")


async def test_stock_is_summed_over_locations(front_door: FrontDoor) -> None:
    """With what every location has, in the members and the order of the contract."""
    await front_door.put_product("SUMMED")
    await front_door.put_location("SUM2", priority=2)
    await front_door.receive("summed-1", "BER1", SUMMED=4)
    await front_door.receive("summed-2", "SUM2", SUMMED=3)
    checkout_id = (await front_door.order("sum", lines=lines(SUMMED=5))).json()["checkout_id"]
    await front_door.reserve(checkout_id)
    numbers = await stock(front_door, "SUMMED")
    assert (numbers["on_hand"], numbers["reserved"], numbers["available"]) == (7, 5, 2)
    assert numbers["version"] == 4
    assert numbers["totals"]["received"] == 7
    assert numbers["totals"]["reserved"] == 5
    assert numbers["totals"]["restocked"] == 0
    assert [(row["location"], row["available"]) for row in numbers["locations"]] == [
        ("BER1", 0),
        ("SUM2", 2),
    ]


async def test_a_receipt_counts_once(front_door: FrontDoor) -> None:
    """The same again is the same answer, whenever it is said to have happened; another content is 409."""
    await front_door.put_product("CRATE")
    first = await front_door.receive("crate-in", "BER1", CRATE=3)
    again = await front_door.http.post(
        "/warehouse/receipts",
        json={
            "receipt_id": "crate-in",
            "location": "BER1",
            "occurred_at": "2026-01-02T03:04:05.678+01:00",
            "lines": [*lines(CRATE=1), *lines(CRATE=2)],
        },
        headers=bearer("warehouse"),
    )
    other = await front_door.receive("crate-in", "BER1", CRATE=4)
    assert first.status_code == again.status_code == 201
    assert first.content == again.content
    assert (other.status_code, other.json()["code"]) == (409, "key-reused")
    assert "key" not in other.json()
    assert (await stock(front_door, "CRATE"))["on_hand"] == 3


async def test_a_disabled_location_sells_nothing_until_it_is_enabled(
    front_door: FrontDoor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every row of it, in groups; a row that comes later is born paused."""
    monkeypatch.setattr(policies, "PAUSES_AT_ONCE", 2)
    skus = [f"SHELF-{number}" for number in range(5)]
    for sku in [*skus, "SHELF-LATE"]:
        await front_door.put_product(sku)
    await front_door.put_location("MUC5")
    await front_door.receive("shelves", "MUC5", **dict.fromkeys(skus, 2))
    disabled = await front_door.put_location("MUC5", enabled=False)
    await front_door.receive("late", "MUC5", **{"SHELF-LATE": 1})
    for sku in [*skus, "SHELF-LATE"]:
        numbers = await stock(front_door, sku)
        assert numbers["available"] == 0
        assert numbers["locations"][0]["paused"] == ["location-disabled"]
    enabled = await front_door.put_location("MUC5")
    for sku in skus:
        assert (await stock(front_door, sku))["available"] == 2
    assert disabled.status_code == enabled.status_code == 200
    assert [row["type"] for row in events(front_door, "SHELF-0/MUC5")] == [
        "StockReceived",
        "AvailabilityPolicyChanged",
        "AvailabilityPolicyChanged",
    ]


async def test_a_repeated_put_finishes_what_was_cut_short(front_door: FrontDoor) -> None:
    """The location is disabled first and its rows follow; between the two a process may die."""
    await front_door.put_product("HALFWAY")
    await front_door.put_location("MUC6")
    await front_door.receive("halfway", "MUC6", HALFWAY=1)
    with psycopg.connect(front_door.database_url, autocommit=True) as connection:
        connection.execute("SET ROLE onhand_application")
        connection.execute("UPDATE location SET enabled = false WHERE location = 'MUC6'")
    await front_door.put_location("MUC6", enabled=False)
    assert (await stock(front_door, "HALFWAY"))["available"] == 0


async def test_a_seller_has_one_location(front_door: FrontDoor) -> None:
    """A second is refused, and the first may be put again."""
    first = await front_door.put_location("ACME-1", kind="seller", seller="ACME")
    again = await front_door.put_location("ACME-1", kind="seller", seller="ACME")
    second = await front_door.put_location("ACME-2", kind="seller", seller="ACME")
    assert [first.status_code, again.status_code] == [201, 200]
    assert (second.status_code, second.json()["code"]) == (409, "seller-has-location")
