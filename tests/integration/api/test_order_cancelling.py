"""POST /orders/{id}/cancel over a real ledger, while no engine answers: the row is the promise."""

from __future__ import annotations

from typing import Any

from ledger.commands import RecordRefund, StartRefund
from ledger.refunds import ShownRefund
from tests.integration.api.front_door import FrontDoor, bearer, lines

PRICE = 1_500


async def cancel(front_door: FrontDoor, order_id: str, **caller: Any) -> Any:
    """Ask for an order to be taken back, as its own customer's shop unless said otherwise."""
    token = bearer(caller.pop("scope", "checkout"), **caller)
    return await front_door.http.post(f"/orders/{order_id}/cancel", headers=token)


async def pay_back(front_door: FrontDoor, order_id: str) -> None:
    """Do what the worker does: ask the provider, and see it done."""
    post = front_door.wiring.ledger.post
    asked = await post(StartRefund(actor="test", checkout_id=order_id))
    await post(
        RecordRefund(
            actor="test",
            checkout_id=order_id,
            operation_key=asked["key"],
            shown=ShownRefund.SUCCEEDED,
            provider_refund="re_1",
        )
    )


async def test_a_cancelled_order_is_for_sale_again_and_owed(front_door: FrontDoor) -> None:
    """202 while its money is with us, and 200 from when it is back; the same request all along."""
    await front_door.stocked("TAKEN-BACK", BER1=2)
    order_id = await front_door.sold("taken-back", **{"TAKEN-BACK": 2})

    first, second = await cancel(front_door, order_id), await cancel(front_door, order_id)
    assert [first.status_code, second.status_code] == [202, 202]
    assert first.json() == second.json()
    assert first.json()["status"] == "refund_pending"
    assert first.json()["order"] == {"state": "cancelled"}
    assert (await front_door.stock("TAKEN-BACK"))["available"] == 2

    await pay_back(front_door, order_id)
    done = await cancel(front_door, order_id)
    assert (done.status_code, done.json()["status"]) == (200, "refunded")
    assert done.json()["payment"]["refunded_minor"] == 2 * PRICE


async def test_an_operator_cancels_any_order(front_door: FrontDoor) -> None:
    """And it is written down that it was not the customer."""
    await front_door.stocked("ANYBODYS", BER1=1)
    order_id = await front_door.sold("anybodys", ANYBODYS=1)
    answer = await cancel(front_door, order_id, scope="operator", subject="olga")
    assert (answer.status_code, answer.json()["reason"]) == (202, "operator")


async def test_an_order_of_which_a_unit_has_left_is_not_cancelled(front_door: FrontDoor) -> None:
    """It comes back by a return; nothing is owed before."""
    await front_door.stocked("LEFT", BER1=2)
    order_id = await front_door.sold("left", LEFT=2)
    await front_door.tell(
        "/shipments",
        shipment_id="left-1",
        order_id=order_id,
        location="BER1",
        lines=lines(LEFT=1),
    )
    answer = await cancel(front_door, order_id)
    assert (answer.status_code, answer.json()["code"]) == (409, "already-shipped")
    assert (await front_door.stored(order_id)).status == "confirmed"


async def test_what_is_no_order_is_not_cancelled_as_one(front_door: FrontDoor) -> None:
    """A checkout that is being paid has a cancellation of its own."""
    await front_door.stocked("UNPAID", BER1=1)
    checkout_id = (await front_door.order("unpaid", lines=lines(UNPAID=1))).json()["checkout_id"]
    await front_door.become_payable(checkout_id)
    answer = await cancel(front_door, checkout_id)
    assert (answer.status_code, answer.json()["code"]) == (409, "no-order")


async def test_another_shops_order_looks_like_none(front_door: FrontDoor) -> None:
    """404, and it goes on as if nobody had asked."""
    await front_door.stocked("FOREIGN", BER1=1)
    order_id = await front_door.sold("foreign", FOREIGN=1)
    answer = await cancel(front_door, order_id, subject="stranger")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown-checkout")
    assert (await front_door.stored(order_id)).status == "confirmed"


async def test_an_inspection_owes_what_the_units_were_sold_for(front_door: FrontDoor) -> None:
    """Written down with it, whether or not anybody can pay it at once; the order stays an order."""
    await front_door.stocked("OWED", BER1=3)
    order_id = await front_door.sold("owed", OWED=3)
    await front_door.put_product("OWED", price_minor=9_900)
    for path, name in (("/shipments", "shipment_id"), ("/returns", "return_id")):
        body = {name: "owed-1", "order_id": order_id, "location": "BER1", "lines": lines(OWED=3)}
        assert (await front_door.tell(path, **body)).status_code == 201
    found = [{"sku": "OWED", "restock": 2, "damaged": 1, "refund": 2}]
    inspected = await front_door.tell(
        "/returns/owed-1/inspections", inspection_id="owed-look", lines=found
    )
    assert inspected.status_code == 201
    asked = await front_door.wiring.ledger.post(
        StartRefund(actor="test", checkout_id=order_id, refund_id="inspection-owed-look")
    )
    assert (asked["amount_minor"], asked["payment"]) == (2 * PRICE, "refunding")
    assert (await front_door.stored(order_id)).status == "confirmed"
