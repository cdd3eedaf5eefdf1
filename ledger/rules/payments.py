"""Rules of money: what may be asked of the provider when, and how what it shows is stored.

The provider is the truth about money; the ledger's state only ever goes forward towards it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ledger import ids
from ledger.checkouts import (
    NOT_DONE,
    Checkout,
    Payment,
    PaymentOperation,
    PaymentOperationKind,
    PaymentOperationState,
    PaymentState,
    ReservationState,
    Status,
)
from ledger.commands import (
    DoubtCapture,
    FailPaymentOperation,
    RecordPayment,
    SeenPayment,
    StartPaymentOperation,
)
from ledger.errors import Refused
from ledger.movements import Cause
from ledger.rules import refunds
from ledger.rules.reservations import checkout_row
from ledger.world import Change, World

_S, _K = PaymentState, PaymentOperationKind
_OfPayment = StartPaymentOperation | DoubtCapture | FailPaymentOperation | RecordPayment

_OPEN = frozenset({_S.NONE, _S.REQUIRES_PAYMENT, _S.PROCESSING, _S.FAILED})
_SHOWN = frozenset(
    {_S.REQUIRES_PAYMENT, _S.PROCESSING, _S.AUTHORIZED, _S.CAPTURED, _S.VOIDED, _S.REFUNDED}
)
"""What a provider can show at all; the other states are ours."""
_GONE = frozenset({_S.VOIDED, _S.REFUNDED})

_FORWARD: dict[PaymentState, frozenset[PaymentState]] = {
    **dict.fromkeys(_OPEN, _SHOWN),
    _S.AUTHORIZED: frozenset({_S.CAPTURED, *_GONE}),
    _S.CAPTURING: frozenset({_S.CAPTURED, *_GONE}),
    _S.UNKNOWN: frozenset({_S.CAPTURED, *_GONE}),
    _S.VOIDING: frozenset({_S.CAPTURED, *_GONE}),
    _S.CAPTURED: frozenset({_S.REFUNDED}),
    _S.REFUNDING: frozenset({_S.REFUNDED}),
    _S.VOIDED: frozenset(),
    _S.REFUNDED: frozenset(),
}
"""From what is stored to what may replace it. Anything else is news from the past and is dropped.

