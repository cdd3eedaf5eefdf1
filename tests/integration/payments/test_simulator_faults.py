"""Each fault of the simulator, as our provider's methods meet it through the real SDK."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING

import pytest

from payments.errors import PaymentError, PaymentRefused, PaymentUnknown
from payments.provider import PaymentProvider
from payments.values import ProviderPayment, ProviderRefund, ProviderState, RefundState

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from tests.integration.payments.conftest import SimulatorProcess

PRICE = 4_900
LATE_SECONDS = 0.3
PATIENT_SECONDS = 2
"""Long enough to ask twice in between on a busy machine."""
_checkouts = count()


def fresh_checkout() -> str:
    """Name a checkout that no other test uses."""
    return f"co_fault_{next(_checkouts)}"


async def opened(provider: PaymentProvider, checkout_id: str, key: str = "open") -> ProviderPayment:
    """Ask for a lamp's payment."""
    return await provider.authorize(
        checkout_id=checkout_id,
        amount_minor=PRICE,
        currency="EUR",
        idempotency_key=f"{checkout_id}:{key}",
    )


async def authorized(provider: PaymentProvider, simulator: SimulatorProcess) -> str:
    """Bring a payment to where it can be captured, and name it."""
    payment = await opened(provider, fresh_checkout())
    await simulator.confirm(payment.payment_intent)
    return payment.payment_intent


async def captured(provider: PaymentProvider, simulator: SimulatorProcess) -> str:
    """Bring a payment to where it can be refunded, and name it."""
    intent = await authorized(provider, simulator)
    await take(provider, intent)
    return intent


def take(provider: PaymentProvider, intent: str, key: str = "take") -> Awaitable[ProviderPayment]:
    """Capture it."""
    return provider.capture(
        payment_intent=intent, amount_minor=PRICE, idempotency_key=f"{intent}:{key}"
    )


def void(provider: PaymentProvider, intent: str, key: str = "void") -> Awaitable[ProviderPayment]:
    """Cancel it."""
    return provider.void(payment_intent=intent, idempotency_key=f"{intent}:{key}")


def back(provider: PaymentProvider, intent: str, key: str = "back") -> Awaitable[ProviderRefund]:
    """Refund it."""
    return provider.refund(
        payment_intent=intent, amount_minor=PRICE, idempotency_key=f"{intent}:{key}"
    )


@asynccontextmanager
async def hasty(simulator: SimulatorProcess) -> AsyncIterator[PaymentProvider]:
    """Give a provider of ours that waits only briefly."""
    provider = PaymentProvider(base=simulator.url, key=simulator.key, timeout_seconds=LATE_SECONDS)
    yield provider
    await provider.close()


async def looks(provider: PaymentProvider, intent: str) -> tuple[ProviderState, int, int]:
    """Say how a payment stands."""
    seen = await provider.look_up(payment_intent=intent)
    return seen.state, seen.captured_minor, seen.refunded_minor


async def until(fact: Callable[[], Awaitable[bool]]) -> None:
    """Wait for it."""
    async with asyncio.timeout(20):
        while not await fact():
            await asyncio.sleep(0.02)


BEFORE = (ProviderState.AUTHORIZED, 0, 0)
TAKEN = (ProviderState.CAPTURED, PRICE, 0)
GONE = (ProviderState.VOIDED, 0, 0)
RETURNED = (ProviderState.CAPTURED, PRICE, PRICE)
STEPS = {
    "capture": (authorized, take, BEFORE, TAKEN),
    "cancel": (authorized, void, BEFORE, GONE),
    "refund": (captured, back, TAKEN, RETURNED),
}
"""What comes before, what is asked, and how the payment stands where it was not done and where it was."""
each_step = pytest.mark.parametrize("step", STEPS)


@each_step
@pytest.mark.parametrize(
    ("fault", "cause", "acted"),
    [
        ("reply_lost", "connection", True),
        ("error", "provider", False),
        ("error_acted", "provider", True),
    ],
)
async def test_an_outcome_is_unknown_whether_it_was_done_or_not(
    provider: PaymentProvider,
    simulator: SimulatorProcess,
    *,
    step: str,
    fault: str,
    cause: str,
    acted: bool,
) -> None:
    """Only a look-up can tell which; and it is the same again under the same key."""
    before, ask, undone, done = STEPS[step]
    intent = await before(provider, simulator)
    await simulator.go_wrong(f"{step}.{fault}", payment_intent=intent)

    with pytest.raises(PaymentUnknown) as unknown:
        await ask(provider, intent)

    assert (unknown.value.cause, unknown.value.replayed) == (cause, False)
    assert await looks(provider, intent) == (done if acted else undone)
    assert await simulator.faults_left(payment_intent=intent) == ""


