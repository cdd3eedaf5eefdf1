"""Rules of money: what may be asked of the provider when, and how what it shows is stored.

The provider is the truth about money; the ledger's state only ever goes forward towards it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ledger import ids
from ledger.checkouts import (
    Checkout,
    Payment,
    PaymentOperation,
    PaymentOperationKind,
    PaymentOperationState,
    PaymentState,
    ReservationState,
    Status,
)
from ledger.commands import FailPaymentOperation, RecordPayment, SeenPayment, StartPaymentOperation
from ledger.errors import Refused
from ledger.movements import Cause
from ledger.rules.reservations import checkout_row
from ledger.world import Change, World

_S, _K = PaymentState, PaymentOperationKind

_OPEN = frozenset({_S.NONE, _S.REQUIRES_PAYMENT, _S.PROCESSING, _S.FAILED})
_FORWARD: dict[PaymentState, frozenset[PaymentState]] = {
    **{state: frozenset(_S) for state in _OPEN},
    _S.AUTHORIZED: frozenset({_S.CAPTURED, _S.VOIDED, _S.REFUNDED}),
    _S.CAPTURING: frozenset({_S.CAPTURED, _S.VOIDED, _S.REFUNDED}),
    _S.UNKNOWN: frozenset({_S.AUTHORIZED, _S.CAPTURED, _S.VOIDED, _S.REFUNDED}),
    _S.VOIDING: frozenset({_S.CAPTURED, _S.VOIDED, _S.REFUNDED}),
    _S.CAPTURED: frozenset({_S.REFUNDED}),
    _S.REFUNDING: frozenset({_S.REFUNDED}),
    _S.VOIDED: frozenset(),
    _S.REFUNDED: frozenset(),
}
"""From what is stored to what may replace it. Anything else is news from the past and is dropped."""

_ASKED: dict[PaymentOperationKind, PaymentState] = {
    _K.CAPTURE: _S.CAPTURING,
    _K.VOID: _S.VOIDING,
    _K.REFUND: _S.REFUNDING,
}
_ASKABLE: dict[PaymentOperationKind, frozenset[PaymentState]] = {
    _K.AUTHORIZE: _OPEN,
    _K.CAPTURE: frozenset({_S.AUTHORIZED, _S.CAPTURING, _S.UNKNOWN}),
    _K.VOID: _OPEN | {_S.AUTHORIZED, _S.VOIDING},
    _K.REFUND: frozenset({_S.CAPTURED, _S.REFUNDING}),
}
_REFUSED_BACK: dict[PaymentOperationKind, PaymentState] = {
    _K.CAPTURE: _S.AUTHORIZED,
    _K.VOID: _S.AUTHORIZED,
    _K.REFUND: _S.CAPTURED,
}
_MAY_BE_ASKED_IN: dict[PaymentOperationKind, frozenset[Status]] = {
    _K.AUTHORIZE: frozenset({Status.RESERVING, Status.DECLINED, Status.CANCELLED, Status.EXPIRED}),
    _K.CAPTURE: frozenset({Status.COMMITTING}),
    _K.VOID: frozenset({Status.DECLINED, Status.CANCELLED, Status.EXPIRED}),
    _K.REFUND: frozenset({Status.REFUND_PENDING}),
}
"""In which status of the checkout an operation may be open. A refused checkout's intent is asked for
once more, under the same key, where its first answer was lost: to know it is the only way to void it."""


def start(world: World, command: StartPaymentOperation) -> Change:
    """Write the operation down before the provider is asked.

    Refused: `unknown-checkout`; `not-now` where the checkout's status or the payment's state forbids
    it: a capture needs the fence behind it, a void or refund needs the stock given up before it.
    Started again it answers the same key.
    """
    checkout = checkout_row(world, command.checkout_id)
    payment = world.payments.get(command.checkout_id) or Payment(
        checkout_id=checkout.checkout_id,
        amount_minor=checkout.total_minor,
        currency=checkout.currency,
    )
    key = ids.provider_key(checkout.checkout_id, command.kind)
    existing = world.payment_operations.get(key)
    if existing is not None:
        return Change(answer=_asked(existing, payment, asked_before=True), cause=_cause(command))
    if (
        checkout.status not in _MAY_BE_ASKED_IN[command.kind]
        or payment.state not in _ASKABLE[command.kind]
    ):
        raise Refused("not-now", status=checkout.status, payment=payment.state)
    # From here it must succeed.
    operation = PaymentOperation(
        key=key,
        checkout_id=checkout.checkout_id,
        kind=command.kind,
        state=PaymentOperationState.REQUESTED,
        amount_minor=payment.amount_minor,
    )
    payment = replace(payment, state=_ASKED.get(command.kind, payment.state))
    return Change(
        answer=_asked(operation, payment, asked_before=False),
        cause=_cause(command),
        payment=payment,
        payment_operation=operation,
        checkout=replace(checkout, payment_state=payment.state),
    )


def fail(world: World, command: FailPaymentOperation) -> Change:
    """Close an operation that the provider proved it did not do.

    Refused: `unknown-checkout`, `unknown-operation`.
    """
    checkout = checkout_row(world, command.checkout_id)
    operation = world.payment_operations.get(ids.provider_key(checkout.checkout_id, command.kind))
    payment = world.payments.get(checkout.checkout_id)
    if operation is None or payment is None:
        raise Refused("unknown-operation", kind=command.kind)
    # From here it must succeed.
    if payment.state is _ASKED.get(command.kind):
        payment = replace(payment, state=_REFUSED_BACK[command.kind])
    if operation.state is PaymentOperationState.REQUESTED:
        operation = replace(operation, state=PaymentOperationState.FAILED, code=command.code)
    return Change(
        answer={"status": checkout.status.value, "payment": payment.state.value},
        cause=_cause(command),
        payment=payment,
        payment_operation=operation,
        checkout=replace(checkout, payment_state=payment.state),
    )


def record(world: World, command: RecordPayment) -> Change:
    """Store what the provider shows.

    Refused: `unknown-checkout`, `unknown-payment`; `other-payment` for another intent than ours;
    `amount-mismatch` where amount or currency are not what we asked for; `payment-voided` where the
    authorization is gone while the checkout still counts on it: it must be ended first.
    """
    checkout = checkout_row(world, command.checkout_id)
    payment = world.payments.get(checkout.checkout_id)
    if payment is None:
        raise Refused("unknown-payment", checkout_id=checkout.checkout_id)
    seen = command.seen
    if payment.payment_intent not in (None, seen.payment_intent):
        raise Refused("other-payment", payment_intent=seen.payment_intent)
    if (seen.amount_minor, seen.currency) != (payment.amount_minor, payment.currency):
        raise Refused("amount-mismatch", amount_minor=seen.amount_minor, currency=seen.currency)
    state = seen.state if seen.state in _FORWARD[payment.state] else payment.state
    counts_on_it = checkout.reservation_state in (
        ReservationState.HELD,
        ReservationState.COMMITTING,
    )
    if state is _S.VOIDED and counts_on_it:
        raise Refused("payment-voided", payment_intent=seen.payment_intent)
    # From here it must succeed.
    after = _merged(payment, seen, state)
    operation = _proved(world, command)
    checkout = _with_payment(checkout, after)
    return Change(
        answer={
            "status": checkout.status.value,
            "payment": after.state.value,
            "payment_intent": after.payment_intent,
        },
        cause=_cause(command),
        payment=after,
        client_secret=seen.client_secret,
        payment_operation=operation,
        webhook_events=command.webhook_events,
        checkout=checkout,
    )


def _asked(operation: PaymentOperation, payment: Payment, *, asked_before: bool) -> dict[str, Any]:
    return {
        "asked_before": asked_before,
        "key": operation.key,
        "state": operation.state.value,
        "amount_minor": operation.amount_minor,
        "currency": payment.currency,
        "payment": payment.state.value,
        "payment_intent": payment.payment_intent,
    }


def _merged(payment: Payment, seen: SeenPayment, state: PaymentState) -> Payment:
    return replace(
        payment,
        payment_intent=seen.payment_intent,
        state=state,
        authorized_minor=max(payment.authorized_minor, seen.authorized_minor),
        captured_minor=max(payment.captured_minor, seen.captured_minor),
        refunded_minor=max(payment.refunded_minor, seen.refunded_minor),
    )


def _proved(world: World, command: RecordPayment) -> PaymentOperation | None:
    if command.proves is None:
        return None
    operation = world.payment_operations.get(ids.provider_key(command.checkout_id, command.proves))
    if operation is None or operation.state is not PaymentOperationState.REQUESTED:
        return None
    return replace(operation, state=PaymentOperationState.SUCCEEDED)


def _with_payment(checkout: Checkout, payment: Payment) -> Checkout:
    after = replace(checkout, payment_state=payment.state)
    if (
        checkout.status is Status.RESERVING
        and checkout.reservation_state is ReservationState.HELD
        and payment.state is not _S.NONE
    ):
        return replace(after, status=Status.AWAITING_PAYMENT)
    if (
        checkout.status in (Status.DECLINED, Status.CANCELLED, Status.EXPIRED)
        and payment.captured_minor > payment.refunded_minor
    ):
        return replace(after, status=Status.REFUND_PENDING)
    if checkout.status is Status.REFUND_PENDING and payment.state is _S.REFUNDED:
        return replace(after, status=Status.REFUNDED)
    return after


def _cause(command: StartPaymentOperation | FailPaymentOperation | RecordPayment) -> Cause:
    return Cause(operation_key=None, kind="payment", id=command.checkout_id, actor=command.actor)
