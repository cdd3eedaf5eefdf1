"""A day of a warehouse, drawn at random and told by several at once: every call is answered, and all adds up."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2

from api.problems import PROBLEMS
from ledger.documents.waiting import apply_due
from tests.integration.api.front_door import FrontDoor, bearer, lines

CALLS = 240
AT_ONCE = 6
SKUS = ("DAY-LAMP", "DAY-RUG")
PLACES = ("DAY-1", "DAY-2", "DAY-3")
KINDS = ("adjust", "damage", "regrade", "write_off", "lost_in_transit")
ANSWERS = {200, 201, 202, 404, 409}


class Day:
    """Draws calls that could be meant; ids and places are few, so that they meet."""

    def __init__(self, front_door: FrontDoor, drawn: random.Random) -> None:
        self.front_door = front_door
        self.random = drawn
        self.orders: list[str] = []
        self.told: dict[str, list[str]] = {}
        self.answers: Counter[tuple[str, int]] = Counter()

    async def begin(self) -> None:
        """Fill the shelves, and sell a part: some orders are confirmed only later."""
        for number, place in enumerate(PLACES):
            await self.front_door.put_location(place, priority=number)
        for sku in SKUS:
            await self.front_door.stocked(sku, **dict.fromkeys(PLACES, 9))
        self.orders = [
            await self.front_door.paid(f"day-{number}", **dict.fromkeys(SKUS, 2))
            for number in range(5)
        ]
        for order in self.orders[:3]:
            await self.front_door.confirm(order)

    async def call(self) -> None:
        """Make one call."""
        calls: list[Callable[[], Awaitable[httpx2.Response]]] = [
            *[self._ship, self._take_back, self._inspect, self._send, self._arrive],
            *[self._adjust, self._adjust, self._policy, self._disable],
        ]
        call = self.random.choice(calls)
        answer = await call()
        name = answer.json().get("code", call.__name__)
        self.answers[name, answer.status_code] += 1
        assert answer.status_code in ANSWERS, answer.text
        assert answer.status_code < 300 or name in PROBLEMS

    async def end(self) -> None:
        """Confirm what is paid, open all places, and book what waits."""
        for order in self.orders[3:]:
            await self.front_door.confirm(order)
        for place in PLACES:
            await self.front_door.put_location(place)
        while any(
            tried.outcome == "applied" for tried in await apply_due(self.front_door.wiring.ledger)
        ):
            pass

    def _id(self) -> str:
        return f"day-{self.random.randrange(60)}"

    def _told_id(self, kind: str) -> str:
        """Draw the id of something told before, most of the time."""
        told = self.told.setdefault(kind, [])
        return self.random.choice(told) if told and self.random.random() < 0.8 else self._id()

    def _lines(self) -> list[dict[str, Any]]:
        count = self.random.choice((1, 1, 2))
        drawn = [(self.random.choice(SKUS), self.random.choice((1, 1, 3))) for _ in range(count)]
        return [line for sku, quantity in drawn for line in lines(**{sku: quantity})]

    def _place(self) -> str:
        return self.random.choice(PLACES)

    def _of_order(self) -> dict[str, Any]:
        order = self.random.choice([*self.orders, "co_day-of-nobody"])
        place = self.random.choice((*PLACES, *PLACES[:1] * 3))
        return {"order_id": order, "location": place, "lines": self._lines()}

    async def _ship(self) -> httpx2.Response:
        return await self.front_door.tell("/shipments", shipment_id=self._id(), **self._of_order())

    async def _take_back(self) -> httpx2.Response:
        name = self._id()
        self.told.setdefault("return", []).append(name)
        return await self.front_door.tell("/returns", return_id=name, **self._of_order())

    async def _inspect(self) -> httpx2.Response:
        looked_at = [
            {"sku": self.random.choice(SKUS), "restock": 1, "damaged": self.random.randint(0, 1)}
        ]
        return await self.front_door.tell(
            f"/returns/{self._told_id('return')}/inspections",
            inspection_id=self._id(),
            lines=looked_at,
        )

    async def _send(self) -> httpx2.Response:
        source, target = self.random.sample(PLACES, 2)
        ends: dict[str, Any] = {"from": source, "to": target}
        name = self._id()
        self.told.setdefault("transfer", []).append(name)
        return await self.front_door.tell(
            "/transfers", transfer_id=name, **ends, lines=self._lines()
        )

    async def _arrive(self) -> httpx2.Response:
        return await self.front_door.tell(
            f"/transfers/{self._told_id('transfer')}/receipts",
            receipt_id=self._id(),
            lines=self._lines(),
        )

    async def _adjust(self) -> httpx2.Response:
        kind = self.random.choice(KINDS)
        quantity = self.random.randint(1, 4)
        body = {
            "adjustment_id": f"day-{self.random.randrange(200)}",
            "kind": kind,
            "location": self._place(),
            "quantity": quantity * (self.random.choice((1, -1)) if kind == "adjust" else 1),
            "reason": "drawn",
        }
        return await self._of_row("POST", "adjustments", body)

    async def _policy(self) -> httpx2.Response:
        policy, body = self.random.choice(
            (
                ("pause", {"paused": self.random.random() < 0.5}),
                ("safety-stock", {"quantity": self.random.randrange(4)}),
            )
        )
        return await self._of_row("PUT", policy, {"location": self._place(), **body})

    async def _of_row(self, method: str, path: str, body: dict[str, Any]) -> httpx2.Response:
        return await self.front_door.http.request(
            method,
            f"/stock/{self.random.choice(SKUS)}/{path}",
            json=body,
            headers=bearer("stock:write"),
        )

    async def _disable(self) -> httpx2.Response:
        return await self.front_door.put_location(self._place(), enabled=self.random.random() < 0.7)


async def test_any_day_adds_up(front_door: FrontDoor) -> None:
    """No call breaks, no unit is lost, and no place shows less than nothing; the invariants follow."""
    # The module's own numbers are those of the run's seed.
    day = Day(front_door, random.Random(random.getrandbits(32)))
    await day.begin()
    for _ in range(CALLS // AT_ONCE):
        await asyncio.gather(*(day.call() for _ in range(AT_ONCE)))
    await day.end()
    # The day had a bit of everything, or it proves nothing.
    assert {200, 201, 202, 409} <= {status for _, status in day.answers}
    for sku in SKUS:
        numbers = await front_door.stock(sku)
        assert numbers["totals"]["received"] == 27
        # What came in, was found or went missing is somewhere.
        piles = ("on_hand", "sold", "shipped", "returned", "damaged", "researching", "in_transit")
        assert sum(numbers[pile] for pile in piles) == 27 + numbers["totals"]["adjusted"]
        for row in numbers["locations"]:
            assert all(row[pile] >= 0 for pile in (*piles, "available", "held_back"))
        for pile in piles:
            assert numbers[pile] == sum(row[pile] for row in numbers["locations"])
