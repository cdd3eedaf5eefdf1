"""What may become of a payment's money: pure rules, one intent and one request at a time.

Knows neither wire nor clock. At every moment `captured <= authorized` and `refunded <= captured`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeAlias

from payments.simulator.payment_methods import AUTHENTICATION_FAILED, DEBIT_FAILED, PaymentMethod
from payments.simulator.refusals import Decline, Refusal, too_large, unexpected_state


class IntentStatus(StrEnum):
    """The provider's own statuses."""

    REQUIRES_PAYMENT_METHOD = "requires_payment_method"
    REQUIRES_CONFIRMATION = "requires_confirmation"
    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    REQUIRES_CAPTURE = "requires_capture"
    SUCCEEDED = "succeeded"
    CANCELED = "canceled"


class CaptureMethod(StrEnum):
    """Whether the money is taken at once or when asked for."""

    AUTOMATIC = "automatic"
    AUTOMATIC_ASYNC = "automatic_async"
    MANUAL = "manual"


class EventKind(StrEnum):
    """What the provider tells by webhook."""

    AUTHORIZED = "payment_intent.amount_capturable_updated"
    SUCCEEDED = "payment_intent.succeeded"
    FAILED = "payment_intent.payment_failed"
    CANCELED = "payment_intent.canceled"
    PROCESSING = "payment_intent.processing"
    REFUND_CREATED = "refund.created"
    REFUND_UPDATED = "refund.updated"
    REFUND_FAILED = "refund.failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """One payment, with the latest attempt (`charge_id`) to pay it.

    `authorized_minor` is what that attempt authorized, and stays; `refunded_minor` counts refunds
    that are pending or succeeded, not what a partial capture released.
    """

    intent_id: str
    client_secret: str
    created: int
    amount_minor: int
    currency: str
    capture_method: CaptureMethod
    metadata: Mapping[str, str]
    status: IntentStatus = IntentStatus.REQUIRES_PAYMENT_METHOD
    payment_method: str | None = None
    charge_id: str | None = None
    authorized_minor: int = 0
    captured_minor: int = 0
    refunded_minor: int = 0
    decline: Decline | None = None
    canceled_at: int | None = None
    cancellation_reason: str | None = None

    @property
    def capturable_minor(self) -> int:
        """What could be captured now."""
        return self.authorized_minor if self.status is IntentStatus.REQUIRES_CAPTURE else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirm:
    """The customer pays by `method`; `charge_id` names the attempt."""

    method: PaymentMethod
    charge_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Authenticate:
    """The customer proved who they are, or did not."""

    passed: bool
    charge_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settle:
    """The bank's late word on a payment that was processing."""

    paid: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """Take `amount_minor`, or all there is, and release the rest."""

    amount_minor: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """Give the payment up."""

    at: int
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveBack:
    """Refund `amount_minor`, or all that is left."""

    amount_minor: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeBackRefund:
    """A refund of `amount_minor` failed: its money is ours again."""

    amount_minor: int


