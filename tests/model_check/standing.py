"""What the rows of a checkout in the small world say, as whoever finds it without a workflow reads them."""

from __future__ import annotations

from activities.messages import CartLine
from activities.standing import Standing
from ledger.checkouts import PaymentOperationState
from tests.model_check.small_world import ADA, LAMP, PRICE, Moment
from workflows.steps import PAYMENT_FAILED


def standing_of(now: Moment, heard: tuple[tuple[str, str], ...]) -> Standing:
    """Read the rows as the ledger does."""
    row, payment = now.row, now.payment
    asked = any(
        operation.kind == "authorize" and operation.state is not PaymentOperationState.FAILED
        for operation in now.operations
    )
    told = (kind for event, kind in heard if event in now.applied)
    newest = now.reservation
    return Standing(
        checkout_id=ADA,
        lines=(CartLine(sku=LAMP, quantity=1),),
        total_minor=PRICE,
        currency="EUR",
        ttl_seconds=900,
        status=row.status,
        reservation=row.reservation_state,
        payment=row.payment_state,
        payment_asked_for=asked or (payment is not None and payment.payment_intent is not None),
        ordinal=row.ordinal,
        extension=newest.extension if newest else 0,
        declines=sum(kind == PAYMENT_FAILED for kind in told),
    )
