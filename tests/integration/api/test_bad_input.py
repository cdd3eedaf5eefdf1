"""What is malformed has its answer, never a 5xx, and nothing of it is stored."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from tests.integration.api.front_door import FrontDoor, bearer, lines

KEY = {"Idempotency-Key": "bad-input"}
JSON = {"Content-Type": "application/json"}
CART = {"customer_id": "ANNA", "lines": [{"sku": "GLOBE", "quantity": 1}]}
RECEIPT = {"receipt_id": "R-1", "location": "BER1", "lines": [{"sku": "GLOBE", "quantity": 1}]}
PRODUCT = {"title": "Globe", "price_minor": 1, "currency": "EUR"}
LOCATION = {"kind": "warehouse", "priority": 1, "enabled": True}
HUGE = 10**5000

BAD_QUANTITIES = [0, -1, 10_001, 10**30, 1.0, 1.5, "1", True, None, [], {}, [1]]
BAD_IDS = [
    "",
    "a b",
    "a/b",
    "a.b",
    "-a",
    "a" * 129,
    "GLOBE\n",
    "GL\0OBE",
    "GLÖBE",
    7,
    None,
    True,
    ["A"],
]
BAD_SKUS = [*BAD_IDS, "a" * 65]
BAD_PRODUCTS: list[dict[str, Any]] = [
    {"title": ""},
    {"title": "x" * 501},
    {"title": "a\0b"},
    {"title": "a\nb"},
    {"title": "\ud800"},
    {"title": 7},
    {"price_minor": 0},
    {"price_minor": -1},
    {"price_minor": 100_000_000},
    {"price_minor": 1.0},
    {"price_minor": "1"},
    {"price_minor": True},
    {"currency": "eur"},
    {"currency": "EURO"},
    {"currency": "XYZ"},
    {"currency": "EUR\n"},
    {"limit_per_customer": 0},
    {"limit_per_customer": 1.5},
    {"sku": "GLOBE"},
]
BAD_LOCATIONS: list[dict[str, Any]] = [
    {"kind": "shop"},
    {"kind": "seller"},
    {"seller": "ACME"},
    {"kind": "seller", "seller": "A B"},
    {"reports": "maybe"},
    {"priority": -1},
    {"priority": "1"},
    {"priority": 2**31},
    {"priority": True},
    {"enabled": 1},
    {"enabled": "true"},
    {"enabled": None},
]
BAD_MOMENTS = [
    "yesterday",
    "2026-11-22",
    "2026-11-22T10:00:00",
    "2026-13-22T10:00:00Z",
    "1999-12-31T23:59:59Z",
    "9999-12-31T23:59:59-23:59",
    "0001-01-01T00:00:00+23:59",
    "2026-11-22T10:00:00Z\n",
    "2026-11-22T10:00:00+99:00",
    1_700_000_000,
    True,
]
BROKEN_BODIES = [
    b"",
    b" ",
    b"{",
    b"{}x",
    b"null",
    b"[]",
    b'"text"',
    b"7",
    b"\xff\xfe",
    b'{"customer_id": "\xff", "lines": []}',
    b"\xef\xbb\xbf{}",
    b'{"customer_id": "A", "customer_id": "B", "lines": [{"sku": "GLOBE", "quantity": 1}]}',
    b'{"customer_id": "A", "lines": [{"sku": "GLOBE", "quantity": NaN}]}',
    b'{"customer_id": "A", "lines": [{"sku": "GLOBE", "quantity": Infinity}]}',
    b'{"customer_id": "A", "lines": [{"sku": "GLOBE", "quantity": 1e400}]}',
    b'{"customer_id": "A", "lines": [{"sku": "GLOBE", "quantity": ' + b"9" * 5_000 + b"}]}",
    b"[" * 60_000,
    b'{"a":' * 10_000,
    b"[" * 30_000 + b"]" * 30_000,
]


@pytest.fixture(scope="session")
async def offered(front_door: FrontDoor) -> FrontDoor:
    """Give the API with something on offer."""
    await front_door.put_product("GLOBE")
    return front_door


@pytest.fixture
def unchanged(offered: FrontDoor) -> Iterator[FrontDoor]:
    """Give the API, and see that the test stored nothing."""
    before = offered.counts()
    yield offered
    assert offered.counts() == before


async def _post_cart(front_door: FrontDoor, body: Any) -> Any:
    return await _post(front_door, "/checkouts", body, bearer("checkout") | KEY)


async def _post(front_door: FrontDoor, path: str, body: Any, headers: dict[str, str]) -> Any:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await front_door.http.post(path, content=content, headers=headers | JSON)


def _is_malformed(response: Any) -> bool:
    body = response.json()
    assert response.headers["content-type"] == "application/problem+json"
    assert body["type"] == f"urn:onhand:problem:{body['code']}"
    assert all(set(error) == {"location", "message"} for error in body["errors"])
    return (response.status_code, body["code"]) == (422, "malformed")


@pytest.mark.parametrize("quantity", BAD_QUANTITIES, ids=str)
async def test_quantities_are_whole_numbers_from_1_to_10000(
    unchanged: FrontDoor, quantity: Any
) -> None:
    """For carts and receipts alike."""
    bad = [{"sku": "GLOBE", "quantity": quantity}]
    assert _is_malformed(await _post_cart(unchanged, CART | {"lines": bad}))
    receipt = await _post(
        unchanged, "/warehouse/receipts", RECEIPT | {"lines": bad}, bearer("warehouse")
    )
    assert _is_malformed(receipt)


@pytest.mark.parametrize("sku", BAD_SKUS, ids=repr)
async def test_skus_keep_to_their_alphabet(unchanged: FrontDoor, sku: Any) -> None:
    """A trailing newline and a NUL too."""
    bad = [{"sku": sku, "quantity": 1}]
    assert _is_malformed(await _post_cart(unchanged, CART | {"lines": bad}))


@pytest.mark.parametrize("bad", BAD_IDS, ids=repr)
async def test_ids_keep_to_their_alphabet(unchanged: FrontDoor, bad: Any) -> None:
    """Customers, carts, receipts and locations."""
    assert _is_malformed(await _post_cart(unchanged, CART | {"customer_id": bad}))
    if bad is not None:
        assert _is_malformed(await _post_cart(unchanged, CART | {"cart_id": bad}))
    for name in ("receipt_id", "location"):
        receipt = await _post(
            unchanged, "/warehouse/receipts", RECEIPT | {name: bad}, bearer("warehouse")
        )
        assert _is_malformed(receipt)


@pytest.mark.parametrize("body", BROKEN_BODIES, ids=lambda body: repr(body[:24]))
async def test_what_is_no_json_object_is_malformed(unchanged: FrontDoor, body: bytes) -> None:
    """Broken, nested beyond reason, in another encoding, or with one name twice."""
    assert _is_malformed(await _post_cart(unchanged, body))


@pytest.mark.parametrize("count", [0, 101])
async def test_a_cart_has_1_to_100_lines(unchanged: FrontDoor, count: int) -> None:
    """Lines, before they are added up."""
    bad = [{"sku": "GLOBE", "quantity": 1}] * count
    assert _is_malformed(await _post_cart(unchanged, CART | {"lines": bad}))


@pytest.mark.parametrize(
    "change",
    [
        {"ttl_seconds": 59},
        {"ttl_seconds": 3_601},
        {"ttl_seconds": "60"},
        {"ttl_seconds": True},
        {"ttl_seconds": 60.0},
        {"ttl_seconds": HUGE % 10**40 + 10**40},
        {"note": "please ring"},
        {"lines": {"sku": "GLOBE", "quantity": 1}},
        {"lines": [{"sku": "GLOBE", "quantity": 1, "price_minor": 1}]},
    ],
    ids=lambda change: str(change)[:40],
)
async def test_carts_are_strict(unchanged: FrontDoor, change: dict[str, Any]) -> None:
    """Nothing unknown, nothing out of bounds, no price from outside."""
    response = await _post_cart(unchanged, CART | change)
    assert _is_malformed(response)
    assert "please ring" not in response.text
    assert "note" not in response.text


@pytest.mark.parametrize("change", BAD_PRODUCTS, ids=lambda change: ascii(change)[:40])
async def test_products_are_strict(unchanged: FrontDoor, change: dict[str, Any]) -> None:
    """Titles without control characters, prices in whole coins, currencies that exist."""
    response = await unchanged.http.put(
        "/products/GLOBE",
        content=json.dumps(PRODUCT | change).encode(),
        headers=bearer("stock:write") | JSON,
    )
    assert _is_malformed(response)


@pytest.mark.parametrize("change", BAD_LOCATIONS, ids=str)
async def test_locations_are_strict(unchanged: FrontDoor, change: dict[str, Any]) -> None:
    """A seller's location names its seller, and no other does."""
    response = await unchanged.http.put(
        "/locations/MUC9", json=LOCATION | change, headers=bearer("stock:write")
    )
    assert _is_malformed(response)


