"""What each of the provider's calls asks for: its parameters read and checked, then carried out.

Nothing is kept here: an operation returns what it would change.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from payments.simulator.currencies import CURRENCIES
from payments.simulator.forms import Form
from payments.simulator.intents import (
    Cancel,
    Capture,
    CaptureMethod,
    Change,
    Confirm,
    EventKind,
    GiveBack,
    Intent,
    IntentStatus,
    decide,
)
from payments.simulator.payment_methods import PAYMENT_METHODS, PaymentMethod
from payments.simulator.refunds import Refund, begun
from payments.simulator.refusals import Decline, Refusal, invalid, missing
from payments.simulator.till import Till

AMOUNT_MOST_MINOR: Final = 99_999_999
CANCELLATION_REASONS: Final = {
    None,
    "duplicate",
    "fraudulent",
    "requested_by_customer",
    "abandoned",
}
REFUND_REASONS: Final = {None, "duplicate", "fraudulent", "requested_by_customer"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What an operation changes and tells; `refund` is set where the answer is one."""

    intent: Intent
    refund: Refund | None = None
    events: tuple[EventKind, ...] = ()
    decline: Decline | None = None
    expand_charge: bool = False


Operation: TypeAlias = Callable[[Till, Form, int], Outcome]


def new_id(prefix: str) -> str:
    """Make an id that nobody can guess."""
    return f"{prefix}_{secrets.token_hex(12)}"


def create(till: Till, form: Form, now: int) -> Outcome:
    """Open a payment, and try to pay it at once where `confirm` says so."""
    _ = till
    method_name = form.text("payment_method")
    at_once = form.flag("confirm")
    intent_id = new_id("pi")
    intent = Intent(
        intent_id=intent_id,
        client_secret=f"{intent_id}_secret_{secrets.token_hex(12)}",
        created=now,
        amount_minor=_required_amount(form),
        currency=_currency(form),
        capture_method=form.choice("capture_method", CaptureMethod, CaptureMethod.AUTOMATIC_ASYNC),
        metadata=form.metadata(),
    )
    expand = _expand(form)
    form.ignore("automatic_payment_methods", "payment_method_types", "payment_method_options")
    form.ignore("description", "receipt_email", "return_url", "statement_descriptor_suffix")
    form.finish()
    if at_once:
        return _outcome(decide(intent, _confirmation(method_name)), expand_charge=expand)
    if method_name is not None:
        ready = IntentStatus.REQUIRES_CONFIRMATION
        intent = replace(intent, payment_method=_method(method_name).name, status=ready)
    return Outcome(intent=intent, expand_charge=expand)


def confirm(intent_id: str) -> Operation:
    """Pay, as the customer does: with the intent's client secret, or for them with our API key."""

    def carry_out(till: Till, form: Form, _now: int) -> Outcome:
        intent = till.intent(intent_id)
        check_client_secret(intent, form)
        method_name = form.text("payment_method")
        expand = _expand(form)
        form.ignore("return_url", "use_stripe_sdk", "key", "receipt_email", "off_session")
        form.ignore("mandate_data", "expected_payment_method_type", "payment_method_options")
        form.finish()
        request = _confirmation(method_name or intent.payment_method)
        return _outcome(decide(intent, request), expand_charge=expand)

    return carry_out


def capture(intent_id: str) -> Operation:
    """Take what was authorized, or part of it."""

    def carry_out(till: Till, form: Form, _now: int) -> Outcome:
        intent = till.intent(intent_id)
        request = Capture(amount_minor=_amount(form, "amount_to_capture"))
        expand = _expand(form)
        form.finish()
        return _outcome(decide(intent, request), expand_charge=expand)

    return carry_out


def cancel(intent_id: str) -> Operation:
    """Give up a payment that was not captured."""

    def carry_out(till: Till, form: Form, now: int) -> Outcome:
        intent = till.intent(intent_id)
        reason = form.text("cancellation_reason")
        if reason not in CANCELLATION_REASONS:
            raise invalid("cancellation_reason", "Invalid cancellation_reason")
        expand = _expand(form)
        form.finish()
        return _outcome(decide(intent, Cancel(at=now, reason=reason)), expand_charge=expand)

    return carry_out


def refund(till: Till, form: Form, now: int) -> Outcome:
    """Give captured money back."""
    intent = till.intent(form.required("payment_intent"), "payment_intent")
    asked = _amount(form, "amount")
    reason = form.text("reason")
    if reason not in REFUND_REASONS:
        raise invalid("reason", "Invalid reason")
    metadata = form.metadata()
    _expand(form)
    form.finish()
    changed = decide(intent, GiveBack(amount_minor=asked)).intent
    value, events = begun(
        Refund(
            refund_id=new_id("re"),
            intent_id=intent.intent_id,
            charge_id=intent.charge_id,
            created=now,
            amount_minor=changed.refunded_minor - intent.refunded_minor,
            currency=intent.currency,
            reason=reason,
            metadata=metadata,
        ),
        _method(intent.payment_method or "").refund,
    )
    return Outcome(intent=changed, refund=value, events=events)


def check_client_secret(intent: Intent, form: Form) -> None:
    """Let a request without client secret pass: the teller has seen its API key.

    Raises:
        Refusal: the secret is another intent's, or made up.

    """
    said = form.text("client_secret")
    if said is not None and not hmac.compare_digest(said.encode(), intent.client_secret.encode()):
        message = "The client_secret provided does not match any associated PaymentIntent."
        raise invalid("client_secret", message)


def _outcome(change: Change, *, expand_charge: bool) -> Outcome:
    return Outcome(
        intent=change.intent,
        events=change.events,
        decline=change.decline,
        expand_charge=expand_charge,
    )


def _confirmation(method_name: str | None) -> Confirm:
    if method_name is None:
        raise Refusal(
            400,
            "You cannot confirm this PaymentIntent because it's missing a payment method.",
            code="payment_intent_unexpected_state",
            began=True,
        )
    return Confirm(method=_method(method_name), charge_id=new_id("ch"))


def _method(name: str) -> PaymentMethod:
    found = PAYMENT_METHODS.get(name)
    if found is None:
        noun = "PaymentMethod"
        raise missing(noun, name[:80], "payment_method")
    return found


def _expand(form: Form) -> bool:
    return "latest_charge" in form.words("expand")


def _required_amount(form: Form) -> int:
    amount_minor = _amount(form, "amount")
    if amount_minor is None:
        message = "Missing required param: amount."
        raise invalid("amount", message, "parameter_missing")
    return amount_minor


def _amount(form: Form, name: str) -> int | None:
    amount_minor = form.integer(name)
    if amount_minor is None:
        return None
    if amount_minor < 1:
        message = "This value must be greater than or equal to 1."
        raise invalid(name, message, "parameter_invalid_integer")
    if amount_minor > AMOUNT_MOST_MINOR:
        message = f"Amount must be no more than {AMOUNT_MOST_MINOR}."
        raise invalid(name, message, "amount_too_large")
    return amount_minor


def _currency(form: Form) -> str:
    currency = form.required("currency").lower()
    if currency not in CURRENCIES:
        raise invalid("currency", f"Invalid currency: {currency[:8]}")
    return currency
