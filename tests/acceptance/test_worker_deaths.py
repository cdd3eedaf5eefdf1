"""A worker that is killed delays checkouts and changes nothing else."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from tests.acceptance.facts import eventually, intents_of, rows
from tests.acceptance.proof import size
from tests.acceptance.stacks import Stack
from tests.acceptance.storefront import Storefront, new_key, wish

DEATHS = size(share=4, full=10)
CHECKOUTS = size(share=12, full=30)
AT_ONCE = 6
STEPS_BETWEEN = 5
"""What a new worker gets done before it is killed as well: it must die at work, not at its start."""
PRICE_MINOR = 1_500
TERMINAL_SECONDS = 120

ENDS = {
    "paid": ("confirmed", "confirmed", "captured"),
    "declined": ("declined", "released", "voided"),
    "cancelled": ("cancelled", "released", "voided"),
    "abandoned": ("expired", "expired", "voided"),
}


@dataclass
class Death:
    """What a worker left undone when it was killed."""

    under_way: int


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

    deaths, *played = await asyncio.gather(
        _kill_workers(mortal, chair), *(play(script) for script in scripts)
    )

    assert all(death.under_way for death in deaths), f"killed at rest: {deaths}"
    ended = {
        checkout_id: await shop.ended(checkout_id, seconds=TERMINAL_SECONDS)
        for checkout_id in played
    }
    should = {checkout_id: ENDS[script] for checkout_id, script in zip(played, scripts, strict=True)}
    assert ended == should
    paid = scripts.count("paid")
    shelf = await shop.stock(chair)
    assert (shelf["sold"], shelf["reserved"], shelf["available"]) == (paid, 0, CHECKOUTS - paid)
    await _money_agrees(mortal, ended)


async def _played(shop: Storefront, sku: str, script: str) -> str:
    """Do what the script says up to where the worker has to act; give the checkout."""
    body = wish(sku, customer=script, **({"ttl_seconds": 8} if script == "abandoned" else {}))
    decision = await shop.decided(new_key(), body)
    checkout_id = str(decision.json()["checkout_id"])
    assert decision.status_code == 201, decision.text
    match script:
        case "paid":
            assert await shop.pay(decision) == 200
        case "declined":
            assert await shop.pay(decision, "pm_card_chargeDeclined") == 402
        case "cancelled":
            assert (await shop.cancel(decision)).status_code == 200
    return checkout_id


async def _kill_workers(mortal: Stack, sku: str) -> list[Death]:
    """Kill one worker after the other, each at work."""
    deaths: list[Death] = []
    last = None
    for _ in range(DEATHS):

        async def living(last: int | None = last) -> int | None:
            pid = mortal.pid("worker")
            return pid if pid != last else None

        async def steps() -> int:
            return _steps_done(mortal, sku)

        await eventually(living)
        before = await steps()
        await eventually(steps, lambda done, before=before: done >= before + STEPS_BETWEEN)  # type: ignore[misc]
        last = mortal.kill("worker")
        deaths.append(Death(under_way=_under_way(mortal, sku)))
    return deaths


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


async def _money_agrees(mortal: Stack, ended: dict[str, tuple[str, str, str]]) -> None:
    """The provider was asked for one payment a checkout, and took the money of the confirmed ones once."""
    for checkout_id, intents in (await intents_of(mortal.runtime, ended)).items():
        is_paid = ended[checkout_id] == ENDS["paid"]
        shown = [(intent["status"], intent["amount_received"]) for intent in intents]
        assert shown == [("succeeded", PRICE_MINOR) if is_paid else ("canceled", 0)]
