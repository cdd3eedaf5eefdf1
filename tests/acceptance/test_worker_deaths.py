"""A worker that is killed delays checkouts and changes nothing else."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.acceptance.facts import eventually, intents_of, rows, together
from tests.acceptance.sizes import CHECKOUTS, WORKER_DEATHS
from tests.acceptance.stacks import Stack
from tests.acceptance.storefront import Storefront, new_key, wish

AT_ONCE = 6
STEPS_BETWEEN = 5
"""What a new worker gets done before it is killed as well: it must die at work, not at its start."""
PRICE_MINOR = 1_500
TERMINAL_SECONDS = 120

Ending = tuple[str, str, str]
ENDS: dict[str, list[Ending]] = {
    "paid": [("confirmed", "confirmed", "captured")],
    "declined": [("declined", "released", "voided")],
    "cancelled": [("cancelled", "released", "voided")],
    # Where no worker lived to ask for the payment in time, there is none to void.
    "abandoned": [("expired", "expired", "voided"), ("expired", "expired", "none")],
}
MONEY: dict[str, list[tuple[str, int]]] = {
    "captured": [("succeeded", PRICE_MINOR)],
    "voided": [("canceled", 0)],
    "none": [],
}
"""What the provider has by the payment's state."""


@pytest.mark.proof
@pytest.mark.timeout(400)
async def test_checkouts_end_as_they_should_however_often_the_worker_is_killed(
    mortal: Stack, mortal_shop: Storefront
) -> None:
    """Paid, declined, cancelled and abandoned ones; and nobody is charged twice."""
    shop = mortal_shop
    chair = await shop.stocked("CHAIR", CHECKOUTS, PRICE_MINOR)
    scripts = [list(ENDS)[number % len(ENDS)] for number in range(CHECKOUTS)]
    crowd = asyncio.Semaphore(AT_ONCE)

    async def play(script: str) -> str:
        async with crowd:
            return await _played(shop, chair, script)

    async with asyncio.TaskGroup() as group:
        killing = group.create_task(_kill_workers(mortal, chair))
        played = await together(*(play(script) for script in scripts))
    died_at = time.monotonic()

    assert all(killing.result()), f"killed at rest: {killing.result()}"
    ended: dict[str, Ending] = {}
    for checkout_id, script in zip(played, scripts, strict=True):
        left = TERMINAL_SECONDS - (time.monotonic() - died_at)
        ended[checkout_id] = await shop.ended(checkout_id, seconds=left)
        assert ended[checkout_id] in ENDS[script]
    paid = scripts.count("paid")
    shelf = await shop.stock(chair)
    assert (shelf["sold"], shelf["reserved"], shelf["available"]) == (paid, 0, CHECKOUTS - paid)
    await _money_agrees(mortal, ended)


async def _played(shop: Storefront, sku: str, script: str) -> str:
    """Do what the script says up to where the worker has to act; give the checkout."""
    time_to_pay = {"ttl_seconds": 3} if script == "abandoned" else {}
    decision = await shop.decided(new_key(), wish(sku, customer=script, **time_to_pay))
    checkout_id = str(decision.json()["checkout_id"])
    match script:
        case "abandoned":
            # Its time may be over before a worker lives that could say so.
            assert decision.status_code == 201 or decision.json()["code"] == "expired"
        case "paid":
            assert await shop.pay(decision) == 200
        case "declined":
            assert await shop.pay(decision, "pm_card_chargeDeclined") == 402
        case "cancelled":
            assert (await shop.cancel(decision)).status_code == 200
    return checkout_id


async def _kill_workers(mortal: Stack, sku: str) -> list[int]:
    """Kill one worker after the other, each at work; give how many checkouts each left under way."""
    left: list[int] = []
    last = None
    for _ in range(WORKER_DEATHS):

        async def living(last: int | None = last) -> int | None:
            pid = mortal.pid("worker")
            return pid if pid != last else None

        async def steps() -> int:
            return _steps_done(mortal, sku)

        await eventually(living)
        before = await steps()
        await eventually(steps, lambda done, before=before: done >= before + STEPS_BETWEEN)  # type: ignore[misc]
        last = mortal.kill("worker")
        left.append(_under_way(mortal, sku))
    return left


def _steps_done(mortal: Stack, sku: str) -> int:
    """Count what the ledger has recorded of this test's holds and payments."""
    (row,) = rows(
        mortal.runtime,
        """
        SELECT (SELECT count(*) FROM reservation_transition t JOIN reservation r USING (reservation_id)
                WHERE r.checkout_id = ANY(ours.ids))
             + (SELECT count(*) + count(resolved_at) FROM payment_operation
                WHERE checkout_id = ANY(ours.ids)) AS steps
        FROM (SELECT array_agg(checkout_id) AS ids FROM checkout_line WHERE sku = %s) AS ours
        """,
        sku,
    )
    return int(row["steps"] or 0)


def _under_way(mortal: Stack, sku: str) -> int:
    """Count the checkouts on which somebody has to act yet."""
    (row,) = rows(
        mortal.runtime,
        """
        SELECT count(*) AS checkouts FROM checkout JOIN checkout_line USING (checkout_id)
        WHERE sku = %s AND (status IN ('reserving', 'awaiting_payment', 'committing')
                            OR payment_state NOT IN ('none', 'captured', 'voided'))
        """,
        sku,
    )
    return int(row["checkouts"])


async def _money_agrees(mortal: Stack, ended: dict[str, Ending]) -> None:
    """Hold one payment a checkout at the provider against what the checkout says of it."""
    for checkout_id, intents in (await intents_of(mortal.runtime, ended)).items():
        shown = [(intent["status"], intent["amount_received"]) for intent in intents]
        assert shown == MONEY[ended[checkout_id][2]]
