"""The four ways in which asking the payment provider can go wrong.

Messages hold codes and ids alone: the provider's prose may quote a customer, and messages reach
logs and workflow histories. Each error carries its facts as attributes, and a stable `code`.
"""

from __future__ import annotations


class PaymentError(Exception):
    """Whatever the provider did other than what was asked; raised only as one of its four kinds."""

    code: str


class PaymentRefused(PaymentError):
    """The provider answered no, which is a fact about the world; asking again will not change it.

    `code` is the provider's own: `card_declined`, `payment_intent_unexpected_state`,
    `amount_too_large`, `resource_missing`, `idempotency_error` for a key used before with another
    request, `invalid_request_error` where the provider gives none, …
    """

    def __init__(
        self, code: str, decline_code: str | None = None, payment_intent: str | None = None
    ) -> None:
        self.code = code
        self.decline_code = decline_code
        self.payment_intent = payment_intent
        detail = code if decline_code is None else f"{code} ({decline_code})"
        super().__init__(f"payment refused: {detail}")


class PaymentUnknown(PaymentError):
    """No answer that can be believed: what was asked may or may not have happened.

    Repeat it under the same idempotency key, or look the payment up; never assume either outcome.
    `cause` is `connection`, `provider` (5xx), `in-flight` (a twin of this request is being carried
    out) or `unreadable`. `replayed` tells that the first request under this key is over, and that this
    is all that will ever be answered to it: then only looking it up helps, and what is not there by
    now will not come.
    """

    code = "payment-unknown"

    def __init__(
        self, cause: str, http_status: int | None = None, *, replayed: bool = False
    ) -> None:
        self.cause = cause
        self.http_status = http_status
        self.replayed = replayed
        super().__init__(f"payment outcome unknown: {cause}")


class PaymentThrottled(PaymentError):
    """The provider asks us to slow down; what was asked was not carried out."""

    code = "payment-throttled"

    def __init__(self, retry_after_seconds: float) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__(f"payment provider throttles: retry after {retry_after_seconds:g} s")


class PaymentMisconfigured(PaymentError):
    """The provider does not accept our key for this; a person has to change the settings."""

    code = "payment-misconfigured"

    def __init__(self, http_status: int | None) -> None:
        self.http_status = http_status
        super().__init__(f"payment provider rejects our key: HTTP {http_status}")