@pytest.mark.parametrize("moment", BAD_MOMENTS, ids=repr)
async def test_times_have_a_zone_and_are_of_our_days(unchanged: FrontDoor, moment: Any) -> None:
    """An absurd time would sort before or after everything for ever."""
    response = await _post(
        unchanged, "/warehouse/receipts", RECEIPT | {"occurred_at": moment}, bearer("warehouse")
    )
    assert _is_malformed(response)


@pytest.mark.parametrize("path", ["a b", "a%0A", "a.b", "%00", "a" * 65, "%FF", "GL%C3%96BE"])
async def test_ids_in_addresses(unchanged: FrontDoor, path: str) -> None:
    """Malformed where something would be made, unknown where something is looked up."""
    write, read = bearer("stock:write"), bearer("stock:read", "checkout")
    http = unchanged.http
    assert _is_malformed(await http.put(f"/products/{path}", json=PRODUCT, headers=write))
    assert _is_malformed(await http.put(f"/locations/{path}", json=LOCATION, headers=write))
    for place in (f"/stock/{path}", f"/checkouts/{path}"):
        response = await http.get(place, headers=read)
        assert response.status_code == 404


@pytest.mark.parametrize(
    "kind",
    ["", "text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin-1",
     "application/problem+json", "application/jsonp"],
)  # fmt: skip
async def test_only_json_is_read(unchanged: FrontDoor, kind: str) -> None:
    """Whatever the bytes would mean."""
    response = await unchanged.http.post(
        "/checkouts",
        content=json.dumps(CART).encode(),
        headers=bearer("checkout") | KEY | {"Content-Type": kind},
    )
    assert (response.status_code, response.json()["code"]) == (415, "unsupported-media-type")


