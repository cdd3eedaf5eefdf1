"""What a payment and a refund are to us: the provider's answers, reduced to what we decide by."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class ProviderState(StrEnum):
    """Our reading of the provider's status of a payment."""

    REQUIRES_PAYMENT = "requires_payment"
    PROCESSING = "processing"
    AUTHORIZED = "authorized"
    CAPTURED = "captured"
    VOIDED = "voided"


class RefundState(StrEnum):
    """What became of a refund; one that succeeded may still fail days later."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderPayment:
    """One payment as the provider saw it when it answered.

    `authorized_minor` is what had been authorized, and stays when less than that was captured; it
    is 0 before an authorization and after a void. `decline_code` speaks of the last attempt, until
    one succeeds; `declined` names that attempt, where it came as far as to have a name.
    """

    payment_intent: str
    checkout_id: str | None
    state: ProviderState
    amount_minor: int
    currency: str
    authorized_minor: int
    captured_minor: int
    refunded_minor: int
    client_secret: str | None = field(repr=False)
    decline_code: str | None
    declined: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderRefund:
    """One refund as the provider saw it when it answered."""

    refund_id: str
    payment_intent: str
    amount_minor: int
    state: RefundState
