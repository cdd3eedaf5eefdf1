"""What a warehouse tells of an order: units sent, come back and looked at, in any order of the documents."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest

from ledger.commands import CancelOrder
from ledger.documents.waiting import apply_due
from tests.integration.api.front_door import FrontDoor, lines


async def ship(front_door: FrontDoor, name: str, order_id: str, **units: int) -> httpx2.Response:
    """Send units of an order from Berlin."""
    return await front_door.tell(
        "/shipments", shipment_id=name, order_id=order_id, location="BER1", lines=lines(**units)
    )


async def take_back(
    front_door: FrontDoor, name: str, order_id: str, location: str = "BER1", **units: int
) -> httpx2.Response:
    """Take units of an order back."""
    return await front_door.tell(
        "/returns", return_id=name, order_id=order_id, location=location, lines=lines(**units)
    )


async def inspect(
    front_door: FrontDoor, name: str, return_id: str, *looked_at: dict[str, Any]
) -> httpx2.Response:
    """Look at returned units."""
    return await front_door.tell(
        f"/returns/{return_id}/inspections", inspection_id=name, lines=list(looked_at)
    )


async def settle(front_door: FrontDoor) -> None:
    """Do what the worker's loop does, until nothing that waits can be booked."""
    while any(tried.outcome == "applied" for tried in await apply_due(front_door.wiring.ledger)):
        pass


def refusal(response: httpx2.Response) -> tuple[int, str]:
    """Say who was refused, and why."""
    assert response.headers["content-type"] == "application/problem+json"
    assert "key" not in response.json()
    return response.status_code, response.json()["code"]


async def test_an_order_is_sent_in_parts(front_door: FrontDoor) -> None:
    """Each part is a document of its own; `sold` is what is still to be sent."""
    await front_door.stocked("PARTS", BER1=5)
    order_id = await front_door.sold("parts", PARTS=3)
    first = await ship(front_door, "parts-1", order_id, PARTS=1)
    assert (first.status_code, first.json()) == (
        201,
        {
            "shipment_id": "parts-1",
            "order_id": order_id,
            "status": "applied",
            "location": "BER1",
            "lines": lines(PARTS=1),
        },
    )
    assert (await front_door.stored(order_id)).order_state == "partly_shipped"
    await ship(front_door, "parts-2", order_id, PARTS=2)
    numbers = await front_door.stock("PARTS")
    assert (numbers["on_hand"], numbers["sold"], numbers["shipped"]) == (2, 0, 3)
    assert (numbers["totals"]["sold"], numbers["totals"]["shipped"]) == (3, 3)
    assert (await front_door.stored(order_id)).order_state == "shipped"


async def test_each_document_is_booked_once(front_door: FrontDoor) -> None:
    """The same again is the same bytes, whenever it happened; another body under the id is a conflict."""
    await front_door.stocked("ONCE", BER1=5)
    order_id = await front_door.sold("once", ONCE=4)
    steps: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
        (
            "/shipments",
            {
                "shipment_id": "once",
                "order_id": order_id,
                "location": "BER1",
                "lines": lines(ONCE=3),
            },
            {"lines": lines(ONCE=1)},
        ),
        (
            "/returns",
            {"return_id": "once", "order_id": order_id, "location": "BER1", "lines": lines(ONCE=3)},
            {"order_id": "co_another"},
        ),
        (
            "/returns/once/inspections",
            {"inspection_id": "once", "lines": [{"sku": "ONCE", "restock": 1, "damaged": 2}]},
            {"lines": [{"sku": "ONCE", "restock": 1, "damaged": 2, "refund": 2}]},
        ),
    ]
    for path, body, change in steps:
        first = await front_door.tell(path, **body)
        before = await front_door.stock("ONCE")
        again = await front_door.tell(path, **body, occurred_at="2026-01-02T03:04:05Z")
        assert first.status_code == again.status_code == 201, first.text
        assert first.content == again.content
        assert refusal(await front_door.tell(path, **body | change)) == (409, "key-reused")
        assert await front_door.stock("ONCE") == before
    numbers = await front_door.stock("ONCE")
    assert (numbers["on_hand"], numbers["damaged"], numbers["returned"]) == (2, 2, 0)
    assert {name: numbers["totals"][name] for name in ("returned", "restocked", "damaged")} == {
        "returned": 3,
        "restocked": 1,
        "damaged": 2,
    }


