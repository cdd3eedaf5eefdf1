"""Our provider, through the official SDK, against the simulator: what each question brings."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import TYPE_CHECKING

import pytest
import stripe

from payments.errors import PaymentMisconfigured, PaymentRefused, PaymentUnknown
from payments.provider import PaymentProvider
from payments.values import ProviderPayment, ProviderState, RefundState

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.integration.payments.conftest import SimulatorProcess

LAMP_MINOR = 4_900
_keys = count()


def fresh_key() -> str:
    """Make an idempotency key that no other test uses."""
    return f"provider-test-{next(_keys)}"


async def opened(provider: PaymentProvider) -> ProviderPayment:
    """Open a payment for a lamp."""
    return await provider.authorize(
        checkout_id="co_lamp", amount_minor=LAMP_MINOR, currency="EUR", idempotency_key=fresh_key()
    )


async def authorized(provider: PaymentProvider, simulator: SimulatorProcess) -> ProviderPayment:
    """Open a payment for a lamp, and have the customer pay."""
    payment = await opened(provider)
    status, _ = await simulator.confirm(payment.payment_intent)
    assert status == 200
    return await provider.look_up(payment_intent=payment.payment_intent)


async def captured(provider: PaymentProvider, simulator: SimulatorProcess) -> ProviderPayment:
    """Have a lamp paid for, and take the money."""
    payment = await authorized(provider, simulator)
    return await provider.capture(
        payment_intent=payment.payment_intent, amount_minor=LAMP_MINOR, idempotency_key=fresh_key()
    )


@pytest.fixture
async def raw(simulator: SimulatorProcess) -> AsyncIterator[stripe.StripeClient]:
    """Give the official SDK, bare."""
    transport = stripe.AIOHTTPClient(timeout=None)
    yield stripe.StripeClient(
        simulator.key, base_addresses={"api": simulator.url}, http_client=transport
    )
    await transport.close_async()  # type: ignore[no-untyped-call]


async def test_a_payment_is_opened_for_the_customer_to_confirm(provider: PaymentProvider) -> None:
    """What the checkout stores: the intent's id, and a secret for the customer's browser alone."""
    payment = await opened(provider)

    assert payment.state is ProviderState.REQUIRES_PAYMENT
    assert payment.checkout_id == "co_lamp"
    assert (payment.amount_minor, payment.currency) == (LAMP_MINOR, "EUR")
    assert (payment.authorized_minor, payment.captured_minor, payment.refunded_minor) == (0, 0, 0)
    assert payment.client_secret is not None
    assert payment.client_secret not in repr(payment)


async def test_a_paid_checkout_goes_from_authorized_to_captured(
    provider: PaymentProvider, simulator: SimulatorProcess
) -> None:
    """The main road: create, confirm, look up, capture."""
    payment = await authorized(provider, simulator)
    assert payment.state is ProviderState.AUTHORIZED
    assert (payment.authorized_minor, payment.captured_minor) == (LAMP_MINOR, 0)

    taken = await provider.capture(
        payment_intent=payment.payment_intent, amount_minor=LAMP_MINOR, idempotency_key=fresh_key()
    )

    assert taken.state is ProviderState.CAPTURED
    assert (taken.authorized_minor, taken.captured_minor) == (LAMP_MINOR, LAMP_MINOR)
    assert taken == await provider.look_up(payment_intent=payment.payment_intent)


@pytest.mark.parametrize(
    ("method", "code", "decline_code"),
    [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error"),
    ],
)
async def test_a_declined_card_leaves_the_payment_open_for_another(
    provider: PaymentProvider,
    raw: stripe.StripeClient,
    method: str,
    code: str,
    decline_code: str,
) -> None:
    """A decline is an answer of its own (402), tells why, and ends nothing."""
    payment = await opened(provider)

    with pytest.raises(stripe.CardError) as declined:
        await raw.v1.payment_intents.confirm_async(
            payment.payment_intent, {"payment_method": method}
        )

    assert declined.value.code == code
    said = declined.value.error
    assert said is not None
    assert said.payment_intent is not None
    assert said.payment_intent.id == payment.payment_intent
    after = await provider.look_up(payment_intent=payment.payment_intent)
    assert (after.state, after.decline_code) == (ProviderState.REQUIRES_PAYMENT, decline_code)
    mastercard = "pm_card_mastercard"
    await raw.v1.payment_intents.confirm_async(
        payment.payment_intent, {"payment_method": mastercard}
    )
    paid = await provider.look_up(payment_intent=payment.payment_intent)
    assert (paid.state, paid.decline_code) == (ProviderState.AUTHORIZED, None)


async def test_a_partial_capture_releases_the_rest(
    provider: PaymentProvider, simulator: SimulatorProcess
) -> None:
    """What was released was never ours: no refund, though the provider's charge says so."""
    payment = await authorized(provider, simulator)

    taken = await provider.capture(
        payment_intent=payment.payment_intent, amount_minor=4_000, idempotency_key=fresh_key()
    )

    assert (taken.authorized_minor, taken.captured_minor) == (LAMP_MINOR, 4_000)
    assert taken.refunded_minor == 0
    with pytest.raises(PaymentRefused) as refused:
        await provider.capture(
            payment_intent=payment.payment_intent, amount_minor=900, idempotency_key=fresh_key()
        )
    assert refused.value.code == "payment_intent_unexpected_state"
    assert refused.value.payment_intent == payment.payment_intent


