"""Whatever is asked of the real server is answered as the contract says, and nothing of it is stored."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import httpx2

from tests.acceptance.problems import refused
from tests.acceptance.storefront import JSON, Storefront, line, new_key, new_sku


async def ask(
    shop: Storefront, word: str, *lines: Any, key: str | None = None, **rest: Any
) -> httpx2.Response:
    """Ask for a checkout of these lines; the customer bears the word."""
    return await shop.post(key or new_key(), {"customer_id": word, "lines": list(lines), **rest})


QUANTITIES = [0, -1, 10_001, 10**30, 1.5, 1.0, "1", "one", "", True, None, [1], {}]


async def test_a_quantity_that_is_no_number_of_things_is_refused(
    shop: Storefront, sold: str, word: str
) -> None:
    """Integers from 1 to 10,000, in checkouts as in receipts."""
    for quantity in QUANTITIES:
        refused(await ask(shop, word, line(sold, quantity)), 422, "malformed", quantity)
        receipt = {"receipt_id": word, "location": "BER1", "lines": [line(sold, quantity)]}
        answer = await shop.api.post("/warehouse/receipts", json=receipt)
        refused(answer, 422, "malformed", quantity)


async def test_a_sku_that_nobody_sells_is_unknown(shop: Storefront, sold: str, word: str) -> None:
    """However it is asked for, and one is enough."""
    refused(await ask(shop, word, line(word)), 404, "unknown-sku")
    refused(await ask(shop, word, line(sold), line(word)), 404, "unknown-sku")
    refused(await shop.api.get(f"/stock/{word}"), 404, "unknown-sku")


async def test_lines_of_one_sku_are_one_line(shop: Storefront, sold: str) -> None:
    """A cart that names a sku twice means both."""
    answer = await shop.decided(
        new_key(), {"customer_id": "canary-twin", "lines": [line(sold, 2), line(sold, 3)]}
    )
    opened = answer.json()
    assert answer.status_code == 201
    assert [held["quantity"] for held in opened["reservation"]["lines"]] == [5]
    assert opened["payment"]["amount_minor"] == 5 * 1_500


async def test_a_cart_has_one_to_a_hundred_lines(shop: Storefront, sold: str, word: str) -> None:
    """Also where they are all of one sku."""
    refused(await ask(shop, word), 422, "malformed")
    refused(await ask(shop, word, *[line(sold)] * 101), 422, "malformed")


WISHES: list[dict[str, Any]] = [
    {"customer_id": "{word}-" + "x" * 129},
    {"customer_id": "{word}\0"},
    {"customer_id": "{word} with space"},
    {"customer_id": "{word}/.."},
    {"customer_id": ""},
    {"customer_id": None},
    {"customer_id": 7},
    {"cart_id": "{word}\n"},
    {"ttl_seconds": 0},
    {"ttl_seconds": -1},
    {"ttl_seconds": 3_601},
    {"ttl_seconds": 1.5},
    {"ttl_seconds": True},
    {"lines": "{word}"},
    {"lines": [{"sku": "{word}\0", "quantity": 1}]},
    {"lines": [{"sku": "{word}" + "x" * 64, "quantity": 1}]},
    {"lines": [{"sku": "{word}", "quantity": 1, "price_minor": 1}]},
    {"coupon": "{word}"},
]


async def test_a_malformed_wish_is_refused(shop: Storefront, sold: str, word: str) -> None:
    """NUL, over-long ids, unknown fields: all is looked at before anything is done."""
    for change in WISHES:
        whole = {"customer_id": word, "lines": [line(sold)], **change}
        body = json.loads(json.dumps(whole).replace("{word}", word))
        refused(await shop.post(new_key(), body), 422, "malformed", change)


BROKEN = [
    b"",
    b"{",
    b"[]",
    b"null",
    b'"{word}"',
    b'{"customer_id": "{word}"',
    b'{"customer_id": "{word}", "customer_id": "{word}", "lines": []}',
    b'{"customer_id": "{word}", "lines": [{"sku": "{sku}", "quantity": NaN}]}',
    b'{"customer_id": "{word}", "lines": [{"sku": "{sku}", "quantity": 1}]} more',
    b'{"customer_id": "{word}\xff", "lines": [{"sku": "{sku}", "quantity": 1}]}',
    b'{"customer_id": "{word}\\ud800", "lines": [{"sku": "{sku}", "quantity": 1}]}',
    b"\xef\xbb\xbf{}",
    b"[" * 60_000,
]


async def test_broken_json_is_refused(shop: Storefront, sold: str, word: str) -> None:
    """Strictly: a name twice, a NaN, half a character and endless brackets are no JSON of ours."""
    headers = {"Idempotency-Key": new_key(), **JSON}
    for text, address in product(BROKEN, ["/checkouts", "/warehouse/receipts"]):
        content = text.replace(b"{word}", word.encode()).replace(b"{sku}", sold.encode())
        answer = await shop.api.post(address, content=content, headers=headers)
        refused(answer, 422, "malformed", text[:80])


async def test_a_checkout_needs_one_key_of_visible_characters(
    shop: Storefront, sold: str, word: str
) -> None:
    """At most 255 of them."""
    body = {"customer_id": word, "lines": [line(sold)]}
    refused(await shop.api.post("/checkouts", json=body), 400, "idempotency-key-missing")
    for key in ("", "two words", "k" * 256, "clé", "tab\there"):
        headers = {b"Idempotency-Key": key.encode()}
        refused(await shop.api.post("/checkouts", json=body, headers=headers), 422, "malformed")
    twice = [("Idempotency-Key", "canary-1"), ("Idempotency-Key", "canary-2")]
    refused(await shop.api.post("/checkouts", json=body, headers=twice), 422, "malformed")


async def test_a_wish_that_cannot_be_charged_is_refused(
    shop: Storefront, sold: str, word: str
) -> None:
    """Two currencies in one cart, and more than the provider takes at once."""
    dollars, dear = new_sku("DOLLARS"), new_sku("DEAR")
    for sku, price, currency in ((dollars, 100, "USD"), (dear, 99_999_999, "EUR")):
        product = {"title": "Dear", "price_minor": price, "currency": currency}
        assert (await shop.api.put(f"/products/{sku}", json=product)).status_code == 201
    refused(await ask(shop, word, line(sold), line(dollars)), 422, "mixed-currency")
    refused(await ask(shop, word, line(dear, 2)), 422, "total-too-large")


PRODUCTS: list[dict[str, Any]] = [
    {"price_minor": 0},
    {"price_minor": 100_000_000},
    {"price_minor": 1.5},
    {"price_minor": "1"},
    {"currency": "XYZ"},
    {"currency": "eur"},
    {"title": ""},
    {"title": "{word}\0"},
    {"limit_per_customer": 0},
    {"colour": "{word}"},
]


async def test_a_malformed_product_is_refused(shop: Storefront, word: str) -> None:
    """The catalogue holds what can be sold."""
    for change in PRODUCTS:
        whole = {"title": word, "price_minor": 100, "currency": "EUR", **change}
        answer = await shop.api.put(f"/products/{word}", json=whole)
        refused(answer, 422, "malformed", change)


async def test_goods_at_an_unknown_place_or_of_an_unknown_sku_are_not_taken_in(
    shop: Storefront, sold: str, word: str
) -> None:
    """A receipt is booked whole or not at all."""
    good = {"receipt_id": word, "location": "BER1", "lines": [line(sold)]}
    elsewhere = await shop.api.post("/warehouse/receipts", json=good | {"location": word})
    refused(elsewhere, 404, "unknown-location")
    unknown = good | {"lines": [line(sold), line(word)]}
    refused(await shop.api.post("/warehouse/receipts", json=unknown), 404, "unknown-sku")


async def test_a_receipt_under_a_used_id_is_refused(shop: Storefront, sold: str) -> None:
    """The same again gives the same answer and adds nothing; another content is a conflict."""
    body = {"receipt_id": new_sku("receipt"), "location": "BER1", "lines": [line(sold, 2)]}
    first = await shop.api.post("/warehouse/receipts", json=body)
    shelf = await shop.stock(sold)
    again = await shop.api.post("/warehouse/receipts", json=body)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    other = body | {"lines": [line(sold, 3)]}
    refused(await shop.api.post("/warehouse/receipts", json=other), 409, "key-reused")
    assert await shop.stock(sold) == shelf