async def test_units_may_come_back_elsewhere(front_door: FrontDoor) -> None:
    """They lie where they came back, and nothing travels afterwards."""
    await front_door.stocked("ELSEWHERE", BER1=2)
    await front_door.put_location("MUC1", priority=2)
    order_id = await front_door.sold("elsewhere", ELSEWHERE=2)
    await ship(front_door, "elsewhere", order_id, ELSEWHERE=2)
    returned = await take_back(front_door, "elsewhere", order_id, "MUC1", ELSEWHERE=1)
    assert (returned.status_code, returned.json()["location"]) == (201, "MUC1")
    looked = await inspect(
        front_door, "elsewhere", "elsewhere", {"sku": "ELSEWHERE", "restock": 1, "damaged": 0}
    )
    assert looked.status_code == 201
    assert looked.json() == {
        "inspection_id": "elsewhere",
        "return_id": "elsewhere",
        "status": "applied",
        "order_id": order_id,
        "location": "MUC1",
        "lines": [{"sku": "ELSEWHERE", "restock": 1, "damaged": 0, "refund": 1}],
    }
    numbers = await front_door.stock("ELSEWHERE")
    assert (numbers["shipped"], numbers["available"], numbers["in_transit"]) == (1, 1, 0)
    assert [
        (row["location"], row["on_hand"], row["shipped"], row["returned"], row["in_transit"])
        for row in numbers["locations"]
    ] == [("BER1", 0, 1, 0, 0), ("MUC1", 1, 0, 0, 0)]


async def test_documents_come_in_any_order(front_door: FrontDoor) -> None:
    """Each waits for what comes first, says so when it is sent again, and is booked in the end."""
    await front_door.stocked("EARLY", BER1=2)
    order_id = await front_door.paid("early", EARLY=1)
    steps: list[tuple[str, dict[str, Any]]] = [
        (
            "/returns/early/inspections",
            {"inspection_id": "early", "lines": [{"sku": "EARLY", "restock": 0, "damaged": 1}]},
        ),
        (
            "/returns",
            {
                "return_id": "early",
                "order_id": order_id,
                "location": "BER1",
                "lines": lines(EARLY=1),
            },
        ),
        (
            "/shipments",
            {
                "shipment_id": "early",
                "order_id": order_id,
                "location": "BER1",
                "lines": lines(EARLY=1),
            },
        ),
    ]
    waiting = [await front_door.tell(path, **body) for path, body in steps]
    again = [await front_door.tell(path, **body) for path, body in steps]
    assert [answer.status_code for answer in (*waiting, *again)] == [202] * 6
    assert [answer.content for answer in waiting] == [answer.content for answer in again]
    assert [answer.json() for answer in waiting] == [
        {"inspection_id": "early", "return_id": "early", "status": "waiting"},
        {"return_id": "early", "order_id": order_id, "status": "waiting"},
        {"shipment_id": "early", "order_id": order_id, "status": "waiting"},
    ]
    await settle(front_door)
    assert (await ship(front_door, "early", order_id, EARLY=1)).status_code == 202
    await front_door.confirm(order_id)
    await settle(front_door)
    booked = [await front_door.tell(path, **body) for path, body in steps]
    assert [answer.status_code for answer in booked] == [201] * 3
    assert [answer.json()["status"] for answer in booked] == ["applied"] * 3
    numbers = await front_door.stock("EARLY")
    assert (numbers["on_hand"], numbers["damaged"], numbers["shipped"]) == (1, 1, 0)


async def test_another_body_while_a_document_waits_is_a_conflict(front_door: FrontDoor) -> None:
    """As if it had been booked: the first is kept."""
    await front_door.put_product("KEPT")
    first = await ship(front_door, "kept", "co_kept-not-yet", KEPT=1)
    other = await ship(front_door, "kept", "co_kept-not-yet", KEPT=2)
    assert first.status_code == 202
    assert refusal(other) == (409, "key-reused")
    assert (await ship(front_door, "kept", "co_kept-not-yet", KEPT=1)).status_code == 202


async def test_of_two_bodies_at_once_one_waits(front_door: FrontDoor) -> None:
    """Whoever comes first; its twins wait with it, and the others are told."""
    await front_door.put_product("RUSH")
    answers = await asyncio.gather(
        *(ship(front_door, "rush", "co_rush-not-yet", RUSH=1 + number % 2) for number in range(10))
    )
    assert sorted(answer.status_code for answer in answers) == [202] * 5 + [409] * 5
    assert len({answer.content for answer in answers}) == 2


async def test_a_shipment_told_while_its_order_is_confirmed_is_booked_once(
    front_door: FrontDoor,
) -> None:
    """Before or after the confirmation, it waits or is booked, and in the end it is booked."""
    await front_door.stocked("MEANWHILE", BER1=5)
    orders = [await front_door.paid(f"meanwhile-{number}", MEANWHILE=1) for number in range(5)]
    told = await asyncio.gather(
        *(ship(front_door, f"meanwhile-{order}", order, MEANWHILE=1) for order in orders),
        *(front_door.confirm(order) for order in orders),
        *(ship(front_door, f"meanwhile-{order}", order, MEANWHILE=1) for order in orders),
    )
    assert {answer.status_code for answer in told if answer is not None} <= {201, 202}
    await settle(front_door)
    for order in orders:
        booked = await ship(front_door, f"meanwhile-{order}", order, MEANWHILE=1)
        assert booked.status_code == 201
    numbers = await front_door.stock("MEANWHILE")
    assert (numbers["sold"], numbers["shipped"], numbers["totals"]["shipped"]) == (0, 5, 5)


