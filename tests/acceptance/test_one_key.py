"""One Idempotency-Key is one checkout and one answer, for ever."""

from __future__ import annotations

from collections.abc import Callable

import httpx2

from tests.acceptance.facts import rows, together
from tests.acceptance.stacks import Stack
from tests.acceptance.storefront import Json, Storefront, new_key, wish


async def test_twenty_posts_at_once_under_one_key_are_one_checkout_and_one_answer(
    stack: Stack, shop: Storefront
) -> None:
    """A customer who clicks twenty times buys one vase."""
    vase = await shop.stocked("VASE", 20)
    key, body = new_key(), wish(vase)
    answers = await together(*(shop.post(key, body) for _ in range(20)))
    repeat = await shop.decided(key, body)

    assert {answer.status_code for answer in answers} <= {201, 202}
    told = [answer for answer in [*answers, repeat] if answer.status_code == 201]
    assert {answer.content for answer in told} == {repeat.content}
    assert sum("Idempotency-Replayed" not in answer.headers for answer in told) <= 1
    assert repeat.headers["Idempotency-Replayed"] == "true"
    assert {answer.json()["checkout_id"] for answer in answers} == {repeat.json()["checkout_id"]}
    made = rows(stack.runtime, "SELECT checkout_id FROM checkout_line WHERE sku = %s", vase)
    assert len(made) == 1
    assert (await shop.stock(vase))["reserved"] == 1


async def test_another_wish_under_a_used_key_is_refused_and_changes_nothing(
    shop: Storefront,
) -> None:
    """Whatever is different: the quantity, the sku, the customer or the time to pay."""
    vase, bowl = await shop.stocked("VASE", 9), await shop.stocked("BOWL", 9)
    key = new_key()
    first = await shop.decided(key, wish(vase))
    others = [
        wish(vase, 2),
        wish(bowl),
        wish(vase, customer="bob"),
        wish(vase, ttl_seconds=60),
        wish(vase, cart_id="cart-1"),
    ]
    for other in others:
        refused = await shop.post(key, other)
        assert (refused.status_code, refused.json()["code"]) == (422, "idempotency-key-reused")
    assert (await shop.decided(key, wish(vase))).content == first.content
    assert ((await shop.stock(vase))["reserved"], (await shop.stock(bowl))["reserved"]) == (1, 0)


async def test_two_owners_may_use_the_same_key(stack: Stack, shop: Storefront) -> None:
    """Keys are a caller's own: one shop must not read another's answers by guessing."""
    vase = await shop.stocked("VASE", 2)
    key = new_key()
    async with Storefront.open(stack.runtime, owner="rival") as rival:
        ours, theirs = await shop.decided(key, wish(vase)), await rival.decided(key, wish(vase))
        assert ours.json()["checkout_id"] != theirs.json()["checkout_id"]
        assert await rival.look(ours.json()["checkout_id"]) == {}
    assert (await shop.stock(vase))["reserved"] == 2


async def test_the_answer_is_the_same_when_the_checkout_has_ended(shop: Storefront) -> None:
    """The first decision is told as of then: paid, cancelled, expired, or refused for want of stock."""
    vase = await shop.stocked("VASE", 9)
    told = {ending: await _ended_checkout(shop, vase, ending) for ending in ENDINGS}
    for ending, (key, first) in told.items():
        repeat = await shop.decided(key, ENDINGS[ending](vase))
        assert (ending, repeat.status_code, repeat.content) == (
            ending,
            first.status_code,
            first.content,
        )
        assert repeat.headers["Idempotency-Replayed"] == "true"


async def test_the_answer_is_the_same_after_a_restart_of_everything(
    mortal: Stack, mortal_shop: Storefront
) -> None:
    """Nothing of it lives in memory; and when the stack has stopped, nothing of that lives either."""
    shop = mortal_shop
    vase = await shop.stocked("VASE", 9)
    told = {ending: await _ended_checkout(shop, vase, ending) for ending in ENDINGS}
    open_key = new_key()
    still_open = await shop.decided(open_key, wish(vase))

    assert mortal.stop() == set()
    mortal.start()

    for ending, (key, first) in told.items():
        repeat = await shop.decided(key, ENDINGS[ending](vase))
        assert (ending, repeat.content) == (ending, first.content)
    assert (await shop.decided(open_key, wish(vase))).content == still_open.content
    refused = await shop.post(open_key, wish(vase, 2))
    assert (refused.status_code, refused.json()["code"]) == (422, "idempotency-key-reused")


ENDINGS: dict[str, Callable[[str], Json]] = {
    "confirmed": wish,
    "cancelled": lambda sku: wish(sku, 2),
    "expired": lambda sku: wish(sku, ttl_seconds=1),
    "out_of_stock": lambda sku: wish(sku, 10),
}


async def _ended_checkout(shop: Storefront, sku: str, ending: str) -> tuple[str, httpx2.Response]:
    """Bring a checkout to this end; give its key and the first answer under it."""
    key = new_key()
    first = await shop.decided(key, ENDINGS[ending](sku))
    if ending == "confirmed":
        await shop.pay(first)
    if ending == "cancelled":
        assert (await shop.cancel(first)).status_code == 200
    status, _, _ = await shop.ended(first.json()["checkout_id"])
    assert status == ending
    if ending == "out_of_stock":
        await shop.receive(sku, 20)
    return key, first
