"""Checkouts while Temporal is away: the row is the promise, and the decision is told from the ledger."""

from __future__ import annotations

import pytest

from ledger.checkouts import Status
from ledger.errors import Refused
from tests.integration.api.front_door import FrontDoor, bearer, lines


async def test_an_order_is_kept_while_the_engine_is_away(front_door: FrontDoor) -> None:
    """The customer is told to ask again, and the row is there for the orphan check."""
    await front_door.put_product("LANTERN")
    response = await front_door.order("lantern-1", lines=lines(LANTERN=1))
    assert response.status_code == 202
    assert response.headers["retry-after"] == "1"
    assert response.json()["status"] == "reserving"
    assert "idempotency-replayed" not in response.headers
    assert (await front_door.stored(response.json()["checkout_id"])).status is Status.RESERVING


async def test_the_decision_is_told_again_byte_for_byte_after_the_end(
    front_door: FrontDoor,
) -> None:
    """A client that lost its answer learns it, whatever became of the checkout since."""
    await front_door.put_product("LAMP", price_minor=2_500)
    await front_door.receive("lamp-in", "BER1", LAMP=3)
    checkout_id = (await front_door.order("lamp-1", lines=lines(LAMP=2))).json()["checkout_id"]
    await front_door.become_payable(checkout_id)
    first = await front_door.order("lamp-1", lines=lines(LAMP=2))
    await front_door.release(checkout_id)
    again = await front_door.order("lamp-1", lines=lines(LAMP=2))
    assert first.status_code == again.status_code == 201
    assert first.content == again.content
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["location"] == f"/checkouts/{checkout_id}"
    body = again.json()
    assert body["status"] == "awaiting_payment"
    assert body["reservation"]["id"] == f"{checkout_id}/1"
    assert body["reservation"]["lines"] == [{"sku": "LAMP", "location": "BER1", "quantity": 2}]
    assert body["payment"]["amount_minor"] == 5_000
    assert body["payment"]["client_secret"]


async def test_an_expired_checkout_keeps_its_first_answer(front_door: FrontDoor) -> None:
    """Expiry is an ending like any other."""
    await front_door.put_product("TORCH")
    await front_door.receive("torch-in", "BER1", TORCH=1)
    checkout_id = (await front_door.order("torch-1", lines=lines(TORCH=1))).json()["checkout_id"]
    await front_door.become_payable(checkout_id)
    first = await front_door.order("torch-1", lines=lines(TORCH=1))
    await front_door.expire(checkout_id)
    assert (await front_door.order("torch-1", lines=lines(TORCH=1))).content == first.content


async def test_shortages_are_told_and_remembered(front_door: FrontDoor) -> None:
    """Goods that come in afterwards do not change an answer that was given."""
    await front_door.put_product("VASE")
    checkout_id = (await front_door.order("vase-1", lines=lines(VASE=2))).json()["checkout_id"]
    with pytest.raises(Refused):
        await front_door.reserve(checkout_id)
    first = await front_door.order("vase-1", lines=lines(VASE=2))
    await front_door.receive("vase-in", "BER1", VASE=9)
    again = await front_door.order("vase-1", lines=lines(VASE=2))
    assert first.status_code == 409
    assert first.headers["content-type"] == "application/problem+json"
    assert first.json()["code"] == "insufficient-stock"
    assert first.json()["shortages"] == [{"sku": "VASE", "requested": 2, "available": 0}]
    assert again.content == first.content
    assert again.headers["idempotency-replayed"] == "true"


async def test_a_limit_is_told(front_door: FrontDoor) -> None:
    """The customer learns which sku and how many they may have."""
    await front_door.put_product("SNEAKER", limit_per_customer=1)
    await front_door.receive("sneaker-in", "BER1", SNEAKER=9)
    checkout_id = (await front_door.order("sneaker", lines=lines(SNEAKER=2))).json()["checkout_id"]
    with pytest.raises(Refused):
        await front_door.reserve(checkout_id)
    problem = (await front_door.order("sneaker", lines=lines(SNEAKER=2))).json()
    assert (problem["code"], problem["sku"], problem["limit"]) == ("limit-exceeded", "SNEAKER", 1)


async def test_a_checkout_cancelled_before_its_payment_was_known_is_no_201(
    front_door: FrontDoor,
) -> None:
    """Even though the undo later learns of the payment, in order to void it."""
    await front_door.put_product("CHAIR")
    await front_door.receive("chair-in", "BER1", CHAIR=1)
    checkout_id = (await front_door.order("chair-1", lines=lines(CHAIR=1))).json()["checkout_id"]
    await front_door.reserve(checkout_id)
    await front_door.start_payment(checkout_id)
    await front_door.release(checkout_id)
    first = await front_door.order("chair-1", lines=lines(CHAIR=1))
    await front_door.ask_for_payment(checkout_id)
    again = await front_door.order("chair-1", lines=lines(CHAIR=1))
    assert first.status_code == again.status_code == 409
    assert first.json()["code"] == first.json()["checkout_status"] == "cancelled"
    assert again.content == first.content


