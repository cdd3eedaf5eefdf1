"""Rules of debts to customers: how they arise, are asked for, fail and are done.

They add up to what was captured at most. What the provider shows of a refund is believed of that refund
alone: the sum it shows of a payment counts those that are still pending.
"""

from __future__ import annotations

from collections.abc import Iterable
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
    Status,
)
from ledger.commands import RecordRefund, StartRefund
from ledger.documents.values import Record, Review
from ledger.errors import Refused
from ledger.movements import Cause
from ledger.refunds import WHOLE, Refund, RefundState, ShownRefund, total_minor
from ledger.rules.reservations import checkout_row
from ledger.world import Change, World

REVIEW = "refund"
_OP = PaymentOperationState


def owing(world: World, change: Change) -> Change:
    """Add the debt of whoever leaves a checkout in `refund_pending`: all that was captured and is not owed yet."""
    checkout = change.checkout
    if checkout is None or checkout.status is not Status.REFUND_PENDING:
        return change
    payment = change.payment or world.payments.get(checkout.checkout_id)
    debt = _whole(world, payment, change.records)
    return replace(change, records=(*change.records, debt)) if debt else change


def owed_for_units(
    world: World, checkout: Checkout, refund_id: str, units: Iterable[tuple[str, int]]
) -> tuple[Refund, ...]:
    """Give the debt for units of an order, at the price they were sold for; none for no unit.

    Never more than is left of what was captured: a document must not be lost over a sum. Where somebody
    gave all of the money back already, the debt is done as it arises.
    """
    prices = {line.sku: line.price_minor for line in checkout.lines}
    worth = sum(quantity * prices.get(sku, 0) for sku, quantity in units)
    payment = world.payments[checkout.checkout_id]
    left = payment.captured_minor - total_minor(refunds_of(world, checkout.checkout_id))
    amount = min(worth, left)
    if amount <= 0:
        return ()
    back = payment.state is PaymentState.REFUNDED
    return (
        Refund(
            checkout_id=checkout.checkout_id,
            refund_id=refund_id,
            amount_minor=amount,
            state=RefundState.DONE if back else RefundState.OWED,
        ),
    )


def start(world: World, command: StartRefund) -> Change:
    """Write the operation down before the provider is asked.

    Refused: `unknown-checkout`; `no-refund-owed`; `not-now` where there is no captured money to return.
    Started again it answers the same key or, where that refund failed, the next one; of one that is
    done, that it is.
    """
    checkout = checkout_row(world, command.checkout_id)
    payment = world.payments.get(command.checkout_id)
    refund = world.refunds.get((command.checkout_id, command.refund_id))
    if refund is None and command.refund_id == WHOLE and checkout.status is Status.REFUND_PENDING:
        # Undone by a version that did not write debts down yet.
        refund = _whole(world, payment, ())
    if refund is None or payment is None:
        raise Refused("no-refund-owed", status=checkout.status)
    newest, ordinal = _newest(world, refund)
    if refund.state is RefundState.DONE:
        return Change(answer=_asked(checkout, refund, payment, newest), cause=_cause(command))
    if payment.state not in (PaymentState.CAPTURED, PaymentState.REFUNDING):
        raise Refused("not-now", status=checkout.status, payment=payment.state)
    # From here it must succeed.
    if newest is None or newest.state is not _OP.REQUESTED:
        newest = PaymentOperation(
            key=ids.refund_key(checkout.checkout_id, refund.refund_id, ordinal + 1),
            checkout_id=checkout.checkout_id,
            kind=PaymentOperationKind.REFUND,
            state=_OP.REQUESTED,
            amount_minor=refund.amount_minor,
        )
    refund = replace(refund, state=RefundState.REQUESTED)
    return _changed(world, command, refund, newest, payment)


def record(world: World, command: RecordRefund) -> Change:
    """Store what became of a refund.

    Refused: `unknown-checkout`; `unknown-operation`. News of an operation that has failed changes nothing;
    one that succeeded may fail later, and is owed again then.
    """
    checkout = checkout_row(world, command.checkout_id)
    payment = world.payments.get(command.checkout_id)
    refund = world.refunds.get((command.checkout_id, command.refund_id))
    operation = world.payment_operations.get(command.operation_key)
    if payment is None or refund is None or operation is None:
        raise Refused("unknown-operation", operation_key=command.operation_key)
    # From here it must succeed.
    if operation.state is _OP.FAILED or _known(operation, command.shown):
        answer = _asked(checkout, refund, payment, operation)
        return Change(answer=answer, cause=_cause(command))
    if command.shown is ShownRefund.FAILED:
        return _failed(world, command, refund, operation, payment)
    named = command.provider_refund or refund.provider_refund
    if command.shown is ShownRefund.PENDING:
        refund = replace(refund, provider_refund=named)
        return _changed(world, command, refund, operation, payment)
    refunded = min(payment.captured_minor, payment.refunded_minor + operation.amount_minor)
    return _changed(
        world,
        command,
        replace(refund, state=RefundState.DONE, provider_refund=named),
        replace(operation, state=_OP.SUCCEEDED),
        replace(payment, refunded_minor=refunded),
    )


