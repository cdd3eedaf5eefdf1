"""From the provider's words to ours: the one place that reads Stripe's objects and exceptions.

Functions only; nothing here talks to anybody.
"""

from __future__ import annotations

import re
from typing import Final

import stripe

from payments.errors import (
    PaymentError,
    PaymentMisconfigured,
    PaymentRefused,
    PaymentThrottled,
    PaymentUnknown,
)
from payments.values import ProviderPayment, ProviderRefund, ProviderState, RefundState

STATE_OF_STATUS: Final = {
    "requires_payment_method": ProviderState.REQUIRES_PAYMENT,
    "requires_confirmation": ProviderState.REQUIRES_PAYMENT,
    "requires_action": ProviderState.REQUIRES_PAYMENT,
    "processing": ProviderState.PROCESSING,
    "requires_capture": ProviderState.AUTHORIZED,
    "succeeded": ProviderState.CAPTURED,
    "canceled": ProviderState.VOIDED,
}
STATE_OF_REFUND: Final = {
    "pending": RefundState.PENDING,
    "requires_action": RefundState.PENDING,
    "succeeded": RefundState.SUCCEEDED,
    "failed": RefundState.FAILED,
    "canceled": RefundState.FAILED,
}
OPERATION: Final = "operation"
"""Where a refund carries the key of the operation that asked for it."""
# Codes go into logs, metrics and histories: what does not look like one is prose, and stays out.
CODE: Final = re.compile(r"[a-z0-9_]{1,64}", re.ASCII)
RETRY_AFTER_DEFAULT_SECONDS: Final = 1.0
RETRY_AFTER_MOST_SECONDS: Final = 60.0
CONFLICT: Final = 409


def payment_from(intent: stripe.PaymentIntent) -> ProviderPayment:
    """Read an intent that was asked for with `latest_charge` expanded.

    Raises:
        KeyError, AttributeError, TypeError: the answer is no intent that we understand.

    """
    state = STATE_OF_STATUS[intent.status]
    last_error = intent.last_payment_error
    declined = last_error is not None and state is ProviderState.REQUIRES_PAYMENT
    return ProviderPayment(
        payment_intent=intent.id,
        checkout_id=_checkout_id(intent),
        state=state,
        amount_minor=intent.amount,
        currency=intent.currency.upper(),
        authorized_minor=_authorized_minor(intent, state),
        captured_minor=intent.amount_received if state is ProviderState.CAPTURED else 0,
        refunded_minor=_refunded_minor(intent),
        client_secret=intent.client_secret,
        decline_code=_decline_code(last_error) if declined else None,
        declined=_attempt(last_error) if declined else None,
    )


def payment_of(intent: stripe.PaymentIntent, checkout_id: str) -> ProviderPayment | None:
    """Read an intent if it is this checkout's, as `payment_from` does; nobody else's is looked into."""
    return payment_from(intent) if _checkout_id(intent) == checkout_id else None


def _checkout_id(intent: stripe.PaymentIntent) -> str | None:
    said = intent.metadata.to_dict().get("checkout_id")
    return said if isinstance(said, str) else None


def _authorized_minor(intent: stripe.PaymentIntent, state: ProviderState) -> int:
    if state is ProviderState.AUTHORIZED:
        return intent.amount_capturable
    return intent.amount if state is ProviderState.CAPTURED else 0


def _refunded_minor(intent: stripe.PaymentIntent) -> int:
    """Leave out what a partial capture or a void released: Stripe counts that as refunded, too."""
    charge = intent.latest_charge
    if charge is None or isinstance(charge, str):
        return 0
    released_minor = charge.amount - charge.amount_captured
    return max(0, charge.amount_refunded - released_minor)


def _attempt(error: object) -> str | None:
    charge = getattr(error, "charge", None)
    return charge if isinstance(charge, str) else None


def _decline_code(error: object) -> str:
    return (
        _code(getattr(error, "decline_code", None))
        or _code(getattr(error, "code", None))
        or "declined"
    )


def refund_from(refund: stripe.Refund) -> ProviderRefund:
    """Read a refund.

    Raises:
        KeyError, AttributeError, TypeError: the answer is no refund that we understand.

    """
    intent = refund.payment_intent
    if intent is None:
        raise TypeError
    return ProviderRefund(
        refund_id=refund.id,
        payment_intent=intent if isinstance(intent, str) else intent.id,
        amount_minor=refund.amount,
        state=STATE_OF_REFUND[refund.status or ""],
    )


def refund_of(refund: stripe.Refund, operation: str) -> ProviderRefund | None:
    """Read a refund if it was asked for by this operation, as `refund_from` does."""
    metadata = {} if refund.metadata is None else refund.metadata.to_dict()
    return refund_from(refund) if metadata.get(OPERATION) == operation else None


def error_from(error: stripe.StripeError) -> PaymentError:  # noqa: PLR0911 - one return a case
    """Name the family of an SDK exception: whatever is not plainly an answer is unknown."""
    match error:
        case stripe.RateLimitError():
            return PaymentThrottled(_retry_after_seconds(error))
        case stripe.AuthenticationError() | stripe.PermissionError():
            return PaymentMisconfigured(error.http_status)
        case stripe.IdempotencyError():
            return PaymentRefused("idempotency_error")
        case stripe.CardError() | stripe.InvalidRequestError():
            return _refused(error)
        case stripe.APIConnectionError():
            return PaymentUnknown("connection")
        case _ if error.http_status == CONFLICT:
            return PaymentUnknown("in-flight", CONFLICT)
        case _:
            replayed = (error.headers or {}).get("Idempotent-Replayed") == "true"
            return PaymentUnknown("provider", error.http_status, replayed=replayed)


def _refused(error: stripe.StripeError) -> PaymentRefused:
    said = error.error
    code = _code(error.code) or _code(getattr(said, "type", None)) or "refused"
    intent = getattr(said, "payment_intent", None)
    return PaymentRefused(
        code,
        decline_code=_code(getattr(said, "decline_code", None)),
        payment_intent=getattr(intent, "id", None),
    )


def _code(said: object) -> str | None:
    return said if isinstance(said, str) and CODE.fullmatch(said) else None


def _retry_after_seconds(error: stripe.StripeError) -> float:
    said = (error.headers or {}).get("Retry-After", "")
    if not (said.isascii() and said.isdigit()):
        return RETRY_AFTER_DEFAULT_SECONDS
    return min(float(said), RETRY_AFTER_MOST_SECONDS)