async def test_a_tombstone_is_told_as_the_ending_it_is(front_door: FrontDoor) -> None:
    """Released before it was ever reserved."""
    await front_door.put_product("TABLE")
    checkout_id = (await front_door.order("table-1", lines=lines(TABLE=1))).json()["checkout_id"]
    await front_door.release(checkout_id, Status.DECLINED)
    response = await front_door.order("table-1", lines=lines(TABLE=1))
    assert (response.status_code, response.json()["code"]) == (409, "declined")
    read = await front_door.http.get(f"/checkouts/{checkout_id}", headers=bearer("checkout"))
    assert read.json()["reservation"]["expires_at"] is None


async def test_another_body_under_a_key_is_refused(front_door: FrontDoor) -> None:
    """Lines in another order or split in two are the same wish; another quantity is not."""
    await front_door.put_product("CUP")
    await front_door.put_product("MUG")
    cart = [*lines(CUP=2, MUG=1)]
    first = await front_door.order("cups", lines=cart)
    split = await front_door.order("cups", lines=[*lines(MUG=1, CUP=1), *lines(CUP=1)])
    other = await front_door.order("cups", lines=lines(CUP=3, MUG=1))
    shorter = await front_door.order("cups", lines=cart, ttl_seconds=60)
    assert first.json() == split.json()
    for response in (other, shorter):
        assert (response.status_code, response.json()["code"]) == (422, "idempotency-key-reused")


async def test_prices_may_change_under_a_repeated_order(front_door: FrontDoor) -> None:
    """The price of the first time counts, and the key is not taken for reused."""
    await front_door.put_product("BOOK", price_minor=900)
    first = await front_door.order("book", lines=lines(BOOK=1))
    await front_door.put_product("BOOK", price_minor=1_900)
    again = await front_door.order("book", lines=lines(BOOK=1))
    assert first.status_code == again.status_code == 202
    assert (await front_door.stored(first.json()["checkout_id"])).total_minor == 900


async def test_a_busy_cart_waits_for_the_engine(front_door: FrontDoor) -> None:
    """Without the engine the older checkout cannot be cancelled, so no second one is opened."""
    await front_door.put_product("RUG")
    await front_door.order("rug-1", lines=lines(RUG=1), cart_id="CART-1")
    before = front_door.counts()
    response = await front_door.order("rug-2", lines=lines(RUG=1), cart_id="CART-1")
    assert (response.status_code, response.json()["code"]) == (503, "busy")
    assert response.headers["retry-after"]
    assert front_door.counts() == before


async def test_a_checkout_reads_as_it_stands(front_door: FrontDoor) -> None:
    """Everything but the client secret."""
    await front_door.put_product("CLOCK", price_minor=700)
    await front_door.receive("clock-in", "BER1", CLOCK=2)
    checkout_id = (await front_door.order("clock", lines=lines(CLOCK=2))).json()["checkout_id"]
    await front_door.become_payable(checkout_id)
    response = await front_door.http.get(f"/checkouts/{checkout_id}", headers=bearer("checkout"))
    body = response.json()
    assert body["status"] == "awaiting_payment"
    assert body["lines"] == [{"sku": "CLOCK", "quantity": 2, "price_minor": 700}]
    assert body["reservation"]["state"] == "held"
    assert body["payment"]["state"] == "requires_payment"
    assert body["order"] == {"state": "none"}
    assert "secret" not in response.text


async def test_a_cancel_needs_the_token_and_the_engine(front_door: FrontDoor) -> None:
    """Refusals come in the order that tells a stranger least."""
    await front_door.put_product("KETTLE")
    await front_door.receive("kettle-in", "BER1", KETTLE=1)
    checkout_id = (await front_door.order("kettle", lines=lines(KETTLE=1))).json()["checkout_id"]
    await front_door.become_payable(checkout_id)
    token = (await front_door.order("kettle", lines=lines(KETTLE=1))).json()["reservation"]["token"]
    place, mine = f"/checkouts/{checkout_id}/cancel", bearer("checkout")
    none = await front_door.http.post(place, headers=mine)
    wrong = await front_door.http.post(place, headers=mine | {"Reservation-Token": token + "x"})
    foreign = await front_door.http.post(
        place, headers=bearer("checkout", subject="other") | {"Reservation-Token": token}
    )
    away = await front_door.http.post(place, headers=mine | {"Reservation-Token": token})
    await front_door.release(checkout_id)
    done = await front_door.http.post(place, headers=mine | {"Reservation-Token": token})
    assert [r.status_code for r in (none, wrong, foreign, away, done)] == [403, 403, 404, 503, 200]
    assert none.json()["code"] == wrong.json()["code"] == "reservation-token-invalid"
    assert done.json()["status"] == "cancelled"