def asked_for(world: World, checkout_id: str) -> bool:
    """Tell whether the outcome of a refund is open: the sum the provider shows cannot be believed then."""
    return any(refund.state is RefundState.REQUESTED for refund in refunds_of(world, checkout_id))


def returned_elsewhere(world: World, payment: Payment) -> tuple[Refund, ...]:
    """Give the debts that are none any more, since the provider shows all the money as returned."""
    if payment.state is not PaymentState.REFUNDED:
        return ()
    return tuple(
        replace(refund, state=RefundState.DONE)
        for refund in refunds_of(world, payment.checkout_id)
        if refund.state is RefundState.OWED
    )


def refunds_of(world: World, checkout_id: str) -> list[Refund]:
    """Give a checkout's debts, paid or not."""
    return [refund for key, refund in sorted(world.refunds.items()) if key[0] == checkout_id]


def _whole(world: World, payment: Payment | None, coming: tuple[Record, ...]) -> Refund | None:
    if payment is None:
        return None
    known = refunds_of(world, payment.checkout_id)
    known += [record for record in coming if isinstance(record, Refund)]
    left = payment.captured_minor - total_minor(known)
    if left <= 0 or any(refund.refund_id == WHOLE for refund in known):
        return None
    return Refund(checkout_id=payment.checkout_id, refund_id=WHOLE, amount_minor=left)


def _known(operation: PaymentOperation, shown: ShownRefund) -> bool:
    return operation.state is _OP.SUCCEEDED and shown is not ShownRefund.FAILED


def _failed(
    world: World,
    command: RecordRefund,
    refund: Refund,
    operation: PaymentOperation,
    payment: Payment,
) -> Change:
    if operation.state is _OP.SUCCEEDED:
        # It was done, and is not any more: the money is ours again.
        left = max(0, payment.refunded_minor - operation.amount_minor)
        payment = replace(payment, refunded_minor=left)
    failures = refund.failures + 1
    escalates = bool(command.escalate_after) and failures >= command.escalate_after
    after = replace(
        refund,
        state=RefundState.OWED,
        failures=failures,
        code=command.code,
        provider_refund=None,
        escalated=refund.escalated or escalates,
    )
    operation = replace(operation, state=_OP.FAILED, code=command.code)
    reviews = (_review(after),) if escalates and not refund.escalated else ()
    return _changed(world, command, after, operation, payment, reviews=reviews)


def _review(refund: Refund) -> Review:
    return Review(
        review_id=f"{REVIEW}-{refund.checkout_id}-{refund.refund_id}",
        kind=REVIEW,
        sku=None,
        location=None,
        quantity=None,
        cause_kind=REVIEW,
        cause_id=refund.refund_id,
        evidence={
            "checkout_id": refund.checkout_id,
            "refund_id": refund.refund_id,
            "amount_minor": refund.amount_minor,
            "failures": refund.failures,
            "code": refund.code,
        },
    )


def _changed(
    world: World,
    command: StartRefund | RecordRefund,
    refund: Refund,
    operation: PaymentOperation,
    payment: Payment,
    *,
    reviews: tuple[Review, ...] = (),
) -> Change:
    others = [
        other
        for other in refunds_of(world, command.checkout_id)
        if other.identity != refund.identity
    ]
    payment = replace(payment, state=_payment_state(payment, [*others, refund]))
    checkout = _standing(world.checkouts[command.checkout_id], payment)
    return Change(
        answer=_asked(checkout, refund, payment, operation),
        cause=_cause(command),
        payment=payment,
        payment_operation=operation,
        records=(refund, *reviews),
        checkout=checkout,
    )


def _payment_state(payment: Payment, refunds: list[Refund]) -> PaymentState:
    if payment.refunded_minor >= payment.captured_minor:
        return PaymentState.REFUNDED
    if any(refund.state is RefundState.REQUESTED for refund in refunds):
        return PaymentState.REFUNDING
    return PaymentState.CAPTURED


def _standing(checkout: Checkout, payment: Payment) -> Checkout:
    after = replace(checkout, payment_state=payment.state)
    if checkout.status in (Status.REFUND_PENDING, Status.REFUNDED):
        done = payment.state is PaymentState.REFUNDED
        return replace(after, status=Status.REFUNDED if done else Status.REFUND_PENDING)
    return after


def _newest(world: World, refund: Refund) -> tuple[PaymentOperation | None, int]:
    ordinal, newest = 0, None
    while True:
        key = ids.refund_key(refund.checkout_id, refund.refund_id, ordinal + 1)
        if key not in world.payment_operations:
            return newest, ordinal
        ordinal, newest = ordinal + 1, world.payment_operations[key]


def _asked(
    checkout: Checkout, refund: Refund, payment: Payment, operation: PaymentOperation | None
) -> dict[str, Any]:
    return {
        "status": checkout.status.value,
        "state": refund.state.value,
        "key": operation.key if operation else None,
        "amount_minor": refund.amount_minor,
        "payment": payment.state.value,
        "payment_intent": payment.payment_intent,
        "provider_refund": refund.provider_refund,
        "failures": refund.failures,
        "escalated": refund.escalated,
    }


def _cause(command: StartRefund | RecordRefund) -> Cause:
    return Cause(operation_key=None, kind="refund", id=command.refund_id, actor=command.actor)
