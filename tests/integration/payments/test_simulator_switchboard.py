"""Which faults of the simulator are on: told by the payment or by a call, met in order, kept until met."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from payments.errors import PaymentError, PaymentRefused, PaymentUnknown
from tests.integration.payments.test_simulator_faults import authorized, take, void

if TYPE_CHECKING:
    from payments.provider import PaymentProvider
    from tests.integration.payments.conftest import SimulatorProcess


async def test_faults_are_met_in_order_and_counted(
    provider: PaymentProvider, simulator: SimulatorProcess
) -> None:
    """So many times each, then never again; `*` never ends, until it is switched off."""
    intent = await authorized(provider, simulator)
    await simulator.go_wrong(
        "capture.error*2, cancel.error* capture.decline", payment_intent=intent
    )

    outcomes = []
    for n in range(3):
        with pytest.raises(PaymentError) as error:
            await take(provider, intent, f"take {n}")
        outcomes.append(error.value.code)
    left = await simulator.faults_left(payment_intent=intent)
    for n in range(3):
        with pytest.raises(PaymentUnknown):
            await void(provider, intent, f"void {n}")
    await simulator.go_wrong("", payment_intent=intent)
    await void(provider, intent)

    assert outcomes == ["payment-unknown", "payment-unknown", "card_declined"]
    assert left == "cancel.error*"


@pytest.mark.parametrize(
    "faults",
    [
        "capture",
        "capture.fly",
        "create.decline",
        "webhook.error",
        "capture.error=2",
        "capture.slow=x",
    ],
)
async def test_what_is_no_fault_is_refused(simulator: SimulatorProcess, faults: str) -> None:
    """A test whose fault is misspelt would prove nothing."""
    form = {"amount": "1", "currency": "eur", "metadata[faults]": faults}

    control, body, _ = await simulator.post("/_faults", {"checkout_id": "co_1", "faults": faults})
    create, _, _ = await simulator.post("/v1/payment_intents", form)
    nobody, _, _ = await simulator.post("/_faults", {"faults": ""}, api_key="sk_other")

    assert (control, create, nobody) == (400, 400, 401)
    assert body["error"]["param"] == "faults"


async def test_faults_outlive_the_simulators_death(
    own_provider: PaymentProvider, own_simulator: SimulatorProcess
) -> None:
    """What was switched on and not met is met by the next process."""
    intent = await authorized(own_provider, own_simulator)
    await own_simulator.go_wrong("capture.decline*2", payment_intent=intent)
    with pytest.raises(PaymentRefused):
        await take(own_provider, intent)

    for _ in range(2):
        own_simulator.stop()
        own_simulator.start()

    assert await own_simulator.faults_left(payment_intent=intent) == "capture.decline"
