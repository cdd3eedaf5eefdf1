"""From the payment to the returned unit: what a warehouse tells, too early and in parts, all booked in the end."""

from __future__ import annotations

from typing import Any

import httpx2

from tests.acceptance.facts import eventually, rows
from tests.acceptance.problems import refused
from tests.acceptance.stacks import Stack
from tests.acceptance.storefront import Storefront, line, new_key, new_sku, wish


async def test_an_order_is_sent_comes_back_elsewhere_and_is_looked_at(
    stack: Stack, shop: Storefront
) -> None:
    """The shipment is told before the payment, and waits until the worker finds the order confirmed."""
    clock = await shop.stocked("CLOCK", 5)
    decision = await shop.decided(new_key(), wish(clock, 3))
    order_id = decision.json()["checkout_id"]
    shipment = {
        "shipment_id": new_sku("shipment"),
        "order_id": order_id,
        "location": "BER1",
        "lines": [line(clock, 3)],
    }
    early = await tell(shop, "/shipments", shipment)
    assert (early.status_code, early.json()["status"]) == (202, "waiting")
    refused(await tell(shop, "/shipments", shipment | {"lines": [line(clock)]}), 409, "key-reused")
    assert await shop.pay(decision) == 200
    assert (await shop.ended(order_id))[0] == "confirmed"
    booked = await _booked_by_the_worker(stack, shop, shipment)
    assert booked.json()["status"] == "applied"

    returned = {
        "return_id": new_sku("return"),
        "order_id": order_id,
        "location": "MUC1",
        "lines": [line(clock, 2)],
    }
    assert (await tell(shop, "/returns", returned)).status_code == 201
    looked_at = {
        "inspection_id": new_sku("inspection"),
        "lines": [{"sku": clock, "restock": 1, "damaged": 1, "refund": 1}],
    }
    path = f"/returns/{returned['return_id']}/inspections"
    inspected = await tell(shop, path, looked_at)
    assert inspected.status_code == 201
    assert (await tell(shop, path, looked_at)).content == inspected.content
    _all_units_are_told(await shop.stock(clock))
    assert (await shop.look(order_id))["order"] == {"state": "partly_returned"}


def _all_units_are_told(numbers: dict[str, Any]) -> None:
    """Five came in: two never left, one is with the customer, one is for sale elsewhere, one is broken."""
    piles = ("on_hand", "sold", "shipped", "returned", "damaged", "in_transit")
    assert [numbers[pile] for pile in piles] == [3, 0, 1, 0, 1, 0]
    totals = ("received", "sold", "shipped", "returned", "restocked", "damaged", "adjusted")
    assert [numbers["totals"][total] for total in totals] == [5, 3, 3, 2, 1, 1, 0]
    assert [
        (row["location"], row["available"], row["shipped"], row["damaged"], row["in_transit"])
        for row in numbers["locations"]
    ] == [("BER1", 2, 1, 0, 0), ("MUC1", 1, 0, 1, 0)]


async def _booked_by_the_worker(
    stack: Stack, shop: Storefront, shipment: dict[str, Any]
) -> httpx2.Response:
    """Wait until the worker has booked what waited, and ask what became of it."""

    async def states() -> list[str]:
        found = rows(
            stack.runtime,
            "SELECT state FROM document WHERE kind = 'shipment' AND document_id = %s",
            shipment["shipment_id"],
        )
        return [row["state"] for row in found]

    await eventually(states, lambda found: found == ["applied"])
    booked = await tell(shop, "/shipments", shipment)
    assert booked.status_code == 201
    return booked


async def tell(shop: Storefront, path: str, body: dict[str, Any]) -> httpx2.Response:
    """Send a document of the warehouse."""
    return await shop.api.post(f"/warehouse{path}", json=body)


async def test_what_was_not_found_is_paid_back_and_the_rest_is_sent(shop: Storefront) -> None:
    """202 when it is told, and 200 once the provider shows the money; the same request all along."""
    vase = await shop.stocked("VASE", 3)
    decision = await shop.decided(new_key(), wish(vase, 3))
    order_id = decision.json()["checkout_id"]
    assert await shop.pay(decision) == 200
    assert (await shop.ended(order_id))[0] == "confirmed"
    missing = {"short_id": new_sku("short"), "lines": [line(vase, 2)]}

    async def tell_again() -> httpx2.Response:
        return await shop.api.post(f"/orders/{order_id}/short", json=missing)

    first = await tell_again()
    assert (first.status_code, first.json()["refunded"]) == (202, [line(vase, 2)])
    assert first.json()["refund"]["amount_minor"] == 2 * 1_500
    settled = await eventually(tell_again, lambda answer: answer.status_code == 200)
    assert (settled.json()["status"], settled.json()["refund"]["state"]) == ("confirmed", "done")
    seen = await shop.look(order_id)
    assert (seen["payment"]["refunded_minor"], seen["order"]) == (3_000, {"state": "placed"})

    shipment = {
        "shipment_id": new_sku("shipment"),
        "order_id": order_id,
        "location": "BER1",
        "lines": [line(vase)],
    }
    assert (await tell(shop, "/shipments", shipment)).status_code == 201
    assert (await shop.look(order_id))["order"] == {"state": "shipped"}
    numbers = await shop.stock(vase)
    assert (numbers["shipped"], numbers["researching"], numbers["sold"]) == (1, 2, 0)
