"""Units that travel between two locations: gone from the one, not yet at the other, and nobody's to sell."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2

from ledger.documents.waiting import apply_due
from tests.integration.api.front_door import FrontDoor, bearer, lines


async def send(
    front_door: FrontDoor, name: str, source: str = "BER1", target: str = "MUC1", **units: int
) -> httpx2.Response:
    """Send units to another location."""
    body: dict[str, Any] = {"transfer_id": name, "from": source, "to": target}
    return await front_door.tell("/transfers", **body, lines=lines(**units))


async def arrive(
    front_door: FrontDoor, name: str, transfer_id: str, **units: int
) -> httpx2.Response:
    """Take in what arrived of a transfer."""
    return await front_door.tell(
        f"/transfers/{transfer_id}/receipts", receipt_id=name, lines=lines(**units)
    )


async def lose(front_door: FrontDoor, name: str, sku: str, quantity: int) -> httpx2.Response:
    """Give up units that left Berlin."""
    body = {
        "adjustment_id": name,
        "kind": "lost_in_transit",
        "location": "BER1",
        "quantity": quantity,
        "reason": "never-arrived",
    }
    return await front_door.http.post(
        f"/stock/{sku}/adjustments", json=body, headers=bearer("stock:write")
    )


def refusal(response: httpx2.Response) -> tuple[int, str]:
    """Say who was refused, and why."""
    return response.status_code, response.json()["code"]


async def test_a_transfer_arrives_in_parts_and_the_rest_travels_on(front_door: FrontDoor) -> None:
    """What travels is told where it left, until it has arrived or is given up."""
    await front_door.stocked("TRUCK", BER1=5)
    await front_door.put_location("MUC1", priority=2)
    sent = await send(front_door, "truck", TRUCK=4)
    assert (sent.status_code, sent.json()) == (
        201,
        {"transfer_id": "truck", "from": "BER1", "to": "MUC1", "lines": lines(TRUCK=4)},
    )
    numbers = await front_door.stock("TRUCK")
    assert (numbers["on_hand"], numbers["available"], numbers["in_transit"]) == (1, 1, 4)
    part = await arrive(front_door, "truck-1", "truck", TRUCK=3)
    assert (part.status_code, part.json()) == (
        201,
        {
            "receipt_id": "truck-1",
            "transfer_id": "truck",
            "status": "applied",
            "location": "MUC1",
            "lines": lines(TRUCK=3),
        },
    )
    assert await _travelling(front_door, "TRUCK") == (1, [("BER1", 1, 1), ("MUC1", 3, 0)])
    assert refusal(await arrive(front_door, "truck-2", "truck", TRUCK=2)) == (409, "more-than-sent")
    assert (await lose(front_door, "truck", "TRUCK", 1)).status_code == 200
    assert await _travelling(front_door, "TRUCK") == (0, [("BER1", 1, 0), ("MUC1", 3, 0)])
    assert (await front_door.stock("TRUCK"))["totals"]["adjusted"] == -1
    assert refusal(await arrive(front_door, "truck-3", "truck", TRUCK=1)) == (409, "more-than-sent")


async def test_each_half_is_booked_once(front_door: FrontDoor) -> None:
    """The same again is the same bytes; another body under the id is a conflict."""
    await front_door.stocked("HALVES", BER1=5)
    await front_door.put_location("MUC1", priority=2)
    firsts = [await send(front_door, "halves", HALVES=2)]
    firsts.append(await arrive(front_door, "halves", "halves", HALVES=2))
    agains = [await send(front_door, "halves", HALVES=2)]
    agains.append(await arrive(front_door, "halves", "halves", HALVES=2))
    assert [answer.status_code for answer in (*firsts, *agains)] == [201] * 4
    assert [answer.content for answer in firsts] == [answer.content for answer in agains]
    assert refusal(await send(front_door, "halves", HALVES=1)) == (409, "key-reused")
    assert refusal(await arrive(front_door, "halves", "halves", HALVES=1)) == (409, "key-reused")
    back = await send(front_door, "halves", "MUC1", "BER1", HALVES=2)
    assert refusal(back) == (409, "key-reused")
    assert await _travelling(front_door, "HALVES") == (0, [("BER1", 3, 0), ("MUC1", 2, 0)])


async def test_an_arrival_waits_for_its_transfer(front_door: FrontDoor) -> None:
    """The lorry may be faster than the message that it left."""
    await front_door.stocked("FAST", BER1=2)
    await front_door.put_location("MUC1", priority=2)
    early = await arrive(front_door, "fast", "fast", FAST=2)
    assert (early.status_code, early.json()) == (
        202,
        {"receipt_id": "fast", "transfer_id": "fast", "status": "waiting"},
    )
    assert refusal(await arrive(front_door, "fast", "fast", FAST=1)) == (409, "key-reused")
    await send(front_door, "fast", FAST=2)
    await apply_due(front_door.wiring.ledger)
    booked = await arrive(front_door, "fast", "fast", FAST=2)
    assert (booked.status_code, booked.json()["status"]) == (201, "applied")
    assert await _travelling(front_door, "FAST") == (0, [("BER1", 0, 0), ("MUC1", 2, 0)])


async def test_only_what_is_there_sets_out(front_door: FrontDoor) -> None:
    """All lines or none, with every shortage told; what policy holds back may travel."""
    await front_door.stocked("THERE", BER1=3)
    await front_door.stocked("THERE-TOO", BER1=1)
    await front_door.put_location("MUC1", priority=2)
    held = await front_door.order("there", lines=lines(THERE=1))
    await front_door.reserve(held.json()["checkout_id"])
    await front_door.http.put(
        "/stock/THERE/safety-stock",
        json={"location": "BER1", "quantity": 2},
        headers=bearer("stock:write"),
    )
    both: dict[str, Any] = {"THERE": 3, "THERE-TOO": 2}
    refused = await send(front_door, "there", **both)
    assert refusal(refused) == (409, "insufficient-stock")
    assert refused.json()["shortages"] == [
        {"sku": "THERE", "requested": 3, "available": 2},
        {"sku": "THERE-TOO", "requested": 2, "available": 1},
    ]
    assert (await send(front_door, "there", THERE=2)).status_code == 201
    numbers = await front_door.stock("THERE")
    assert (numbers["on_hand"], numbers["reserved"], numbers["in_transit"]) == (1, 1, 2)


async def test_a_transfer_names_what_exists(front_door: FrontDoor) -> None:
    """Both places, and the sku; nothing of it is kept otherwise."""
    await front_door.stocked("REAL", BER1=1)
    await front_door.put_location("MUC1", priority=2)
    before = front_door.counts()
    for source, target in (("BER1", "NOWHERE"), ("NOWHERE", "BER1")):
        answer = await send(front_door, "nowhere", source, target, REAL=1)
        assert refusal(answer) == (404, "unknown-location")
        assert answer.json()["location"] == "NOWHERE"
    assert refusal(await send(front_door, "nothing", NOSUCH=1)) == (404, "unknown-sku")
    assert front_door.counts() == before


async def test_two_arrivals_at_once_share_what_was_sent(front_door: FrontDoor) -> None:
    """The second is told that too few travel."""
    await front_door.stocked("TWICE", BER1=3)
    await front_door.put_location("MUC1", priority=2)
    await send(front_door, "twice", TWICE=3)
    answers = await asyncio.gather(
        *(arrive(front_door, f"twice-{number}", "twice", TWICE=2) for number in range(2))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert await _travelling(front_door, "TWICE") == (1, [("BER1", 0, 1), ("MUC1", 2, 0)])


async def test_a_cancelled_transfer_is_one_back(front_door: FrontDoor) -> None:
    """Each place tells what left it: the way there has ended, the way back travels."""
    await front_door.stocked("THEREBACK", BER1=2)
    await front_door.put_location("MUC1", priority=2)
    await send(front_door, "there-and-back-1", THEREBACK=2)
    await arrive(front_door, "there-and-back-1", "there-and-back-1", THEREBACK=2)
    await send(front_door, "there-and-back-2", "MUC1", "BER1", THEREBACK=1)
    assert await _travelling(front_door, "THEREBACK") == (1, [("BER1", 0, 0), ("MUC1", 1, 1)])


async def _travelling(front_door: FrontDoor, sku: str) -> tuple[int, list[tuple[str, int, int]]]:
    """Give what travels of a sku, and at each place the units on hand and those that left from there."""
    numbers = await front_door.stock(sku)
    return numbers["in_transit"], [
        (row["location"], row["on_hand"], row["in_transit"]) for row in numbers["locations"]
    ]
