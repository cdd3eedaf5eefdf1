"""The provider's events: verified, stored once, and answered 200 whatever they are about."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from typing import Any

import psycopg
import pytest

from api.routes.webhooks import CONFLICTS
from ledger.inbox import CHANNEL
from payments.webhooks import sign
from tests.integration.api.front_door import WEBHOOK_SECRET, FrontDoor


def event(event_id: str, **changed: Any) -> bytes:
    """Write an event about a payment that nobody here knows."""
    whole = {
        "id": event_id,
        "type": "payment_intent.amount_capturable_updated",
        "created": int(time.time()),
        "data": {"object": {"id": "pi_nobody_knows", "object": "payment_intent"}},
    }
    return json.dumps(whole | changed).encode()


def signed(body: bytes, *, secret: str = WEBHOOK_SECRET, age_seconds: int = 0) -> dict[str, str]:
    """Sign it as the provider does."""
    moment = int(time.time()) - age_seconds
    proof = sign(str(moment).encode() + b"." + body, secret).decode()
    return {"Stripe-Signature": f"t={moment},v1={proof}", "Content-Type": "application/json"}


async def deliver(front_door: FrontDoor, body: bytes, headers: dict[str, str]) -> Any:
    """Send it."""
    return await front_door.http.post("/webhooks/stripe", content=body, headers=headers)


async def test_an_event_is_stored_once_and_announced(front_door: FrontDoor) -> None:
    """A payment that nobody knows too: the delivery loop finds out, not the provider."""
    before = front_door.counts()["webhook_event"]
    body = event("evt_once")
    with psycopg.connect(front_door.database_url, autocommit=True) as listening:
        listening.execute(f"LISTEN {CHANNEL}")
        answers = [await deliver(front_door, body, signed(body)) for _ in range(3)]
        announced = [notice.payload for notice in listening.notifies(timeout=0.2)]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert answers[0].json() == {"received": True}
    assert front_door.counts()["webhook_event"] == before + 1
    assert announced == ["evt_once"]


async def test_twenty_deliveries_at_once_store_one(front_door: FrontDoor) -> None:
    """The provider repeats itself before it has our answer."""
    body = event("evt_twenty")
    before = front_door.counts()["webhook_event"]
    answers = await asyncio.gather(*(deliver(front_door, body, signed(body)) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert front_door.counts()["webhook_event"] == before + 1


async def test_another_body_under_a_known_id_is_answered_and_noted(front_door: FrontDoor) -> None:
    """The first counts; a refusal would only make the provider repeat the second for days."""
    first, second = event("evt_conflict"), event("evt_conflict", type="payment_intent.canceled")
    await deliver(front_door, first, signed(first))
    before, counted = front_door.counts(), CONFLICTS._value.get()
    answers = [await deliver(front_door, body, signed(body)) for body in (second, second, first)]
    after = front_door.counts()
    with psycopg.connect(front_door.database_url, autocommit=True) as looking:
        hashes = looking.execute(
            "SELECT e.body_sha256, c.body_sha256 FROM webhook_event e"
            " JOIN webhook_conflict c USING (provider, event_id) WHERE event_id = 'evt_conflict'"
        ).fetchall()
    assert {answer.status_code for answer in answers} == {200}
    assert after == before | {"webhook_conflict": before["webhook_conflict"] + 1}
    assert hashes == [tuple(hashlib.sha256(body).digest() for body in (first, second))]
    assert CONFLICTS._value.get() == counted + 2


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        (signed(event("evt_bad"), secret="whsec_forged"), "bad-signature"),
        (signed(b"another body"), "bad-signature"),
        ({}, "bad-signature"),
        ({"Stripe-Signature": "t=,v1="}, "bad-signature"),
        ({"Stripe-Signature": "\xff"}, "bad-signature"),
    ],
    ids=["forged", "of another body", "missing", "empty", "not ascii"],
)
async def test_what_the_provider_did_not_sign_is_refused(
    front_door: FrontDoor, headers: dict[str, str], code: str
) -> None:
    """400, and nothing is stored."""
    before = front_door.counts()
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    response = await front_door.http.post("/webhooks/stripe", content=event("evt_bad"), headers=raw)
    assert (response.status_code, response.json()["code"]) == (400, code)
    assert front_door.counts() == before


@pytest.mark.parametrize("age_seconds", [301, -301], ids=["old", "future"])
async def test_a_signature_is_of_now(front_door: FrontDoor, age_seconds: int) -> None:
    """Five minutes either way; a replayed one is older."""
    before = front_door.counts()
    # One more second than the edge, lest a tick between signing and checking decide.
    aged = age_seconds + (1 if age_seconds > 0 else -1)
    body = event("evt_aged")
    response = await deliver(front_door, body, signed(body, age_seconds=aged))
    assert (response.status_code, response.json()["code"]) == (400, "stale-signature")
    assert front_door.counts() == before


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b'{"id": "a b"}', b"[" * 60_000])
async def test_a_genuine_event_that_cannot_be_read_is_refused(
    front_door: FrontDoor, body: bytes
) -> None:
    """Signed nonsense is nonsense."""
    before = front_door.counts()
    response = await deliver(front_door, body, signed(body))
    assert (response.status_code, response.json()["code"]) == (400, "malformed-event")
    assert front_door.counts() == before