Request: TypeAlias = Confirm | Authenticate | Settle | Capture | Cancel | GiveBack | TakeBackRefund


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The intent afterwards, and what is told by webhook. A decline is a change, not a refusal."""

    intent: Intent
    events: tuple[EventKind, ...] = ()
    decline: Decline | None = None


PAYABLE = frozenset({IntentStatus.REQUIRES_PAYMENT_METHOD, IntentStatus.REQUIRES_CONFIRMATION})
CANCELABLE = PAYABLE | {IntentStatus.REQUIRES_ACTION, IntentStatus.REQUIRES_CAPTURE}


def decide(intent: Intent, request: Request) -> Change:  # noqa: PLR0911 - one return a request
    """Carry out one request.

    Raises:
        Refusal: the intent's state or amounts do not allow it; nothing changed.

    """
    match request:
        case Confirm():
            return _confirm(intent, request)
        case Authenticate():
            return _authenticate(intent, request)
        case Settle():
            return _settle(intent, request)
        case Capture():
            return _capture(intent, request)
        case Cancel():
            return _cancel(intent, request)
        case GiveBack():
            return _give_back(intent, request)
        case TakeBackRefund():
            return _take_back(intent, request)


def _confirm(intent: Intent, request: Confirm) -> Change:
    if intent.status not in PAYABLE:
        raise unexpected_state("confirm", intent.status, intent.intent_id)
    method = request.method
    tried = replace(intent, payment_method=method.name, charge_id=request.charge_id)
    if method.decline is not None:
        return declined_by(tried, method.decline)
    if method.challenge:
        return Change(intent=replace(tried, status=IntentStatus.REQUIRES_ACTION, charge_id=None))
    if method.settles is not None:
        processing = replace(tried, status=IntentStatus.PROCESSING, decline=None)
        return Change(intent=processing, events=(EventKind.PROCESSING,))
    return _approved(tried)


def _authenticate(intent: Intent, request: Authenticate) -> Change:
    if intent.status is not IntentStatus.REQUIRES_ACTION:
        raise unexpected_state("authenticate", intent.status, intent.intent_id)
    if request.passed:
        return _approved(replace(intent, charge_id=request.charge_id))
    return declined_by(intent, AUTHENTICATION_FAILED)


def _settle(intent: Intent, request: Settle) -> Change:
    if intent.status is not IntentStatus.PROCESSING:
        raise unexpected_state("settle", intent.status, intent.intent_id)
    return _taken(intent) if request.paid else declined_by(intent, DEBIT_FAILED)


def _approved(intent: Intent) -> Change:
    if intent.capture_method is not CaptureMethod.MANUAL:
        return _taken(intent)
    held = replace(
        intent,
        status=IntentStatus.REQUIRES_CAPTURE,
        authorized_minor=intent.amount_minor,
        decline=None,
    )
    return Change(intent=held, events=(EventKind.AUTHORIZED,))


def _taken(intent: Intent) -> Change:
    """Authorize and capture in one: what automatic capture and bank debits do."""
    taken = replace(
        intent,
        status=IntentStatus.SUCCEEDED,
        authorized_minor=intent.amount_minor,
        captured_minor=intent.amount_minor,
        decline=None,
    )
    return Change(intent=taken, events=(EventKind.SUCCEEDED,))


def declined_by(intent: Intent, decline: Decline) -> Change:
    """Give an attempt to pay up: the customer may make another one."""
    back = replace(
        intent,
        status=IntentStatus.REQUIRES_PAYMENT_METHOD,
        payment_method=None,
        decline=decline,
    )
    return Change(intent=back, events=(EventKind.FAILED,), decline=decline)


def _capture(intent: Intent, request: Capture) -> Change:
    if intent.status is not IntentStatus.REQUIRES_CAPTURE:
        raise unexpected_state("capture", intent.status, intent.intent_id)
    amount_minor = intent.capturable_minor if request.amount_minor is None else request.amount_minor
    if amount_minor > intent.capturable_minor:
        raise too_large("amount_to_capture", amount_minor, intent.capturable_minor)
    taken = replace(intent, status=IntentStatus.SUCCEEDED, captured_minor=amount_minor)
    return Change(intent=taken, events=(EventKind.SUCCEEDED,))


def _cancel(intent: Intent, request: Cancel) -> Change:
    # A bank debit under way cannot be called back.
    if intent.status not in CANCELABLE:
        raise unexpected_state("cancel", intent.status, intent.intent_id)
    canceled = replace(
        intent,
        status=IntentStatus.CANCELED,
        canceled_at=request.at,
        cancellation_reason=request.reason,
    )
    return Change(intent=canceled, events=(EventKind.CANCELED,))


def _give_back(intent: Intent, request: GiveBack) -> Change:
    if intent.status is not IntentStatus.SUCCEEDED:
        raise unexpected_state("refund", intent.status, intent.intent_id)
    left_minor = intent.captured_minor - intent.refunded_minor
    if left_minor == 0:
        message = "The charge of this PaymentIntent has already been refunded."
        raise Refusal(400, message, code="charge_already_refunded", began=True)
    amount_minor = left_minor if request.amount_minor is None else request.amount_minor
    if amount_minor > left_minor:
        # The provider gives no code here.
        message = f"Refund amount {amount_minor} is greater than unrefunded amount {left_minor}."
        raise Refusal(400, message, param="amount", began=True)
    return Change(intent=replace(intent, refunded_minor=intent.refunded_minor + amount_minor))


def _take_back(intent: Intent, request: TakeBackRefund) -> Change:
    if request.amount_minor > intent.refunded_minor:
        raise unexpected_state("unrefund", intent.status, intent.intent_id)
    return Change(
        intent=replace(intent, refunded_minor=intent.refunded_minor - request.amount_minor)
    )