async def test_more_than_was_authorized_cannot_be_captured(
    provider: PaymentProvider, simulator: SimulatorProcess
) -> None:
    """The provider guards the customer's money against our arithmetic."""
    payment = await authorized(provider, simulator)

    with pytest.raises(PaymentRefused) as refused:
        await provider.capture(
            payment_intent=payment.payment_intent,
            amount_minor=LAMP_MINOR + 1,
            idempotency_key=fresh_key(),
        )

    assert refused.value.code == "amount_too_large"
    after = await provider.look_up(payment_intent=payment.payment_intent)
    assert after == payment


async def test_a_payment_that_nobody_confirmed_cannot_be_captured(
    provider: PaymentProvider,
) -> None:
    """Capture needs an authorization."""
    payment = await opened(provider)

    with pytest.raises(PaymentRefused) as refused:
        await provider.capture(
            payment_intent=payment.payment_intent, amount_minor=1, idempotency_key=fresh_key()
        )

    assert refused.value.code == "payment_intent_unexpected_state"


async def test_a_void_releases_what_was_authorized(
    provider: PaymentProvider, simulator: SimulatorProcess
) -> None:
    """After a void nothing is held, nothing counts as refunded, and nothing can be captured."""
    payment = await authorized(provider, simulator)

    voided = await provider.void(payment_intent=payment.payment_intent, idempotency_key=fresh_key())

    assert voided.state is ProviderState.VOIDED
    assert (voided.authorized_minor, voided.captured_minor, voided.refunded_minor) == (0, 0, 0)
    with pytest.raises(PaymentRefused, match="payment_intent_unexpected_state"):
        await provider.capture(
            payment_intent=payment.payment_intent, amount_minor=1, idempotency_key=fresh_key()
        )


async def test_a_captured_payment_cannot_be_voided(
    provider: PaymentProvider, simulator: SimulatorProcess
) -> None:
    """That is what refunds are for: a refused cancel at the end of the TTL is a late payment."""
    payment = await captured(provider, simulator)

    with pytest.raises(PaymentRefused) as refused:
        await provider.void(payment_intent=payment.payment_intent, idempotency_key=fresh_key())

    assert refused.value.code == "payment_intent_unexpected_state"


async def test_refunds_add_up_to_what_was_captured_and_no_more(
    provider: PaymentProvider, simulator: SimulatorProcess
) -> None:
    """Another simulator let 999,999 be refunded of 3,000."""
    payment = await captured(provider, simulator)
    intent = payment.payment_intent

    first = await provider.refund(
        payment_intent=intent, amount_minor=900, idempotency_key=fresh_key()
    )
    assert (first.amount_minor, first.state) == (900, RefundState.SUCCEEDED)
    with pytest.raises(PaymentRefused) as over:
        await provider.refund(
            payment_intent=intent, amount_minor=4_001, idempotency_key=fresh_key()
        )
    assert over.value.code == "invalid_request_error"
    await provider.refund(payment_intent=intent, amount_minor=4_000, idempotency_key=fresh_key())
    with pytest.raises(PaymentRefused) as again:
        await provider.refund(payment_intent=intent, amount_minor=1, idempotency_key=fresh_key())
    assert again.value.code == "charge_already_refunded"
    after = await provider.look_up(payment_intent=intent)
    assert (after.captured_minor, after.refunded_minor) == (LAMP_MINOR, LAMP_MINOR)