@each_step
@pytest.mark.parametrize("acted", [False, True])
async def test_an_error_kept_for_a_key_is_told_apart_from_a_new_one(
    provider: PaymentProvider, simulator: SimulatorProcess, *, step: str, acted: bool
) -> None:
    """A replay says that the first request is over: what is not there by now will not come."""
    before, ask, undone, done = STEPS[step]
    intent = await before(provider, simulator)
    word = "error_acted" if acted else "error"
    await simulator.go_wrong(f"{step}.{word}", payment_intent=intent)

    replayed = []
    for _ in range(3):
        with pytest.raises(PaymentUnknown) as unknown:
            await ask(provider, intent)
        replayed.append(unknown.value.replayed)

    assert replayed == [False, True, True]
    assert await looks(provider, intent) == (done if acted else undone)
    if not acted:
        await ask(provider, intent, "once more")
        assert await looks(provider, intent) == done


async def test_what_acts_late_keeps_its_twins_out(
    provider: PaymentProvider, simulator: SimulatorProcess
) -> None:
    """The caller gave up long ago; a look-up in between shows nothing, and proves nothing."""

    async def met_late(step: str) -> None:
        before, ask, undone, done = STEPS[step]
        intent = await before(provider, simulator)
        await simulator.go_wrong(f"{step}.acts_late={PATIENT_SECONDS}", payment_intent=intent)
        with pytest.raises(PaymentUnknown) as lost:
            await ask(provider, intent)
        between = await looks(provider, intent)
        with pytest.raises(PaymentUnknown) as twin:
            await ask(provider, intent)
        await until(lambda: stands(provider, intent, done))
        assert (lost.value.cause, twin.value.cause) == ("connection", "in-flight")
        assert between == undone
        await ask(provider, intent)

    await asyncio.gather(*map(met_late, STEPS))


async def stands(
    provider: PaymentProvider, intent: str, wanted: tuple[ProviderState, int, int]
) -> bool:
    """Tell whether a payment stands so."""
    return await looks(provider, intent) == wanted


async def given_up(simulator: SimulatorProcess, step: str, intent: str) -> None:
    """Ask for a step, and hang up before there is an answer."""
    _, ask, _, _ = STEPS[step]
    async with hasty(simulator) as impatient:
        with pytest.raises(PaymentUnknown):
            await ask(impatient, intent)


@each_step
async def test_a_request_that_is_swallowed_was_not_carried_out(
    provider: PaymentProvider, simulator: SimulatorProcess, step: str
) -> None:
    """Its key is free once the caller has hung up: asked again, it is carried out."""
    before, ask, undone, done = STEPS[step]
    intent = await before(provider, simulator)
    await simulator.go_wrong(f"{step}.time_out", payment_intent=intent)

    await given_up(simulator, step, intent)
    assert await looks(provider, intent) == undone
    await until(lambda: told(ask(provider, intent)))

    assert await looks(provider, intent) == done


async def told(asked: Awaitable[object]) -> bool:
    """Tell whether there was an answer."""
    try:
        await asked
    except PaymentUnknown:
        return False
    return True


@each_step
async def test_what_is_slow_is_done_though_nobody_waits_for_it(
    provider: PaymentProvider, simulator: SimulatorProcess, step: str
) -> None:
    """The time-out is the caller's, not the provider's."""
    before, _, _, done = STEPS[step]
    intent = await before(provider, simulator)
    await simulator.go_wrong(f"{step}.slow={LATE_SECONDS * 2}", payment_intent=intent)

    await given_up(simulator, step, intent)

    await until(lambda: stands(provider, intent, done))


@pytest.mark.parametrize(
    ("step", "code", "decline_code"),
    [
        ("capture", "card_declined", "generic_decline"),
        ("cancel", "payment_intent_unexpected_state", None),
        ("refund", "balance_insufficient", None),
    ],
)
async def test_each_step_can_be_refused(
    provider: PaymentProvider,
    simulator: SimulatorProcess,
    step: str,
    code: str,
    decline_code: str | None,
) -> None:
    """A fact, kept under its key; with another key it is asked anew."""
    before, ask, undone, done = STEPS[step]
    intent = await before(provider, simulator)
    await simulator.go_wrong(f"{step}.decline", payment_intent=intent)

    for _ in range(2):
        with pytest.raises(PaymentRefused) as refused:
            await ask(provider, intent)
        assert (refused.value.code, refused.value.decline_code) == (code, decline_code)
    assert await looks(provider, intent) == undone
    await ask(provider, intent, "once more")
    assert await looks(provider, intent) == done


