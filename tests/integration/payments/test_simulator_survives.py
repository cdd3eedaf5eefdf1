"""The simulator killed at once, and started again on the same state."""

from __future__ import annotations

import signal
import subprocess
from typing import TYPE_CHECKING

from payments.simulator.till import Till
from payments.values import ProviderState

if TYPE_CHECKING:
    from payments.provider import PaymentProvider
    from tests.integration.payments.conftest import Letterbox, SimulatorProcess


async def captured(provider: PaymentProvider, simulator: SimulatorProcess) -> str:
    """Have a lamp paid for, and take the money, with one refund of a part."""
    payment = await provider.authorize(
        checkout_id="co_lamp", amount_minor=4_900, currency="EUR", idempotency_key="open"
    )
    intent = payment.payment_intent
    await simulator.confirm(intent)
    await provider.capture(payment_intent=intent, amount_minor=4_900, idempotency_key="take")
    await provider.refund(payment_intent=intent, amount_minor=900, idempotency_key="back")
    return intent


async def test_what_was_answered_outlives_a_kill(
    own_provider: PaymentProvider, own_simulator: SimulatorProcess
) -> None:
    """Payments, refunds and idempotency keys alike: a capture repeated afterwards is a replay."""
    intent = await captured(own_provider, own_simulator)
    before = await own_provider.look_up(payment_intent=intent)

    assert own_simulator.stop(signal.SIGKILL) == -signal.SIGKILL
    own_simulator.start()

    assert await own_provider.look_up(payment_intent=intent) == before
    _, _, headers = await own_simulator.post(
        f"/v1/payment_intents/{intent}/capture",
        {"amount_to_capture": "4900", "expand[0]": "latest_charge"},
        key="take",
    )
    assert headers["Idempotent-Replayed"] == "true"
    after = await own_provider.look_up(payment_intent=intent)
    assert (after.state, after.captured_minor) == (ProviderState.CAPTURED, 4_900)


async def test_webhooks_that_were_not_acknowledged_outlive_a_kill(
    own_provider: PaymentProvider, own_simulator: SimulatorProcess, letterbox: Letterbox
) -> None:
    """They are delivered by the next process; those acknowledged before are not sent again."""
    letterbox.answer = lambda event: 200 if event["type"].startswith("payment_intent.a") else 503
    await captured(own_provider, own_simulator)
    await letterbox.until(lambda: len(set(letterbox.kinds())) == 4)
    await own_simulator.until_acknowledged(1)

    own_simulator.stop(signal.SIGKILL)
    letterbox.attempts.clear()
    letterbox.answer = lambda _event: 200
    own_simulator.start()

    await letterbox.until(lambda: len(letterbox.attempts) == 3)
    assert sorted(letterbox.kinds()) == [
        "payment_intent.succeeded",
        "refund.created",
        "refund.updated",
    ]


async def test_a_journal_cut_off_in_its_last_line_is_read(
    own_provider: PaymentProvider, own_simulator: SimulatorProcess
) -> None:
    """That line was never answered; everything before it counts."""
    intent = await captured(own_provider, own_simulator)
    own_simulator.stop(signal.SIGKILL)
    with own_simulator.state.open("ab") as journal:
        journal.write(b'[["intent","pi_half",{"intent_id":"pi_')

    own_simulator.start()

    assert (await own_provider.look_up(payment_intent=intent)).captured_minor == 4_900


async def test_the_journal_is_shortened_at_the_start(
    own_provider: PaymentProvider, own_simulator: SimulatorProcess
) -> None:
    """Only the last image of each object is kept, so that it does not grow for ever."""
    await captured(own_provider, own_simulator)
    await own_simulator.until_acknowledged(4)
    own_simulator.stop()

    till = Till.open(own_simulator.state, 0)
    till.close()

    lines = own_simulator.state.read_text().splitlines()
    # One payment, one refund, and the answers to the three requests that had a key.
    assert len(lines) == 1 + 1 + 3


def test_two_simulators_do_not_share_a_journal(own_simulator: SimulatorProcess) -> None:
    """The second refuses to start, in one sentence."""
    second = subprocess.run(
        own_simulator.command(), check=False, capture_output=True, text=True, timeout=20
    )

    assert second.returncode == 1
    assert "in use by another simulator" in second.stderr
    assert len(second.stderr.splitlines()) == 1
