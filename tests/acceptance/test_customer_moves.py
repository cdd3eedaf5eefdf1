"""What a customer may do with a checkout that is open: have more time, try another card, begin again."""

from __future__ import annotations

from datetime import datetime

import httpx2

from tests.acceptance.storefront import Json, Storefront, new_key, new_sku, wish

DEBIT = "pm_usBankAccount_success"


async def extended(
    shop: Storefront, decision: httpx2.Response, extension: int, seconds: int = 60
) -> httpx2.Response:
    """Ask for more time."""
    opened = decision.json()
    return await shop.api.post(
        f"/checkouts/{opened['checkout_id']}/extend",
        json={"seconds": seconds, "extension": extension},
        headers={"Reservation-Token": opened["reservation"]["token"]},
    )


def end_of(checkout: Json) -> datetime:
    """Read when the hold ends."""
    return datetime.fromisoformat(checkout["reservation"]["expires_at"])


async def test_a_hold_is_extended_twice_and_each_time_once(shop: Storefront) -> None:
    """A repetition answers the same; another number or other seconds are refused, with nothing changed."""
    decision = await shop.decided(new_key(), wish(await shop.stocked("CLOCK", 1), ttl_seconds=60))
    begun = end_of(decision.json())

    early = await extended(shop, decision, 2)
    first = await extended(shop, decision, 1)
    again = await extended(shop, decision, 1)
    other = await extended(shop, decision, 1, seconds=61)
    second = await extended(shop, decision, 2, seconds=30)

    assert (early.status_code, early.json()["code"]) == (409, "not-the-next")
    assert (first.status_code, again.status_code, second.status_code) == (200, 200, 200)
    assert (end_of(first.json()) - begun).total_seconds() == 60
    assert end_of(again.json()) == end_of(first.json())
    assert (other.status_code, other.json()["code"]) == (409, "key-reused")
    assert (end_of(second.json()) - begun).total_seconds() == 90
    assert second.json()["reservation"]["extensions"] == 2
    assert await shop.pay(decision) == 200
    assert await shop.ended(decision.json()["checkout_id"]) == (
        "confirmed",
        "confirmed",
        "captured",
    )
    late = await extended(shop, decision, 2, seconds=30)
    assert late.status_code == 200, "what was granted stays granted, whatever came after"


async def test_a_hold_that_was_extended_outlives_its_first_end(shop: Storefront) -> None:
    """Paid after the first TTL and before the second: one reservation, never let go."""
    decision = await shop.decided(new_key(), wish(await shop.stocked("CLOCK", 1), ttl_seconds=2))

    answer = await extended(shop, decision, 1, seconds=60)
    first_end = end_of(decision.json())
    await shop.until_past(first_end)

    assert answer.status_code == 200
    assert await shop.pay(decision) == 200
    checkout_id = decision.json()["checkout_id"]
    assert (await shop.ended(checkout_id))[0] == "confirmed"
    assert (await shop.look(checkout_id))["reservation"]["id"] == f"{checkout_id}/1"


async def test_nobody_extends_without_the_token_or_beyond_the_bounds(shop: Storefront) -> None:
    """Nor a checkout of somebody else's, which looks like none."""
    decision = await shop.decided(new_key(), wish(await shop.stocked("CLOCK", 1)))
    opened = decision.json()
    path = f"/checkouts/{opened['checkout_id']}/extend"
    token = {"Reservation-Token": opened["reservation"]["token"]}

    bare = await shop.api.post(path, json={"seconds": 60, "extension": 1})
    third = await shop.api.post(path, json={"seconds": 60, "extension": 3}, headers=token)
    long = await shop.api.post(path, json={"seconds": 601, "extension": 1}, headers=token)
    nobodys = await shop.api.post(
        f"/checkouts/co_{'a' * 26}/extend", json={"seconds": 60, "extension": 1}, headers=token
    )

    assert (bare.status_code, bare.json()["code"]) == (403, "reservation-token-invalid")
    assert (third.status_code, long.status_code) == (422, 422)
    assert nobodys.status_code == 404
    assert (await shop.look(opened["checkout_id"]))["reservation"]["extensions"] == 0
    assert (await shop.cancel(decision)).status_code == 200
    ended = await extended(shop, decision, 1)
    assert (ended.status_code, ended.json()["code"]) == (409, "already-cancelled")


async def test_a_cart_that_begins_again_is_paid_once(shop: Storefront) -> None:
    """The older attempt is cancelled at the provider before the newer may be paid."""
    sku, cart = await shop.stocked("CLOCK", 5), new_sku("cart")
    older = await shop.decided(new_key(), wish(sku, cart_id=cart))

    newer = await shop.decided(new_key(), wish(sku, cart_id=cart))

    assert newer.status_code == 201
    assert await shop.pay(older) != 200, "the provider knows it no longer"
    assert await shop.pay(newer) == 200
    assert await shop.ended(older.json()["checkout_id"]) == ("cancelled", "released", "voided")
    assert (await shop.ended(newer.json()["checkout_id"]))[0] == "confirmed"
    shelf = await shop.stock(sku)
    assert (shelf["sold"], shelf["reserved"], shelf["available"]) == (1, 0, 4)


async def test_a_cart_whose_debit_is_under_way_waits_for_its_end(shop: Storefront) -> None:
    """Its money may still be taken: however often a second attempt is repeated, it waits until it is not."""
    sku, cart = await shop.stocked("CLOCK", 5), new_sku("cart")
    older = await shop.decided(new_key(), wish(sku, cart_id=cart, ttl_seconds=600))
    assert await shop.pay(older, DEBIT) == 200

    newer = await shop.decided(new_key(), wish(sku, cart_id=cart))

    first = (await shop.look(older.json()["checkout_id"]))["payment"]["state"]
    if newer.status_code == 201:
        assert first in ("voided", "refunding", "refunded", "captured")
    else:
        assert newer.json()["code"] == "already-committing"
        assert first == "captured"
