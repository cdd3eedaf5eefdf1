"""The first decision on a checkout, told again at any later time from what the ledger wrote down then."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from api.answers import CheckoutOpened, NewPayment, NewReservation
from api.problems import Problem
from api.reservation_tokens import ReservationTokens
from ledger import ids
from ledger.checkouts import Status
from ledger.reading.checkouts import FirstDecision, StoredCheckout, StoredPayment

REFUSALS = frozenset({"insufficient-stock", "limit-exceeded"})
"""Where the ledger's own word for the refusal is the answer's; otherwise it is how the checkout ended."""
_TOLD_FACTS = ("shortages", "sku", "limit")


def is_undecided(checkout: StoredCheckout) -> bool:
    """Tell whether the engine must still be asked."""
    return checkout.status is Status.RESERVING


def decision_of(checkout: StoredCheckout, tokens: ReservationTokens) -> CheckoutOpened:
    """Give the decision on a checkout that is decided.

    Raises Problem where the decision was a refusal, or the checkout ended before it could be paid.
    """
    outcome = checkout.first.reserve_outcome or {}
    if outcome.get("refused") in REFUSALS:
        raise Problem(outcome["refused"], **_told(outcome["facts"]), **_named(checkout))
    hold, payment = outcome.get("accepted"), checkout.payment
    if hold is None or payment is None or not _became_payable(checkout.first):
        status = checkout.first.ended_as or checkout.status.value
        raise Problem(status.replace("_", "-"), **_named(checkout), checkout_status=status)
    return CheckoutOpened(
        checkout_id=checkout.checkout_id,
        status=Status.AWAITING_PAYMENT.value,
        reservation=_reservation(checkout, hold, tokens),
        payment=_payment(payment),
    )


def _became_payable(first: FirstDecision) -> bool:
    """Tell whether the payment was known before the hold was given up.

    Afterwards it may become known too: the undo asks for it once more, to void it.
    """
    if first.payable_at is None:
        return False
    return first.ended_at is None or first.payable_at < first.ended_at


def _reservation(
    checkout: StoredCheckout, hold: Mapping[str, Any], tokens: ReservationTokens
) -> NewReservation:
    reservation_id = ids.reservation_id(checkout.checkout_id)
    return NewReservation(
        id=reservation_id,
        token=tokens.make(reservation_id, checkout.owner),
        expires_at=datetime.fromisoformat(hold["expires_at"]),
        lines=tuple(hold["lines"]),
    )


def _payment(payment: StoredPayment) -> NewPayment:
    return NewPayment(
        provider=payment.provider,
        payment_intent=payment.payment_intent or "",
        client_secret=payment.client_secret,
        amount_minor=payment.amount_minor,
        currency=payment.currency,
    )


def _named(checkout: StoredCheckout) -> dict[str, Any]:
    return {"checkout_id": checkout.checkout_id}


def _told(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: facts[name] for name in _TOLD_FACTS if name in facts}