async def test_a_confirmation_can_be_declined_whatever_the_card(
    provider: PaymentProvider, simulator: SimulatorProcess
) -> None:
    """Switched on by the payment's own metadata; the customer may try again."""
    form = {"amount": PRICE, "currency": "eur", "capture_method": "manual"}
    _, intent, _ = await simulator.post(
        "/v1/payment_intents", {**form, "metadata[faults]": "confirm.decline"}
    )

    status, body = await simulator.confirm(intent["id"])
    declined = await provider.look_up(payment_intent=intent["id"])
    again, _ = await simulator.confirm(intent["id"])

    assert (status, body["error"]["code"], again) == (402, "card_declined", 200)
    assert declined.decline_code == "generic_decline"
    assert await looks(provider, intent["id"]) == BEFORE


@pytest.mark.parametrize(
    ("fault", "there"), [("reply_lost", True), ("error", False), ("error_acted", True)]
)
async def test_a_payment_whose_answer_never_comes_is_found_by_its_checkout(
    provider: PaymentProvider, simulator: SimulatorProcess, *, fault: str, there: bool
) -> None:
    """Nobody knows its name; the list of what was opened since does."""
    checkout_id, since = fresh_checkout(), datetime.now(UTC) - timedelta(minutes=1)
    await simulator.go_wrong(f"create.{fault}", checkout_id=checkout_id)

    with pytest.raises(PaymentUnknown):
        await opened(provider, checkout_id)
    found = await provider.find_payment(checkout_id=checkout_id, since=since)
    later = await provider.find_payment(checkout_id=checkout_id, since=since + timedelta(hours=1))

    assert (found is not None) is there
    assert found is None or found.checkout_id == checkout_id
    assert later is None


async def test_what_is_looked_for_is_found_behind_many_others(
    own_provider: PaymentProvider, own_simulator: SimulatorProcess
) -> None:
    """A page holds a hundred."""
    since = datetime.now(UTC) - timedelta(minutes=1)
    wanted = await opened(own_provider, "co_wanted")
    await asyncio.gather(*(opened(own_provider, f"co_{n}") for n in range(205)))

    found = await own_provider.find_payment(checkout_id="co_wanted", since=since)

    assert found == wanted
    assert await own_provider.find_payment(checkout_id="co_nobody", since=since) is None


async def test_a_refund_is_found_by_the_operation_that_asked_for_it(
    provider: PaymentProvider, simulator: SimulatorProcess
) -> None:
    """As it stands now; asking again would only repeat how it once stood."""
    intent = await captured(provider, simulator)
    await simulator.go_wrong(f"refund.fails_later={LATE_SECONDS}", payment_intent=intent)
    asked = await back(provider, intent)

    async def failed() -> bool:
        found = await provider.find_refund(payment_intent=intent, idempotency_key=f"{intent}:back")
        return found is not None and found.state is RefundState.FAILED

    await until(failed)
    repeated = await back(provider, intent)

    assert asked.state is repeated.state is RefundState.PENDING
    assert await looks(provider, intent) == TAKEN
    other = await provider.find_refund(payment_intent=intent, idempotency_key=f"{intent}:other")
    assert other is None


async def test_a_refund_can_stay_pending(
    provider: PaymentProvider, simulator: SimulatorProcess
) -> None:
    """Its money is neither here nor there."""
    intent = await captured(provider, simulator)
    await simulator.go_wrong("refund.stays_pending", payment_intent=intent)

    asked = await back(provider, intent)

    assert asked.state is RefundState.PENDING


@pytest.mark.parametrize("fault", ["error", "reply_lost*2", "time_out"])
async def test_a_look_up_can_fail_and_says_nothing_then(
    provider: PaymentProvider, simulator: SimulatorProcess, fault: str
) -> None:
    """Asked again, it tells; the HTTP client does so once by itself where only the reply was lost."""
    intent = await authorized(provider, simulator)
    await simulator.go_wrong(f"retrieve.{fault}", payment_intent=intent)

    async with hasty(simulator) as impatient:
        with pytest.raises(PaymentError) as unknown:
            await looks(impatient, intent)

    assert isinstance(unknown.value, PaymentUnknown)
    assert await looks(provider, intent) == BEFORE
