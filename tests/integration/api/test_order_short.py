"""POST /orders/{id}/short over a real ledger, while no engine answers: the row is the promise."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from ledger.commands import RecordRefund, StartRefund
from ledger.documents.waiting import apply_due
from ledger.refunds import ShownRefund, of_short_pick
from tests.integration.api.front_door import FrontDoor, bearer, lines

PRICE = 1_500


async def short(
    front_door: FrontDoor, name: str, order_id: str, *missing: dict[str, Any], **more: Any
) -> httpx2.Response:
    """Tell that units were not found, as the warehouse unless said otherwise."""
    token = bearer(more.pop("scope", "warehouse"))
    body = {"short_id": name, "lines": list(missing), **more}
    return await front_door.http.post(f"/orders/{order_id}/short", json=body, headers=token)


def one(sku: str, quantity: int = 1, location: str = "BER1") -> dict[str, Any]:
    """Write a line."""
    return {"sku": sku, "quantity": quantity, "location": location}


def refusal(response: httpx2.Response) -> tuple[int, str]:
    """Say who was refused, and why."""
    assert response.headers["content-type"] == "application/problem+json"
    return response.status_code, response.json()["code"]


async def pay_back(front_door: FrontDoor, order_id: str, name: str) -> None:
    """Do what the worker does: ask the provider, and see it done."""
    post, part = front_door.wiring.ledger.post, of_short_pick(name)
    asked = await post(StartRefund(actor="test", checkout_id=order_id, refund_id=part))
    await post(
        RecordRefund(
            actor="test",
            checkout_id=order_id,
            refund_id=part,
            operation_key=asked["key"],
            shown=ShownRefund.SUCCEEDED,
            provider_refund=f"re_{name}",
        )
    )


async def test_what_was_not_found_comes_from_elsewhere_or_is_paid_back(
    front_door: FrontDoor,
) -> None:
    """202 while money is owed, and 200 from when it is back; the same decision all along."""
    await front_door.stocked("URN", BER1=3)
    order_id = await front_door.sold("urn", URN=3)
    await front_door.stocked("URN", MUC1=1)
    first = await short(front_door, "urn", order_id, one("URN", 2))
    assert (first.status_code, first.json()) == (
        202,
        {
            "short_id": "urn",
            "order_id": order_id,
            "status": "confirmed",
            "order": {"state": "placed"},
            "lines": [one("URN", 2)],
            "replaced": [one("URN", 1, "MUC1")],
            "refunded": lines(URN=1),
            "refund": {"state": "owed", "amount_minor": PRICE},
        },
    )
    again = await short(front_door, "urn", order_id, one("URN", 2))
    assert (again.status_code, again.content) == (202, first.content)
    numbers = await front_door.stock("URN")
    assert (numbers["researching"], numbers["sold"], numbers["available"]) == (2, 2, 0)

    await pay_back(front_door, order_id, "urn")
    settled = await short(front_door, "urn", order_id, one("URN", 2))
    assert (settled.status_code, settled.json()["refund"]["state"]) == (200, "done")
    for place in ("BER1", "MUC1"):
        body = {"shipment_id": f"urn-{place}", "order_id": order_id, "location": place}
        sent = await front_door.tell("/shipments", **body, lines=lines(URN=1))
        assert sent.status_code == 201
    assert (await front_door.stored(order_id)).order_state == "shipped"


async def test_an_order_of_which_nothing_was_found_ends(front_door: FrontDoor) -> None:
    """Its status is that of a cancelled one; a place need not be named where there is only one."""
    await front_door.stocked("DUST", BER1=2)
    order_id = await front_door.sold("dust", DUST=2)
    told = await short(front_door, "dust", order_id, {"sku": "DUST", "quantity": 2})
    assert (told.status_code, told.json()["status"]) == (202, "refund_pending")
    assert told.json()["order"] == {"state": "cancelled"}
    assert told.json()["refund"] == {"state": "owed", "amount_minor": 2 * PRICE}
    await pay_back(front_door, order_id, "dust")
    told = await short(front_door, "dust", order_id, {"sku": "DUST", "quantity": 2})
    assert (told.status_code, told.json()["status"]) == (200, "refunded")
    stored = await front_door.stored(order_id)
    assert (stored.reason, stored.payment_state) == ("short", "refunded")


async def test_nothing_is_owed_where_all_of_it_comes_from_elsewhere(front_door: FrontDoor) -> None:
    """Told for the first time 202, as ever; and again 200."""
    await front_door.stocked("TWIN", BER1=1)
    order_id = await front_door.sold("twin", TWIN=1)
    await front_door.stocked("TWIN", MUC1=5)
    first = await short(front_door, "twin", order_id, one("TWIN"), scope="operator")
    again = await short(front_door, "twin", order_id, one("TWIN"))
    assert [first.status_code, again.status_code] == [202, 200]
    assert (first.json()["refund"], first.json()["refunded"]) == (None, [])
    assert first.content == again.content
    checkout = await front_door.http.get(f"/checkouts/{order_id}", headers=bearer("operator"))
    assert checkout.json()["reservation"]["id"] == f"{order_id}/2"


async def test_a_short_pick_waits_for_its_order(front_door: FrontDoor) -> None:
    """202 with `waiting`, and its present state when it is sent again."""
    await front_door.stocked("SOON", BER1=1)
    order_id = await front_door.paid("soon", SOON=1)
    early = await short(front_door, "soon", order_id, one("SOON"))
    waiting = {"short_id": "soon", "order_id": order_id, "status": "waiting"}
    assert (early.status_code, early.json()) == (202, waiting)
    assert refusal(await short(front_door, "soon", order_id, one("SOON", 2))) == (409, "key-reused")
    await front_door.confirm(order_id)
    await apply_due(front_door.wiring.ledger)
    told = await short(front_door, "soon", order_id, one("SOON"))
    assert (told.status_code, told.json()["status"]) == (202, "refund_pending")


async def test_what_cannot_be_is_refused_and_changes_nothing(front_door: FrontDoor) -> None:
    """Each by its code; another body under a known id is a conflict."""
    await front_door.stocked("GONE", BER1=2)
    order_id = await front_door.sold("gone", GONE=2)
    await front_door.stocked("GONE", MUC1=1)
    before = front_door.counts()
    for line, code, status in (
        (one("GONE", 3), "more-than-sold", 409),
        (one("GONE", 1, "MUC1"), "more-than-sold", 409),
        (one("GONE", 1, "NOWHERE"), "unknown-location", 404),
        ({"sku": "NO-SUCH", "quantity": 1}, "more-than-sold", 409),
    ):
        assert refusal(await short(front_door, "gone", order_id, line)) == (status, code)
    assert front_door.counts() == before
    assert (await short(front_door, "gone", order_id, one("GONE"))).status_code == 202
    assert refusal(await short(front_door, "gone", order_id, one("GONE", 2))) == (409, "key-reused")
    unsaid = await short(front_door, "gone-2", order_id, {"sku": "GONE", "quantity": 1})
    assert refusal(unsaid) == (409, "location-needed")
    assert unsaid.json()["locations"] == ["BER1", "MUC1"]
    await front_door.http.post(f"/orders/{order_id}/cancel", headers=bearer("operator"))
    assert refusal(await short(front_door, "gone-3", order_id, one("GONE"))) == (
        409,
        "order-cancelled",
    )


@pytest.mark.parametrize("order_id", ["co_x", "order-7", "co_" + "A" * 26])
async def test_what_can_be_no_order_is_unknown(front_door: FrontDoor, order_id: str) -> None:
    """A document about it would wait for ever."""
    answer = await short(front_door, "unknown", order_id, one("URN"))
    assert refusal(answer) == (404, "unknown-checkout")