An authorization that is still shown says nothing of a capture whose answer was lost: it may be on its way.
"""

_ASKED: dict[PaymentOperationKind, PaymentState] = {
    _K.CAPTURE: _S.CAPTURING,
    _K.VOID: _S.VOIDING,
}
_ASKABLE: dict[PaymentOperationKind, frozenset[PaymentState]] = {
    _K.AUTHORIZE: _OPEN,
    _K.CAPTURE: frozenset({_S.AUTHORIZED, _S.CAPTURING, _S.UNKNOWN}),
    _K.VOID: _OPEN | {_S.AUTHORIZED, _S.VOIDING},
}
"""Refunds are asked for by rules of their own."""
_UNDER_WAY: dict[PaymentOperationKind, frozenset[PaymentState]] = {
    _K.AUTHORIZE: frozenset(),
    _K.CAPTURE: frozenset({_S.CAPTURING, _S.UNKNOWN}),
    _K.VOID: frozenset({_S.VOIDING}),
}
_REFUSED_BACK: dict[PaymentOperationKind, PaymentState] = {_K.CAPTURE: _S.AUTHORIZED}
"""What is true again once an operation was refused. A refused void leaves it being voided: it must be, and
will be asked for again."""
_MAY_BE_ASKED_IN: dict[PaymentOperationKind, frozenset[Status]] = {
    _K.AUTHORIZE: frozenset({Status.RESERVING}),
    _K.CAPTURE: frozenset({Status.COMMITTING}),
    _K.VOID: frozenset({Status.DECLINED, Status.CANCELLED, Status.EXPIRED}),
}
_ASKED_AGAIN = frozenset({_K.VOID})
"""Money that must be let go is asked for until it is: a refusal is followed by a new operation, with a key
of its own, since a provider repeats its first answer to a key."""
_COUNTED_ON = frozenset({ReservationState.HELD, ReservationState.COMMITTING})
_ENDINGS = frozenset({Status.DECLINED, Status.CANCELLED, Status.EXPIRED})


def start(world: World, command: StartPaymentOperation) -> Change:
    """Write the operation down before the provider is asked.

    Refused: `unknown-checkout`; `not-now` where the checkout's status or the payment's state forbids
    it: an authorization needs the hold before it, a capture the fence, a void the stock given up.
    Started again it answers the same key, or the next one for a void that was refused and for anything
    that was never begun. A capture without an answer needs the fence each time.
    """
    checkout = checkout_row(world, command.checkout_id)
    payment = world.payments.get(command.checkout_id) or Payment(
        checkout_id=checkout.checkout_id,
        amount_minor=checkout.total_minor,
        currency=checkout.currency,
    )
    newest, ordinal = _newest(world, command)
    if newest is not None and not _asked_again(newest):
        _refuse_capture_without_fence(newest, checkout, payment)
        return Change(answer=_asked(newest, payment, asked_before=True), cause=_cause(command))
    _refuse_not_now(command, checkout, payment)
    # From here it must succeed.
    operation = PaymentOperation(
        key=ids.provider_key(checkout.checkout_id, command.kind, ordinal + 1),
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


def doubt(world: World, command: DoubtCapture) -> Change:
    """Store that nobody knows whether the money was taken; what is known by now stays known.

    Refused: `unknown-checkout`, `unknown-operation`.
    """
    checkout = checkout_row(world, command.checkout_id)
    operation, _ = _newest(world, command)
    payment = world.payments.get(checkout.checkout_id)
    if operation is None or payment is None:
        raise Refused("unknown-operation", kind=_K.CAPTURE)
    # From here it must succeed.
    if payment.state is _S.CAPTURING:
        payment = replace(payment, state=_S.UNKNOWN)
    return Change(
        answer={"status": checkout.status.value, "payment": payment.state.value},
        cause=_cause(command),
        payment=payment,
        checkout=replace(checkout, payment_state=payment.state),
    )


def fail(world: World, command: FailPaymentOperation) -> Change:
    """Close an operation that the provider proved it did not do.

    Refused: `unknown-checkout`, `unknown-operation`.
    """
    checkout = checkout_row(world, command.checkout_id)
    operation, _ = _newest(world, command)
    payment = world.payments.get(checkout.checkout_id)
    if operation is None or payment is None:
        raise Refused("unknown-operation", kind=command.kind)
    # From here it must succeed.
    if payment.state in _UNDER_WAY[command.kind]:
        payment = replace(payment, state=_REFUSED_BACK.get(command.kind, payment.state))
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

    Refused: `unknown-checkout`, `unknown-payment`; `other-payment` for another intent than ours; and,
    while the checkout counts on it, `amount-mismatch` where amount or currency are not what we asked
    for, `payment-voided` and `payment-refunded` where it is gone: the checkout must be ended first.
    """
    checkout = checkout_row(world, command.checkout_id)
    payment = world.payments.get(checkout.checkout_id)
    if payment is None:
        raise Refused("unknown-payment", checkout_id=checkout.checkout_id)
    seen = _believed(world, payment, command.seen)
    if payment.payment_intent not in (None, seen.payment_intent):
        raise Refused("other-payment", payment_intent=seen.payment_intent)
    state = seen.state if seen.state in _FORWARD[payment.state] else payment.state
    if checkout.reservation_state in _COUNTED_ON:
        _refuse_unusable(payment, seen, state)
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
        records=refunds.returned_elsewhere(world, after),
        checkout=checkout,
    )