@pytest.mark.parametrize("path", ["/checkouts", "/warehouse/receipts", "/webhooks/stripe"])
@pytest.mark.parametrize("chunked", [False, True])
async def test_large_bodies_are_refused(unchanged: FrontDoor, path: str, *, chunked: bool) -> None:
    """Declared or counted: one byte above 64 KiB is too much, and exactly 64 KiB is not."""

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(64):
            yield b" " * 1_024
        yield b"x"

    headers = bearer("checkout", "warehouse") | KEY | JSON
    content: Any = pieces() if chunked else b" " * (64 * 1_024 + 1)
    large = await unchanged.http.post(path, content=content, headers=headers)
    fits = await unchanged.http.post(path, content=b" " * 64 * 1_024, headers=headers)
    assert (large.status_code, large.json()["code"]) == (413, "body-too-large")
    assert fits.status_code in (400, 422)


async def test_refusals_come_in_their_order(unchanged: FrontDoor) -> None:
    """Who one is, then what one may, then the kind of the body, its size, and its content."""
    large, http = b"x" * 70_000, unchanged.http
    text = {"Content-Type": "text/plain"}
    steps = [
        ({}, 401),
        (bearer("warehouse"), 403),
        (bearer("checkout"), 400),
        (bearer("checkout") | KEY | text, 415),
        (bearer("checkout") | KEY | JSON, 413),
    ]
    for headers, expected in steps:
        response = await http.post("/checkouts", content=large, headers=text | headers)
        assert response.status_code == expected
        assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "schlüssel", "a\tb"])