async def test_an_uncaptured_payment_cannot_be_refunded(
    provider: PaymentProvider, simulator: SimulatorProcess
) -> None:
    """Before capture there is nothing to give back."""
    payment = await authorized(provider, simulator)

    with pytest.raises(PaymentRefused, match="payment_intent_unexpected_state"):
        await provider.refund(
            payment_intent=payment.payment_intent, amount_minor=1, idempotency_key=fresh_key()
        )


async def test_twenty_at_once_under_one_key_open_one_payment(provider: PaymentProvider) -> None:
    """The key is the guard against charging twice; another simulator ignored it."""
    key = fresh_key()

    payments = await asyncio.gather(
        *(
            provider.authorize(
                checkout_id="co_lamp", amount_minor=LAMP_MINOR, currency="EUR", idempotency_key=key
            )
            for _ in range(20)
        )
    )

    assert len({payment.payment_intent for payment in payments}) == 1


async def test_a_capture_repeated_under_its_key_takes_the_money_once(
    provider: PaymentProvider, simulator: SimulatorProcess
) -> None:
    """What a lost reply is cured with: the same call, the same key, the same answer."""
    payment = await authorized(provider, simulator)
    key = fresh_key()

    answers = [
        await provider.capture(
            payment_intent=payment.payment_intent, amount_minor=LAMP_MINOR, idempotency_key=key
        )
        for _ in range(2)
    ]

    assert answers[0] == answers[1]
    assert answers[0].captured_minor == LAMP_MINOR


async def test_a_key_belongs_to_its_request(
    provider: PaymentProvider, simulator: SimulatorProcess
) -> None:
    """Other parameters or another call under the same key are refused, without effect."""
    payment = await authorized(provider, simulator)
    key = fresh_key()
    intent = payment.payment_intent
    await provider.authorize(
        checkout_id="co_lamp", amount_minor=LAMP_MINOR, currency="EUR", idempotency_key=key
    )

    with pytest.raises(PaymentRefused) as other_amount:
        await provider.authorize(
            checkout_id="co_lamp", amount_minor=LAMP_MINOR + 1, currency="EUR", idempotency_key=key
        )
    with pytest.raises(PaymentRefused) as other_call:
        await provider.void(payment_intent=intent, idempotency_key=key)

    assert other_amount.value.code == "idempotency_error"
    assert other_call.value.code == "idempotency_error"
    assert (await provider.look_up(payment_intent=intent)).state is ProviderState.AUTHORIZED


async def test_an_unknown_payment_is_refused(provider: PaymentProvider) -> None:
    """A payment intent of another account, or made up."""
    with pytest.raises(PaymentRefused) as refused:
        await provider.look_up(payment_intent="pi_nobodys")

    assert refused.value.code == "resource_missing"


async def test_a_wrong_key_is_our_mistake(simulator: SimulatorProcess) -> None:
    """No retry helps; a person has to look at the settings."""
    provider = PaymentProvider(base=simulator.url, key="sk_test_other", timeout_seconds=10)

    with pytest.raises(PaymentMisconfigured):
        await opened(provider)

    await provider.close()


async def test_a_provider_that_is_away_leaves_the_outcome_unknown(
    unused_tcp_port: int,
) -> None:
    """No connection is no answer."""
    provider = PaymentProvider(
        base=f"http://127.0.0.1:{unused_tcp_port}", key="sk_test_till", timeout_seconds=10
    )

    with pytest.raises(PaymentUnknown) as unknown:
        await opened(provider)

    assert unknown.value.cause == "connection"
    await provider.close()


async def test_a_provider_closed_before_its_first_question_leaks_nothing() -> None:
    """The SDK makes its session on demand, and closing demands it."""
    provider = PaymentProvider(base="http://127.0.0.1:9", key="sk_test_till", timeout_seconds=1)

    await provider.close()


async def test_a_refund_may_be_pending_first(
    provider: PaymentProvider, simulator: SimulatorProcess
) -> None:
    """Some banks take their time: the money counts as refunded from the beginning."""
    payment = await opened(provider)
    await simulator.confirm(payment.payment_intent, "pm_card_pendingRefund")
    await provider.capture(
        payment_intent=payment.payment_intent, amount_minor=LAMP_MINOR, idempotency_key=fresh_key()
    )

    refund = await provider.refund(
        payment_intent=payment.payment_intent, amount_minor=LAMP_MINOR, idempotency_key=fresh_key()
    )

    assert refund.state is RefundState.PENDING
    after = await provider.look_up(payment_intent=payment.payment_intent)
    assert after.refunded_minor == LAMP_MINOR
