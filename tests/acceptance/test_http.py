"""Requests that no client of ours would make: too large, of another kind, to nowhere, or not even HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

from dev.runtime import Runtime
from tests.acceptance.problems import refused
from tests.acceptance.stacks import Stack
from tests.acceptance.storefront import JSON, Storefront, line, new_key

BODY_BYTES_MOST = 64 * 1024


async def test_another_content_type_is_refused(shop: Storefront, sold: str, word: str) -> None:
    """A browser's form cannot be made to look like a call of the API."""
    content = json.dumps({"customer_id": word, "lines": [line(sold)]}).encode()
    form = "application/x-www-form-urlencoded"
    for kind in (None, "", "text/plain", form, "application/json; charset=latin1"):
        headers = {"Idempotency-Key": new_key()} | ({} if kind is None else {"Content-Type": kind})
        answer = await shop.api.post("/checkouts", content=content, headers=headers)
        refused(answer, 415, "unsupported-media-type", kind)


async def test_a_body_over_64_kib_is_refused(shop: Storefront, word: str) -> None:
    """Whether it says how long it is or comes in chunks."""
    body = json.dumps({"customer_id": word}).encode().ljust(BODY_BYTES_MOST + 1)

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 4_096):
            yield body[start : start + 4_096]

    headers = {"Idempotency-Key": new_key(), **JSON}
    for address in ("/checkouts", "/warehouse/receipts", "/webhooks/stripe"):
        for content in (body, chunks()):
            answer = await shop.api.post(address, content=content, headers=headers)
            refused(answer, 413, "body-too-large", address)


async def test_a_body_of_64_kib_is_read(shop: Storefront, sold: str, word: str) -> None:
    """The bound itself is inside."""
    text = json.dumps({"customer_id": word, "lines": [line(sold, 0)]}).encode()
    headers = {"Idempotency-Key": new_key(), **JSON}
    answer = await shop.api.post("/checkouts", content=text.ljust(BODY_BYTES_MOST), headers=headers)
    refused(answer, 422, "malformed")


CHAIR = {"title": "Chair", "price_minor": 1, "currency": "EUR"}
PLACE = {"kind": "warehouse", "priority": 1, "enabled": True}
ADDRESSES: list[tuple[str, str, object, int, str]] = [
    ("GET", "/stock/%00", None, 404, "unknown-sku"),
    ("GET", "/stock/a%00b", None, 404, "unknown-sku"),
    ("GET", "/stock/..%2f..%2fetc", None, 404, "not-found"),
    ("GET", "/stock/" + "x" * 65, None, 404, "unknown-sku"),
    ("GET", "/stock/" + "x" * 20_000, None, 404, "unknown-sku"),
    ("GET", "/checkouts/%00", None, 404, "unknown-checkout"),
    ("GET", "/checkouts/co_x", None, 404, "unknown-checkout"),
    ("GET", "/checkouts/%ff%fe", None, 404, "unknown-checkout"),
    ("GET", "/nowhere", None, 404, "not-found"),
    ("PUT", "/products/%00", CHAIR, 422, "malformed"),
    ("PUT", "/products/" + "x" * 65, CHAIR, 422, "malformed"),
    ("PUT", "/locations/a.b", PLACE, 422, "malformed"),
    ("DELETE", "/checkouts", None, 405, "method-not-allowed"),
    ("POST", "/checkouts/", None, 404, "not-found"),
]


async def test_an_address_that_leads_nowhere_is_answered(shop: Storefront, word: str) -> None:
    """NUL, dots, bytes that are no text, and methods that are not there."""
    for method, address, body, status, code in ADDRESSES:
        answer = await shop.api.request(method, address, json=body)
        refused(answer, status, code, address)


NO_HTTP = [
    b"GET /stock/\0 HTTP/1.1\r\nHost: onhand\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nHost: onhand\r\nX-Large: " + b"x" * 10_000_000 + b"\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nHost: onhand\r\nIdempotency-Key: \0\r\n\r\n",
    b"POST /checkouts HTTP/1.1\r\nHost: onhand\r\nContent-Length: -1\r\n\r\n",
    b"POST /checkouts HTTP/1.1\r\nHost: onhand\r\nContent-Length: many\r\n\r\n",
    b"POST /webhooks/stripe HTTP/1.1\r\nHost: onhand\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"\0\0\0\0\r\n\r\n",
]


async def test_what_is_no_http_is_turned_away_and_the_server_goes_on(
    stack: Stack, shop: Storefront
) -> None:
    """By the server itself, with its own 4xx or by hanging up; never by breaking."""
    for text in NO_HTTP:
        answer = await spoken(stack.runtime, text)
        assert not answer or answer.startswith(b"HTTP/1.1 4"), (text[:80], answer[:200])
    assert (await shop.api.get("/healthz")).status_code == 200


async def spoken(runtime: Runtime, text: bytes) -> bytes:
    """Say this to the API's port and listen until it hangs up; then it has said what it has to say."""
    host, _, port = runtime.api.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(text)
        await writer.drain()
        writer.write_eof()
        return await asyncio.wait_for(reader.read(), 10)
    except ConnectionError:
        return b""
    finally:
        writer.close()
