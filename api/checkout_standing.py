"""How a checkout stands, for whoever may see it."""

from __future__ import annotations

from api.access import Scope
from api.answers import (
    CheckoutAnswer,
    CheckoutLineAnswer,
    OrderAnswer,
    PaymentAnswer,
    ReservationAnswer,
)
from api.problems import Problem
from api.tokens import Caller
from api.wiring import Wiring
from ledger.reading.checkouts import StoredCheckout, checkout_of


async def visible_checkout(wiring: Wiring, caller: Caller, checkout_id: str) -> StoredCheckout:
    """Read a checkout that the caller may see: their own, or any as an operator.

    Raises Problem `unknown-checkout` for another's as for none.
    """
    checkout = await checkout_of(wiring.database, checkout_id)
    if checkout is None or not _sees(caller, checkout):
        raise Problem("unknown-checkout")
    return checkout


def standing(checkout: StoredCheckout) -> CheckoutAnswer:
    """Tell everything but what the payment is paid with."""
    return CheckoutAnswer(
        checkout_id=checkout.checkout_id,
        status=checkout.status.value,
        reason=checkout.reason,
        lines=tuple(
            CheckoutLineAnswer(sku=line.sku, quantity=line.quantity, price_minor=line.price_minor)
            for line in checkout.lines
        ),
        total_minor=checkout.total_minor,
        currency=checkout.currency,
        reservation=_reservation(checkout),
        payment=_payment(checkout),
        order=OrderAnswer(state=checkout.order_state.value),
        created_at=checkout.created_at,
        updated_at=checkout.updated_at,
    )


def _sees(caller: Caller, checkout: StoredCheckout) -> bool:
    own = Scope.CHECKOUT in caller.scopes and checkout.owner == caller.subject
    return own or Scope.OPERATOR in caller.scopes


def _reservation(checkout: StoredCheckout) -> ReservationAnswer | None:
    newest = checkout.reservation
    if newest is None:
        return None
    return ReservationAnswer(
        id=newest.reservation_id,
        state=newest.state.value,
        expires_at=newest.expires_at,
        extensions=newest.extension,
    )


def _payment(checkout: StoredCheckout) -> PaymentAnswer:
    payment = checkout.payment
    return PaymentAnswer(
        state=checkout.payment_state.value,
        payment_intent=payment.payment_intent if payment else None,
        authorized_minor=payment.authorized_minor if payment else 0,
        captured_minor=payment.captured_minor if payment else 0,
        refunded_minor=payment.refunded_minor if payment else 0,
    )