def _refuse_not_now(command: StartPaymentOperation, checkout: Checkout, payment: Payment) -> None:
    fits = checkout.status in _MAY_BE_ASKED_IN.get(
        command.kind, ()
    ) and payment.state in _ASKABLE.get(command.kind, ())
    unheld = (
        command.kind is _K.AUTHORIZE and checkout.reservation_state is not ReservationState.HELD
    )
    if not fits or unheld:
        raise Refused("not-now", status=checkout.status, payment=payment.state)


def _refuse_capture_without_fence(
    newest: PaymentOperation, checkout: Checkout, payment: Payment
) -> None:
    """Refuse to ask once more for what was written down and never answered, once the stock is given back."""
    open_capture = newest.kind is _K.CAPTURE and newest.state is PaymentOperationState.REQUESTED
    if open_capture and checkout.status not in _MAY_BE_ASKED_IN[_K.CAPTURE]:
        raise Refused("not-now", status=checkout.status, payment=payment.state)


def _refuse_unusable(payment: Payment, seen: SeenPayment, state: PaymentState) -> None:
    if (seen.amount_minor, seen.currency) != (payment.amount_minor, payment.currency):
        raise Refused("amount-mismatch", amount_minor=seen.amount_minor, currency=seen.currency)
    if seen.state is _S.CAPTURED and seen.captured_minor != payment.amount_minor:
        raise Refused("amount-mismatch", captured_minor=seen.captured_minor)
    if state in _GONE:
        raise Refused(f"payment-{state}", payment_intent=seen.payment_intent)


def _newest(world: World, command: _OfPayment) -> tuple[PaymentOperation | None, int]:
    """Give the newest operation of the command's kind, and its ordinal; None and 0 where there is none.

    A refund is none of these: it has the key of a debt, and only the debt's own rules may touch it.
    """
    match command:
        case RecordPayment():
            kind = command.proves
        case DoubtCapture():
            kind = _K.CAPTURE
        case _:
            kind = command.kind
    ordinal, newest = 0, None
    while kind in _ASKABLE:
        key = ids.provider_key(command.checkout_id, kind, ordinal + 1)
        if key not in world.payment_operations:
            break
        ordinal, newest = ordinal + 1, world.payment_operations[key]
    return newest, ordinal


def _asked_again(operation: PaymentOperation) -> bool:
    if operation.state is not PaymentOperationState.FAILED:
        return False
    return operation.kind in _ASKED_AGAIN or operation.code == NOT_DONE


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


def _believed(world: World, payment: Payment, seen: SeenPayment) -> SeenPayment:
    """Leave out what is said of returned money while a refund is open: it counts the pending ones as done."""
    if not refunds.asked_for(world, payment.checkout_id):
        return seen
    return replace(seen, state=_S.CAPTURED, refunded_minor=payment.refunded_minor)


def _merged(payment: Payment, seen: SeenPayment, state: PaymentState) -> Payment:
    """Take over what is shown; amounts only grow, and to what was asked for at most."""

    def grown(stored: int, shown: int) -> int:
        return max(stored, min(shown, payment.amount_minor))

    captured = grown(payment.captured_minor, seen.captured_minor)
    return replace(
        payment,
        payment_intent=seen.payment_intent,
        state=state,
        authorized_minor=grown(payment.authorized_minor, seen.authorized_minor),
        captured_minor=captured,
        refunded_minor=min(captured, grown(payment.refunded_minor, seen.refunded_minor)),
    )


def _proved(world: World, command: RecordPayment) -> PaymentOperation | None:
    operation, _ = _newest(world, command)
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
    if checkout.status in _ENDINGS | {Status.REFUND_PENDING}:
        if payment.state is _S.REFUNDED:
            return replace(after, status=Status.REFUNDED)
        if payment.state is _S.CAPTURED:
            return replace(after, status=Status.REFUND_PENDING)
    return after


def _cause(command: _OfPayment) -> Cause:
    return Cause(operation_key=None, kind="payment", id=command.checkout_id, actor=command.actor)
