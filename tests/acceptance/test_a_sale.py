"""Many buyers, few units: the promise that nothing is sold twice, through the whole saga and with money."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from tests.acceptance.facts import intents_of, together
from tests.acceptance.sizes import BUYERS, BUYERS_AT_ONCE, UNITS
from tests.acceptance.stacks import Stack
from tests.acceptance.storefront import Storefront, new_key, wish

PRICE_MINOR = 4_000


@pytest.mark.proof
@pytest.mark.timeout(300)
async def test_of_many_buyers_as_many_are_served_as_there_are_units(
    stack: Stack, shop: Storefront
) -> None:
    """Everybody else is told why, keeps their money, and nothing stays held for them."""
    poster = await shop.stocked("POSTER", UNITS, PRICE_MINOR)
    crowd = asyncio.Semaphore(BUYERS_AT_ONCE)

    async def buy(number: int) -> tuple[str, str]:
        async with crowd:
            return await _bought(shop, poster, f"fan-{number}")

    ends = await together(*(buy(number) for number in range(BUYERS)))

    told = Counter(end for _, end in ends)
    assert told == {"confirmed": UNITS, "insufficient-stock": BUYERS - UNITS}
    shelf = await shop.stock(poster)
    assert (shelf["sold"], shelf["reserved"], shelf["available"]) == (UNITS, 0, 0)
    assert shelf["totals"]["sold"] == UNITS
    await _money_agrees(stack, dict(ends))


async def _bought(shop: Storefront, sku: str, customer: str) -> tuple[str, str]:
    """Buy one, and give the checkout and how it ended."""
    decision = await shop.decided(new_key(), wish(sku, customer=customer))
    told = decision.json()
    if decision.status_code != 201:
        return told["checkout_id"], told["code"]
    assert await shop.pay(decision) == 200
    status, _, _ = await shop.ended(told["checkout_id"])
    return told["checkout_id"], status


async def _money_agrees(stack: Stack, ends: dict[str, str]) -> None:
    """Exactly the confirmed ones were charged, once and in full."""
    assert len(ends) == BUYERS
    for checkout_id, intents in (await intents_of(stack.runtime, ends)).items():
        charged = [intent["amount_received"] for intent in intents if intent["amount_received"]]
        assert charged == ([PRICE_MINOR] if ends[checkout_id] == "confirmed" else [])
        assert {intent["status"] for intent in intents} <= {"succeeded", "canceled"}
