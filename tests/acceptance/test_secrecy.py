"""What must not be told to those who only look: customers, owners, keys and secrets, in histories and logs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
from temporalio.client import Client

from dev.runtime import Runtime
from tests.acceptance.facts import eventually, rows
from tests.acceptance.stacks import Stack
from tests.acceptance.storefront import CANARY, Storefront, new_key, new_sku, wish


async def test_histories_and_logs_know_no_customers_no_keys_and_no_secrets(
    stack: Stack, shop: Storefront
) -> None:
    """Whoever may read the Temporal UI or the logs learns checkout ids, amounts and states."""
    told = [decision.json() for decision in await _every_kind_of_checkout(shop)]
    await _every_kind_of_refusal(shop)
    secrets = [CANARY, shop.token, *_secrets_of(stack.runtime)]
    secrets += [opened["payment"]["client_secret"] for opened in told]
    secrets += [opened["reservation"]["token"] for opened in told]

    histories = {name: text async for name, text in _histories(stack.runtime)}
    assert {f"checkout/{opened['checkout_id']}" for opened in told} <= set(histories)
    for name, text in histories.items():
        # The search sees something: each history speaks of its own checkout.
        assert name.removeprefix("checkout/").encode() in text
        assert [secret for secret in secrets if secret.encode() in text] == [], name
    for log in _logs(stack):
        written = log.read_bytes()
        assert [secret for secret in secrets if secret.encode() in written] == [], log.name


async def test_events_on_their_way_out_know_no_customers(stack: Stack, shop: Storefront) -> None:
    """The bus is read by many."""
    await _every_kind_of_checkout(shop)
    told = rows(stack.runtime, "SELECT type, payload::text AS payload FROM outbox")
    assert told
    assert [event for event in told if CANARY in event["payload"]] == []


async def _every_kind_of_checkout(shop: Storefront) -> list[httpx2.Response]:
    """Let checkouts be paid, declined and cancelled."""
    globe = await shop.stocked("GLOBE", 9)
    paid = await shop.decided(new_key(), wish(globe, cart_id=f"{CANARY}cart"))
    await shop.pay(paid)
    declined = await shop.decided(new_key(), wish(globe))
    await shop.pay(declined, "pm_card_chargeDeclined")
    cancelled = await shop.decided(new_key(), wish(globe))
    await shop.cancel(cancelled)
    await _correction_with_a_note(shop, globe)
    decisions = [paid, declined, cancelled]
    for decision in decisions:
        await shop.ended(decision.json()["checkout_id"])
    return decisions


async def _correction_with_a_note(shop: Storefront, sku: str) -> None:
    """Say more about a broken unit than anybody else needs to know."""
    body = {
        "adjustment_id": new_sku("adjustment"),
        "kind": "damage",
        "location": "BER1",
        "quantity": 1,
        "reason": "broken-in-store",
        "note": f"{CANARY}ada dropped it",
    }
    answer = await shop.api.post(f"/stock/{sku}/adjustments", json=body)
    assert answer.status_code == 200
    assert CANARY not in answer.text


async def _every_kind_of_refusal(shop: Storefront) -> None:
    """Be refused where a careless server would write down what it was sent."""
    globe = await shop.stocked("GLOBE", 1)
    key = new_key()
    assert (await shop.decided(key, wish(globe, 2))).status_code == 409
    assert (await shop.post(key, wish(globe))).status_code == 422
    assert (await shop.post(new_key(), wish(globe, customer="not an id\0"))).status_code == 422
    assert (await shop.post(f"{CANARY} two", wish(globe))).status_code == 422
    assert (await shop.api.get(f"/nowhere/{CANARY}?customer={CANARY}")).status_code == 404
    assert (await shop.api.get(f"/checkouts/{CANARY}")).status_code == 404
    foreign = {"Authorization": f"Bearer {CANARY}.{CANARY}.{CANARY}"}
    assert (await shop.api.get(f"/stock/{globe}", headers=foreign)).status_code == 401
    forged = {"Stripe-Signature": f"t=1,v1={CANARY}"}
    answer = await shop.api.post("/webhooks/stripe", content=CANARY.encode(), headers=forged)
    assert answer.status_code == 400


def _secrets_of(runtime: Runtime) -> list[str]:
    password = httpx2.URL(runtime.database_url).password
    return [runtime.payments_key, runtime.webhook_secret, runtime.token_secret, password]


async def _histories(runtime: Runtime) -> AsyncIterator[tuple[str, bytes]]:
    """Read every workflow's history, and what the list of workflows shows of it, as bytes on the wire."""
    client = await Client.connect(runtime.temporal_address, namespace=runtime.temporal_namespace)

    async def listed() -> int:
        return (await client.count_workflows()).count

    stored = len(rows(runtime, "SELECT FROM checkout"))
    await eventually(listed, lambda count: count >= stored)
    async for shown in client.list_workflows():
        history = await client.get_workflow_handle(shown.id).fetch_history()
        events = b"".join(event.SerializeToString() for event in history.events)
        yield shown.id, events + shown.raw_info.SerializeToString()


def _logs(stack: Stack) -> list[Path]:
    """Find what its processes wrote, and what `onhand dev` said of them."""
    logs = sorted((stack.place / "logs").glob("*.log"))
    assert {"api", "worker", "postgres", "temporal", "payments"} <= {log.stem for log in logs}
    return logs
