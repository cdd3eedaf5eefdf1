"""Intents, refunds, refusals and events as the provider writes them."""

from __future__ import annotations

from typing import Any, Final

from payments.simulator.intents import EventKind, Intent, IntentStatus
from payments.simulator.refunds import Refund, RefundStatus
from payments.simulator.refusals import Decline, Refusal

API_VERSION: Final = "2026-10-28.endive"

Json = dict[str, Any]


def payment_intent(intent: Intent, *, expand_charge: bool = False) -> Json:
    """Render an intent; its latest charge as an id, or as a whole on demand."""
    return {
        "id": intent.intent_id,
        "object": "payment_intent",
        "amount": intent.amount_minor,
        "amount_capturable": intent.capturable_minor,
        "amount_received": intent.captured_minor,
        "automatic_payment_methods": {"allow_redirects": "always", "enabled": True},
        "canceled_at": intent.canceled_at,
        "cancellation_reason": intent.cancellation_reason,
        "capture_method": intent.capture_method,
        "client_secret": intent.client_secret,
        "confirmation_method": "automatic",
        "created": intent.created,
        "currency": intent.currency,
        "customer": None,
        "description": None,
        "last_payment_error": None
        if intent.decline is None
        else _card_error(intent.decline, intent),
        "latest_charge": charge(intent) if expand_charge else intent.charge_id,
        "livemode": False,
        "metadata": intent.metadata,
        "next_action": _next_action(intent),
        "payment_method": intent.payment_method,
        "payment_method_types": ["card", "us_bank_account"],
        "processing": None,
        "status": intent.status,
    }


def _next_action(intent: Intent) -> Json | None:
    if intent.status is not IntentStatus.REQUIRES_ACTION:
        return None
    where = {"url": f"/pay/{intent.intent_id}", "return_url": None}
    return {"type": "redirect_to_url", "redirect_to_url": where}


def charge(intent: Intent) -> Json | None:
    """Render the latest attempt; what a void or a partial capture released counts as refunded."""
    if intent.charge_id is None:
        return None
    captured = intent.status is IntentStatus.SUCCEEDED
    over = captured or intent.status is IntentStatus.CANCELED
    released_minor = intent.authorized_minor - intent.captured_minor if over else 0
    refunded_minor = released_minor + intent.refunded_minor
    return {
        "id": intent.charge_id,
        "object": "charge",
        "amount": intent.amount_minor,
        "amount_captured": intent.captured_minor,
        "amount_refunded": refunded_minor,
        "captured": captured,
        "created": intent.created,
        "currency": intent.currency,
        "failure_code": intent.decline.code if intent.decline else None,
        "livemode": False,
        "metadata": intent.metadata,
        "paid": intent.authorized_minor > 0,
        "payment_intent": intent.intent_id,
        "payment_method": intent.payment_method,
        "refunded": 0 < intent.authorized_minor == refunded_minor,
        "status": _charge_status(intent),
    }


def _charge_status(intent: Intent) -> str:
    if intent.authorized_minor > 0:
        return "succeeded"
    return "pending" if intent.status is IntentStatus.PROCESSING else "failed"


def refund(value: Refund) -> Json:
    """Render a refund."""
    failed = value.status is RefundStatus.FAILED
    return {
        "id": value.refund_id,
        "object": "refund",
        "amount": value.amount_minor,
        "charge": value.charge_id,
        "created": value.created,
        "currency": value.currency,
        "failure_reason": "expired_or_canceled_card" if failed else None,
        "metadata": value.metadata,
        "payment_intent": value.intent_id,
        "reason": value.reason,
        "status": value.status,
    }


def _card_error(decline: Decline, intent: Intent) -> Json:
    return {
        "type": "card_error",
        "code": decline.code,
        "decline_code": decline.decline_code,
        "message": decline.message,
        "charge": intent.charge_id,
    }


def declined(intent: Intent, decline: Decline) -> Json:
    """Render the answer to a payment that was declined, with the intent as it is now."""
    return {"error": {**_card_error(decline, intent), "payment_intent": payment_intent(intent)}}


def refusal(no: Refusal, intent: Intent | None) -> Json:
    """Render a no, with the intent that it is about where there is one."""
    said = {"type": no.kind, "code": no.code, "message": no.message, "param": no.param}
    error: Json = {name: value for name, value in said.items() if value is not None}
    if intent is not None:
        error["payment_intent"] = payment_intent(intent)
    return {"error": error}


def event(
    event_id: str, kind: EventKind, now: int, about: Json, idempotency_key: str | None
) -> Json:
    """Render an event, with what it is about as it was then."""
    return {
        "id": event_id,
        "object": "event",
        "api_version": API_VERSION,
        "created": now,
        "data": {"object": about},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": idempotency_key},
        "type": kind,
    }
