"""The simulator's webhooks gone wrong: told twice, late, the other way round, falsely, or never."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from payments.webhooks import verify

if TYPE_CHECKING:
    from payments.provider import PaymentProvider
    from tests.integration.payments.conftest import Letterbox, SimulatorProcess

PRICE = 4_900
AUTHORIZED = "payment_intent.amount_capturable_updated"
SUCCEEDED = "payment_intent.succeeded"


async def sold(provider: PaymentProvider, simulator: SimulatorProcess, faults: str) -> str:
    """Open, pay and capture; the events of it are told as the faults say."""
    checkout_id = f"co_{faults.translate({ord(sign): '_' for sign in '.=* '})}"
    await simulator.go_wrong(faults, checkout_id=checkout_id)
    payment = await provider.authorize(
        checkout_id=checkout_id, amount_minor=PRICE, currency="EUR", idempotency_key=checkout_id
    )
    intent = payment.payment_intent
    await simulator.confirm(intent)
    await provider.capture(payment_intent=intent, amount_minor=PRICE, idempotency_key=intent)
    return intent


async def told_last(
    provider: PaymentProvider, simulator: SimulatorProcess, letterbox: Letterbox
) -> None:
    """Tell of another payment, and wait for it: what was told at once is there by then."""
    other = await provider.authorize(
        checkout_id="co_last", amount_minor=PRICE, currency="EUR", idempotency_key="last"
    )
    await simulator.confirm(other.payment_intent)
    await letterbox.until(lambda: other.payment_intent in subjects(letterbox))


def events(letterbox: Letterbox) -> list[dict[str, Any]]:
    """Read what came."""
    return [json.loads(body) for body, _ in letterbox.attempts]


def subjects(letterbox: Letterbox) -> list[str]:
    """Name the payments that were told of."""
    return [event["data"]["object"]["id"] for event in events(letterbox)]


async def test_an_event_can_be_told_twice(
    own_provider: PaymentProvider, own_simulator: SimulatorProcess, letterbox: Letterbox
) -> None:
    """The same event, though it was acknowledged."""
    await sold(own_provider, own_simulator, "webhook.duplicated*")

    await letterbox.until(lambda: len(letterbox.attempts) == 4)

    assert sorted(letterbox.kinds()) == [AUTHORIZED] * 2 + [SUCCEEDED] * 2
    assert len({event["id"] for event in events(letterbox)}) == 2


async def test_an_event_can_be_missing(
    own_provider: PaymentProvider, own_simulator: SimulatorProcess, letterbox: Letterbox
) -> None:
    """Delivery is never guaranteed; here the first one goes missing."""
    intent = await sold(own_provider, own_simulator, "webhook.missing")
    await told_last(own_provider, own_simulator, letterbox)
    await letterbox.until(lambda: intent in subjects(letterbox))

    about = [
        event["type"] for event in events(letterbox) if event["data"]["object"]["id"] == intent
    ]
    assert about == [SUCCEEDED]


async def test_events_can_come_the_other_way_round(
    own_provider: PaymentProvider, own_simulator: SimulatorProcess, letterbox: Letterbox
) -> None:
    """What happened last is told first."""
    await sold(own_provider, own_simulator, "webhook.reordered=2*")

    await letterbox.until(lambda: len(letterbox.attempts) == 2)

    assert letterbox.kinds() == [SUCCEEDED, AUTHORIZED]


async def test_an_event_can_come_late(
    own_provider: PaymentProvider, own_simulator: SimulatorProcess, letterbox: Letterbox
) -> None:
    """After what happened later, and what happened to others."""
    intent = await sold(own_provider, own_simulator, "webhook.delayed=3")
    await told_last(own_provider, own_simulator, letterbox)

    await letterbox.until(lambda: len(letterbox.attempts) == 3)

    assert events(letterbox)[-1]["type"] == AUTHORIZED
    assert subjects(letterbox)[-1] == intent


async def test_an_event_can_lie_about_the_amount(
    own_provider: PaymentProvider, own_simulator: SimulatorProcess, letterbox: Letterbox
) -> None:
    """Signed all the same; the payment itself is as it was."""
    intent = await sold(own_provider, own_simulator, "webhook.other_amount")
    await letterbox.until(lambda: AUTHORIZED in letterbox.kinds())

    (lie,) = [event for event in events(letterbox) if event["type"] == AUTHORIZED]
    seen = await own_provider.look_up(payment_intent=intent)

    assert (lie["data"]["object"]["amount"], seen.amount_minor) == (PRICE + 1, PRICE)


async def test_an_event_can_contradict_itself(
    own_provider: PaymentProvider, own_simulator: SimulatorProcess, letterbox: Letterbox
) -> None:
    """One id, two bodies, both signed."""
    await sold(own_provider, own_simulator, "webhook.conflicting")

    await letterbox.until(lambda: letterbox.kinds().count(AUTHORIZED) == 2)

    first, second = (
        verify(body, signature, [own_simulator.webhook_secret], time.time())
        for body, signature in letterbox.attempts
        if json.loads(body)["type"] == AUTHORIZED
    )
    assert first.event_id == second.event_id
    assert first.body_sha256 != second.body_sha256


async def test_a_refund_that_fails_later_is_told(
    own_provider: PaymentProvider, own_simulator: SimulatorProcess, letterbox: Letterbox
) -> None:
    """It was pending until then."""
    intent = await sold(own_provider, own_simulator, "refund.fails_later=0.1")
    await own_provider.refund(payment_intent=intent, amount_minor=PRICE, idempotency_key="back")

    await letterbox.until(lambda: "refund.failed" in letterbox.kinds())

    statuses = {
        event["type"]: event["data"]["object"]["status"]
        for event in events(letterbox)
        if event["type"] in ("refund.created", "refund.failed")
    }
    assert statuses == {"refund.created": "pending", "refund.failed": "failed"}