async def test_idempotency_keys_are_visible_ascii(unchanged: FrontDoor, key: str) -> None:
    """At most 255 characters of it."""
    sent = bearer("checkout") | JSON | {"Idempotency-Key": key}
    headers = [(name.encode(), value.encode("latin-1")) for name, value in sent.items()]
    response = await unchanged.http.post(
        "/checkouts", content=json.dumps(CART).encode(), headers=headers
    )
    assert _is_malformed(response)


async def test_idempotency_keys_are_needed_and_single(unchanged: FrontDoor) -> None:
    """Missing is a case of its own; two of them name no one wish."""
    missing = await unchanged.http.post("/checkouts", json=CART, headers=bearer("checkout"))
    twice = await unchanged.http.post(
        "/checkouts",
        json=CART,
        headers=[*bearer("checkout").items(), ("Idempotency-Key", "a"), ("Idempotency-Key", "b")],
    )
    assert (missing.status_code, missing.json()["code"]) == (400, "idempotency-key-missing")
    assert _is_malformed(twice)


async def test_facts_that_refuse_a_cart_are_not_remembered(unchanged: FrontDoor) -> None:
    """Unknown skus, two currencies, a total beyond what can be charged: no row, so the key stays free."""
    await unchanged.put_product("GLOBE")
    unknown = await unchanged.order("refused", lines=lines(GLOBE=1, NOSUCH=1))
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown-sku")
    assert unknown.json()["skus"] == ["NOSUCH"]
    foreign = await unchanged.order(
        "refused", headers=bearer("checkout", customer_id="BERTA"), lines=lines(GLOBE=1)
    )
    assert (foreign.status_code, foreign.json()["code"]) == (403, "other-customer")


async def test_carts_that_cannot_be_charged(front_door: FrontDoor) -> None:
    """Duplicate lines are added up before the total is judged."""
    await front_door.put_product("YACHT", price_minor=99_999_999)
    await front_door.put_product("SAKE", currency="JPY")
    await front_door.put_product("GLOBE")
    before = front_door.counts()
    large = await front_door.order("yachts", lines=[*lines(YACHT=1), *lines(YACHT=1)])
    mixed = await front_door.order("mixed", lines=lines(SAKE=1, GLOBE=1))
    assert (large.status_code, large.json()["code"]) == (422, "total-too-large")
    assert (mixed.status_code, mixed.json()["code"]) == (422, "mixed-currency")
    assert front_door.counts() == before


async def test_receipts_name_what_exists(unchanged: FrontDoor) -> None:
    """And an unknown place or sku leaves no trace, not even of the receipt's key."""
    elsewhere = await unchanged.receive("R-nowhere", "NOWHERE", GLOBE=1)
    unknown = await unchanged.receive("R-unknown", "BER1", NOSUCH=1)
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (404, "unknown-location")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown-sku")


async def test_addresses_and_methods_that_do_not_exist(unchanged: FrontDoor) -> None:
    """Problems like all others."""
    nowhere = await unchanged.http.get("/nowhere")
    method = await unchanged.http.delete("/checkouts")
    slash = await unchanged.http.get("/healthz/")
    assert (nowhere.status_code, nowhere.json()["code"]) == (404, "not-found")
    assert (method.status_code, method.json()["code"]) == (405, "method-not-allowed")
    assert method.headers["allow"] == "POST"
    assert slash.status_code == 404
