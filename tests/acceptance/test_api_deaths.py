"""An API that is killed at the worst moments: what it stored is kept, and what it had not yet asked is asked."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import httpx2
import psycopg
import pytest

from ledger.inbox import CHANNEL
from tests.acceptance.facts import connect, eventually, intents_of, rows
from tests.acceptance.stacks import Stack
from tests.acceptance.storefront import Storefront, new_key, wish

ATTEMPTS = 5
CONFIRMED = ("confirmed", "confirmed", "captured")


async def test_the_api_dies_right_after_it_stored_a_webhook(
    mortal: Stack, mortal_shop: Storefront
) -> None:
    """The provider has no answer and sends it again; the checkout is confirmed, once."""
    shop = mortal_shop
    clock = await shop.stocked("CLOCK", ATTEMPTS)
    paid: list[str] = []
    for _ in range(ATTEMPTS):
        decision = await shop.decided(new_key(), wish(clock))
        paid.append(decision.json()["checkout_id"])
        if not await _answered_before_death(mortal, shop, decision):
            break
    else:
        pytest.fail("the API always answered before it died")

    for checkout_id in paid:
        assert await shop.ended(checkout_id) == CONFIRMED
    assert [
        [intent["status"] for intent in intents]
        for intents in (await intents_of(mortal.runtime, paid)).values()
    ] == [["succeeded"]] * len(paid)
    shelf = await shop.stock(clock)
    assert (shelf["sold"], shelf["reserved"]) == (len(paid), 0)


async def _answered_before_death(
    mortal: Stack, shop: Storefront, decision: httpx2.Response
) -> bool:
    """Pay, and kill the API when the event is in the inbox; tell whether it had answered by then."""
    log = mortal.place / "logs" / "api.log"
    answered = _webhooks_answered(log)
    intent = decision.json()["payment"]["payment_intent"]
    with connect(mortal.runtime) as connection:
        connection.execute(f"LISTEN {CHANNEL}")
        killed = asyncio.create_task(
            asyncio.to_thread(_kill_when_told, connection, mortal.pid("api"))
        )
        assert await shop.pay(decision) == 200
        await killed
    stored = "SELECT kind FROM webhook_event WHERE payment_intent = %s"
    kinds = [row["kind"] for row in rows(mortal.runtime, stored, intent)]
    assert kinds.count("payment_intent.amount_capturable_updated") == 1
    return _webhooks_answered(log) > answered


def _kill_when_told(connection: psycopg.Connection[object], pid: int | None) -> None:
    """Wait for the commit that stores an event, and kill."""
    assert pid is not None
    assert list(connection.notifies(timeout=20, stop_after=1))
    os.kill(pid, signal.SIGKILL)


def _webhooks_answered(log: Path) -> int:
    """Count the answers to webhooks of which the API told: it does right after each."""
    return log.read_text().count('"route":"/webhooks/stripe"')


async def test_the_api_dies_between_the_checkouts_row_and_the_start_of_its_workflow(
    mortal: Stack, mortal_shop: Storefront
) -> None:
    """The row is a promise: the orphan check keeps it, and the same key learns what came of it."""
    shop = mortal_shop
    clock = await shop.stocked("CLOCK", 1)
    key, body = new_key(), wish(clock)
    api = mortal.pid("api")
    mortal.kill("temporal")  # so that the API cannot have asked it before it dies
    killed = asyncio.create_task(asyncio.to_thread(_kill_when_stored, mortal, clock, api))
    with pytest.raises(httpx2.TransportError):
        await shop.post(key, body)
    checkout_id = await killed

    async def look() -> str | None:
        return (await shop.look(checkout_id)).get("status")

    await eventually(look, lambda status: status == "awaiting_payment")
    decision = await shop.decided(key, body)
    assert decision.status_code == 201
    assert decision.json()["checkout_id"] == checkout_id
    assert decision.headers["Idempotency-Replayed"] == "true"
    await shop.pay(decision)
    assert await shop.ended(checkout_id) == CONFIRMED
    assert (await shop.stock(clock))["sold"] == 1


def _kill_when_stored(mortal: Stack, sku: str, pid: int | None) -> str:
    """Wait for the row of a checkout of this sku, and kill; give the checkout."""
    assert pid is not None
    with connect(mortal.runtime) as connection:
        for _ in range(100_000):
            row = connection.execute(
                "SELECT checkout_id FROM checkout_line WHERE sku = %s", [sku]
            ).fetchone()
            if row is not None:
                os.kill(pid, signal.SIGKILL)
                return str(row["checkout_id"])
    pytest.fail("the checkout was never stored")
