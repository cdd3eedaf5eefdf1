"""Webhooks over the wire: only what the provider signed just now is stored, once, and it is a hint, never a fact."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import uuid
from typing import Any

import httpx2

from tests.acceptance.facts import eventually, mentions, rows
from tests.acceptance.stacks import Stack
from tests.acceptance.storefront import Storefront, new_key, wish

AUTHORIZED = "payment_intent.amount_capturable_updated"
INBOX = {"webhook_event": 1}
"""What an event leaves: its row in the inbox, and its id nowhere else."""


def new_event(intent: str = "pi_of_nobody", kind: str = AUTHORIZED, **rest: Any) -> dict[str, Any]:
    """Write an event as the provider does."""
    about = {"id": intent, "object": "payment_intent", "status": "requires_capture"}
    return {
        "id": f"evt_{uuid.uuid4().hex}",
        "object": "event",
        "created": int(time.time()),
        "data": {"object": about},
        "type": kind,
        **rest,
    }


def signature(body: bytes, secret: str, *, shifted_seconds: int = 0) -> str:
    """Sign it as the provider does, at another time if asked."""
    signed_at = int(time.time()) + shifted_seconds
    proof = hmac.new(secret.encode(), f"{signed_at}.".encode() + body, hashlib.sha256)
    return f"t={signed_at},v1={proof.hexdigest()}"


async def deliver(
    stack: Stack, body: bytes, signed: str | None = None, *, shifted_seconds: int = 0
) -> httpx2.Response:
    """Post it to the API, with a good signature unless another one is given."""
    good = signature(body, stack.runtime.webhook_secret, shifted_seconds=shifted_seconds)
    headers = {
        "Content-Type": "application/json",
        "Stripe-Signature": good if signed is None else signed,
    }
    async with httpx2.AsyncClient(base_url=stack.runtime.api) as provider:
        return await provider.post("/webhooks/stripe", content=body, headers=headers)


def told(answer: httpx2.Response) -> tuple[int, str | None]:
    """Give status and code."""
    return answer.status_code, answer.json().get("code")


async def test_a_forged_event_is_refused_and_not_stored(stack: Stack) -> None:
    """Signed by somebody else, for another body, twice, not at all, or with nonsense."""
    event = new_event()
    body = json.dumps(event).encode()
    good = signature(body, stack.runtime.webhook_secret)
    forgeries = [
        signature(body, "whsec_of_somebody_else"),
        signature(body, ""),
        signature(body + b" ", stack.runtime.webhook_secret),
        good.replace("v1=", "v0="),
        good[:-1],
        f"{good.partition(',')[0]},{good}",
        f"t=1,{good.partition(',')[2]}",
        good.replace("t=", "t=x"),
        "t=,v1=",
        "",
        "x" * 5_000,
    ]
    for forgery in forgeries:
        assert told(await deliver(stack, body, forgery)) == (400, "bad-signature"), forgery
    async with httpx2.AsyncClient(base_url=stack.runtime.api) as provider:
        unsigned = await provider.post("/webhooks/stripe", content=body)
    assert told(unsigned) == (400, "bad-signature")
    assert mentions(stack.runtime, event["id"]) == {}


async def test_an_event_of_another_time_is_refused_and_not_stored(stack: Stack) -> None:
    """Stale and future alike, though the signature is good."""
    event = new_event()
    body = json.dumps(event).encode()
    for shifted_seconds in (-310, 310, -10_000, 10_000_000):
        answer = await deliver(stack, body, shifted_seconds=shifted_seconds)
        assert told(answer) == (400, "stale-signature"), shifted_seconds
    assert mentions(stack.runtime, event["id"]) == {}


async def test_clocks_may_differ_by_almost_five_minutes(stack: Stack) -> None:
    """In either direction."""
    for shifted_seconds in (-290, 290):
        event = new_event()
        body = json.dumps(event).encode()
        answer = await deliver(stack, body, shifted_seconds=shifted_seconds)
        assert answer.status_code == 200, shifted_seconds
        assert mentions(stack.runtime, event["id"]) == INBOX


async def test_a_replayed_event_is_stored_once(stack: Stack) -> None:
    """The provider sends again what it does not know to have arrived; the first body is kept."""
    event = new_event()
    first = json.dumps(event).encode()
    for body in (first, first, json.dumps(event | {"type": "payment_intent.succeeded"}).encode()):
        assert (await deliver(stack, body)).status_code == 200
    assert mentions(stack.runtime, event["id"]) == INBOX | {"webhook_conflict": 1}
    kept = "SELECT kind, body_sha256 FROM webhook_event WHERE event_id = %s"
    assert rows(stack.runtime, kept, event["id"]) == [
        {"kind": AUTHORIZED, "body_sha256": hashlib.sha256(first).digest()}
    ]


async def test_an_event_about_an_unknown_payment_is_kept_and_changes_nothing(stack: Stack) -> None:
    """It may be one whose creation is still being written down."""
    event = new_event(intent=f"pi_{uuid.uuid4().hex}")
    assert (await deliver(stack, json.dumps(event).encode())).status_code == 200
    assert mentions(stack.runtime, event["data"]["object"]["id"]) == INBOX


NONSENSE: list[dict[str, Any]] = [
    {"id": "evt\0"},
    {"id": None},
    {"id": "x" * 300},
    {"type": "No Such Type"},
    {"created": "now"},
    {"created": True},
    {"data": None},
    {"data": {"object": {"id": "a/b"}}},
]


async def test_a_genuine_event_that_makes_no_sense_is_refused(stack: Stack) -> None:
    """The signature proves who wrote it, not that it can be read."""
    intent = f"pi_{uuid.uuid4().hex}"
    bodies = [json.dumps(new_event(intent=intent) | change).encode() for change in NONSENSE]
    for body in [*bodies, b"", b"{", b"[]", b"\0", b"\xff", b"[" * 60_000]:
        assert told(await deliver(stack, body)) == (400, "malformed-event"), body[:200]
    assert mentions(stack.runtime, intent) == {}


async def test_an_event_that_lies_confirms_nothing(stack: Stack, shop: Storefront) -> None:
    """A hint to look: the provider shows no authorization, so nobody is sold anything."""
    harp = await shop.stocked("HARP", 1)
    decision = await shop.decided(new_key(), wish(harp))
    opened = decision.json()
    event = new_event(intent=opened["payment"]["payment_intent"])
    assert (await deliver(stack, json.dumps(event).encode())).status_code == 200

    async def looked() -> list[dict[str, Any]]:
        applied = "SELECT 1 FROM webhook_event WHERE event_id = %s AND applied_at IS NOT NULL"
        return rows(stack.runtime, applied, event["id"])

    await eventually(looked)
    assert (await shop.look(opened["checkout_id"]))["status"] == "awaiting_payment"
    await shop.pay(decision)
    assert (await shop.ended(opened["checkout_id"]))[0] == "confirmed"


async def test_the_body_of_an_event_is_not_kept(stack: Stack) -> None:
    """It may name the customer."""
    event = new_event(receipt_email="canary-address@example.com")
    assert (await deliver(stack, json.dumps(event).encode())).status_code == 200
    assert mentions(stack.runtime, event["id"]) == INBOX
    assert mentions(stack.runtime, "canary-address") == {}
