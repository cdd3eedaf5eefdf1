"""The simulator's webhooks: signed, repeated until acknowledged, independent of each other."""

from __future__ import annotations

import json
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
import stripe

from payments.webhooks import verify

if TYPE_CHECKING:
    from payments.provider import PaymentProvider
    from tests.integration.payments.conftest import Letterbox, SimulatorProcess

AUTHORIZED = "payment_intent.amount_capturable_updated"


async def opened(provider: PaymentProvider, key: str) -> str:
    """Open a payment for a lamp."""
    payment = await provider.authorize(
        checkout_id="co_lamp", amount_minor=4_900, currency="EUR", idempotency_key=key
    )
    return payment.payment_intent


async def test_a_webhook_is_genuine_to_the_sdk_and_to_us(
    own_provider: PaymentProvider, own_simulator: SimulatorProcess, letterbox: Letterbox
) -> None:
    """Two judges, one signature."""
    intent = await opened(own_provider, "open")
    await own_simulator.confirm(intent)
    await letterbox.until(lambda: len(letterbox.attempts) == 1)
    body, signature = letterbox.attempts[0]

    by_sdk = stripe.Webhook.construct_event(body, signature, own_simulator.webhook_secret)
    by_us = verify(body, signature, [own_simulator.webhook_secret], time.time())

    assert (by_us.event_id, by_us.kind, by_us.payment_intent) == (by_sdk.id, AUTHORIZED, intent)
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(body, signature, "whsec_other")


async def test_a_checkouts_life_is_told(
    own_provider: PaymentProvider, own_simulator: SimulatorProcess, letterbox: Letterbox
) -> None:
    """Every kind that our contract names, and each once, when each is acknowledged."""
    paid = await opened(own_provider, "paid")
    await own_simulator.confirm(paid, "pm_card_chargeDeclined")
    await own_simulator.confirm(paid, "pm_card_refundFail")
    await own_provider.capture(payment_intent=paid, amount_minor=4_900, idempotency_key="take")
    await own_provider.refund(payment_intent=paid, amount_minor=900, idempotency_key="back")
    given_up = await opened(own_provider, "given up")
    await own_provider.void(payment_intent=given_up, idempotency_key="void")
    debit = await opened(own_provider, "debit")
    await own_simulator.confirm(debit, "pm_usBankAccount_success")

    expected = Counter(
        {
            "payment_intent.payment_failed": 1,
            AUTHORIZED: 1,
            "payment_intent.succeeded": 2,
            "payment_intent.canceled": 1,
            "payment_intent.processing": 1,
            "refund.created": 1,
            "refund.updated": 1,
            "refund.failed": 1,
        }
    )
    await letterbox.until(lambda: len(letterbox.attempts) >= expected.total())

    assert Counter(letterbox.kinds()) == expected
    for body, signature in letterbox.attempts:
        event = verify(body, signature, [own_simulator.webhook_secret], time.time())
        assert event.payment_intent in {paid, given_up, debit}
    after = await own_provider.look_up(payment_intent=paid)
    assert after.refunded_minor == 0


async def test_a_webhook_is_repeated_until_it_is_acknowledged(
    own_provider: PaymentProvider, own_simulator: SimulatorProcess, letterbox: Letterbox
) -> None:
    """Whatever is no 2xx is tried again: the same event, signed afresh."""
    answers = iter([500, 302, 200])
    letterbox.answer = lambda _event: next(answers)

    await own_simulator.confirm(await opened(own_provider, "open"))
    await letterbox.until(lambda: len(letterbox.attempts) == 3)

    assert len({body for body, _ in letterbox.attempts}) == 1
    for body, signature in letterbox.attempts:
        stripe.Webhook.construct_event(body, signature, own_simulator.webhook_secret)


async def test_a_webhook_that_fails_holds_up_no_other(
    own_provider: PaymentProvider, own_simulator: SimulatorProcess, letterbox: Letterbox
) -> None:
    """More fail than there are deliveries at once; the one after them arrives all the same."""
    poison = {await opened(own_provider, f"poison-{at}") for at in range(12)}
    sound = await opened(own_provider, "sound")

    def answer(event: dict[str, Any]) -> int:
        return 500 if event["data"]["object"]["id"] in poison else 200

    letterbox.answer = answer
    for intent in [*poison, sound]:
        await own_simulator.confirm(intent)

    def told_of_sound() -> bool:
        bodies = [json.loads(body) for body, _ in letterbox.attempts]
        return any(event["data"]["object"]["id"] == sound for event in bodies)

    await letterbox.until(told_of_sound)
