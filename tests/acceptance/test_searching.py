"""What a customer finds, on the whole stack."""

from __future__ import annotations

import httpx2

from tests.acceptance.facts import eventually
from tests.acceptance.stacks import Stack
from tests.acceptance.storefront import Json, Storefront, new_key, wish


async def test_a_customer_finds_what_there_is_and_not_what_was_just_sold(
    stack: Stack, shop: Storefront
) -> None:
    """Mistyped, without a token; the last one that is held by another is out of stock."""
    sku = await shop.stocked("Xylophone", 1)

    async def found(in_stock: str) -> Json:
        query = {"q": "xylofone", "in_stock": in_stock}
        async with httpx2.AsyncClient(base_url=stack.runtime.api) as anybody:
            answer = await anybody.get("/search", params=query)
        items = answer.json()["items"] if answer.is_success else []
        return {item["sku"]: item["availability"]["available"] for item in items}

    await eventually(lambda: found("true"), lambda seen: seen == {sku: 1})
    decision = await shop.decided(new_key(), wish(sku))
    assert decision.status_code == 201
    await eventually(lambda: found("false"), lambda seen: seen == {sku: 0})
    await shop.cancel(decision)
    await eventually(lambda: found("true"), lambda seen: seen == {sku: 1})