async def test_a_document_that_waited_in_vain_is_refused_when_it_is_sent_again(
    front_door: FrontDoor,
) -> None:
    """Its sender was told that it waits, and learns by asking what became of it."""
    await front_door.stocked("VAIN", BER1=2)
    order_id = await front_door.paid("vain", VAIN=1)
    assert (await ship(front_door, "vain", order_id, VAIN=2)).status_code == 202
    await front_door.confirm(order_id)
    await settle(front_door)
    assert refusal(await ship(front_door, "vain", order_id, VAIN=2)) == (409, "more-than-sold")
    assert (await ship(front_door, "vain", order_id, VAIN=1)).status_code == 201


async def test_no_more_leaves_than_was_sold(front_door: FrontDoor) -> None:
    """From that place, of that sku, and with what is left as a fact."""
    await front_door.stocked("OVER", BER1=5)
    order_id = await front_door.sold("over", OVER=2)
    too_many = await ship(front_door, "over", order_id, OVER=3)
    assert refusal(too_many) == (409, "more-than-sold")
    assert {name: too_many.json()[name] for name in ("sku", "location", "wanted", "left")} == {
        "sku": "OVER",
        "location": "BER1",
        "wanted": 3,
        "left": 2,
    }
    assert refusal(await ship(front_door, "over", order_id, NOSUCH=1)) == (409, "more-than-sold")
    assert (await ship(front_door, "over", order_id, OVER=2)).status_code == 201
    assert refusal(await ship(front_door, "over-2", order_id, OVER=1)) == (409, "more-than-sold")


async def test_no_more_comes_back_than_can_have_left(front_door: FrontDoor) -> None:
    """What is still to be sent may come back: that return waits. More can never come."""
    await front_door.stocked("BACK", BER1=5)
    order_id = await front_door.sold("back", BACK=2)
    assert refusal(await take_back(front_door, "back", order_id, BACK=3)) == (
        409,
        "more-than-shipped",
    )
    assert (await take_back(front_door, "back", order_id, BACK=2)).status_code == 202
    await ship(front_door, "back", order_id, BACK=2)
    await settle(front_door)
    assert (await take_back(front_door, "back", order_id, BACK=2)).status_code == 201
    for location in ("BER1", "MUC-BACK"):
        await front_door.put_location(location)
        more = await take_back(front_door, "back-2", order_id, location, BACK=1)
        assert refusal(more) == (409, "more-than-shipped")
    assert [row["location"] for row in (await front_door.stock("BACK"))["locations"]] == ["BER1"]


async def test_no_more_is_inspected_than_came_back(front_door: FrontDoor) -> None:
    """In parts, of the return's skus."""
    await front_door.stocked("LOOK", BER1=3)
    order_id = await front_door.sold("look", LOOK=3)
    await ship(front_door, "look", order_id, LOOK=3)
    await take_back(front_door, "look", order_id, LOOK=3)
    part = {"sku": "LOOK", "restock": 1, "damaged": 0, "refund": 0}
    assert (await inspect(front_door, "look-1", "look", part, part)).json()["lines"] == [
        part | {"restock": 2}
    ]
    more = await inspect(front_door, "look-2", "look", part, part)
    assert refusal(more) == (409, "more-than-returned")
    assert (more.json()["wanted"], more.json()["left"]) == (2, 1)
    other = await inspect(front_door, "look-3", "look", part | {"sku": "NOSUCH"})
    assert refusal(other) == (409, "more-than-returned")
    assert (await front_door.stock("LOOK"))["returned"] == 1


async def test_nothing_leaves_or_comes_back_for_a_cancelled_order(front_door: FrontDoor) -> None:
    """Its units are for sale again."""
    await front_door.stocked("UNDONE", BER1=1)
    order_id = await front_door.sold("undone", UNDONE=1)
    await front_door.wiring.ledger.post(
        CancelOrder(actor="test", order_id=order_id, reason="customer")
    )
    sent = await ship(front_door, "undone", order_id, UNDONE=1)
    back = await take_back(front_door, "undone", order_id, UNDONE=1)
    assert refusal(sent) == refusal(back) == (409, "order-cancelled")
    assert (await front_door.stock("UNDONE"))["totals"]["cancelled"] == 1


@pytest.mark.parametrize("order_id", ["co_of-nobody", "x" * 128])
async def test_documents_name_places_that_exist(front_door: FrontDoor, order_id: str) -> None:
    """An order may yet come; a place that nobody has put is a mistake."""
    before = front_door.counts()
    for answer in (
        await front_door.tell(
            "/shipments", shipment_id="nowhere", order_id=order_id, location="NOWHERE",
            lines=lines(GLOBE=1),
        ),
        await take_back(front_door, "nowhere", order_id, "NOWHERE", GLOBE=1),
    ):  # fmt: skip
        assert refusal(answer) == (404, "unknown-location")
        assert answer.json()["location"] == "NOWHERE"
    assert front_door.counts() == before
