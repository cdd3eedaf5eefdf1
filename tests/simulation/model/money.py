"""What the model expects of money: asked for, refused, shown by the provider, never going back."""

from __future__ import annotations

from typing import Any

from ledger.checkouts import NOT_DONE
from ledger.commands import (
    DoubtCapture,
    FailPaymentOperation,
    RecordPayment,
    RecordRefund,
    StartPaymentOperation,
    StartRefund,
)
from ledger.refunds import WHOLE
from tests.simulation.model.books import Books, Money, No, Sale

Says = dict[str, Any]

UNPAID = ("none", "requires_payment", "processing", "failed")
NEWS = {
    "captured": (*UNPAID, "authorized", "capturing", "unknown", "voiding"),
    "voided": (*UNPAID, "authorized", "capturing", "unknown", "voiding"),
    "refunded": (*UNPAID, "authorized", "capturing", "unknown", "voiding", "captured", "refunding"),
}
"""What is news, and from which states on; whatever else is shown is news only before an authorization."""
ENDED = ("declined", "cancelled", "expired")
MOMENTS = {
    "authorize": (("reserving",), UNPAID),
    "capture": (("committing",), ("authorized", "capturing", "unknown")),
    "void": (ENDED, (*UNPAID, "authorized", "voiding")),
}
"""When something may be asked: in which statuses, and over which states of the money."""
UNDER_WAY = {"capture": "capturing", "void": "voiding"}
BEFORE = {"capture": "authorized", "void": "voiding"}


def start(books: Books, command: StartPaymentOperation) -> Says:
    """Something is going to be asked of the provider."""
    kind, name = str(command.kind), command.checkout_id
    sale = books.sale(name)
    if kind == "refund":
        raise No("not-now")
    money = books.money.get(name) or Money()
    last = _last(money, kind)
    again = kind == "void" and last is not None and last[1] == "failed"
    if last is not None and not again and kind not in money.never_begun:
        if last == ["capture", "requested"] and sale.status != "committing":
            raise No("not-now")
        return {"asked_before": True, "payment": money.state, "state": last[1]}
    statuses, states = MOMENTS[kind]
    held = books.hold_state(name) == "held"
    if (
        sale.status not in statuses
        or money.state not in states
        or (kind == "authorize" and not held)
    ):
        raise No("not-now")
    money.asked.append([kind, "requested"])
    money.never_begun.discard(kind)
    money.state = UNDER_WAY.get(kind, money.state)
    books.money[name] = money
    ordinal = [asked for asked, _ in money.asked].count(kind)
    return {"asked_before": False, "key": f"{name}:{kind}:{ordinal}", "payment": money.state}


def fail(books: Books, command: FailPaymentOperation) -> Says:
    """Expect that the provider did not do it."""
    kind, name = str(command.kind), command.checkout_id
    books.sale(name)
    money = books.money.get(name)
    last = _last(money, kind) if money else None
    if money is None or last is None or kind == "refund":
        raise No("unknown-operation")
    if last[1] == "requested":
        last[1] = "failed"
        if command.code == NOT_DONE:
            money.never_begun.add(kind)
    unknown = kind == "capture" and money.state == "unknown"
    if unknown or money.state == UNDER_WAY.get(kind):
        money.state = BEFORE[kind]
    return {"payment": money.state}


def doubt(books: Books, command: DoubtCapture) -> Says:
    """Expect that nobody knows whether the money was taken, unless somebody does."""
    books.sale(command.checkout_id)
    money = books.money.get(command.checkout_id)
    if money is None or _last(money, "capture") is None:
        raise No("unknown-operation")
    money.state = "unknown" if money.state == "capturing" else money.state
    return {"payment": money.state}


def record(books: Books, command: RecordPayment) -> Says:
    """Expect that the provider shows a payment, perhaps as it was some time ago."""
    name, seen = command.checkout_id, command.seen
    sale = books.sale(name)
    money = books.money.get(name)
    if money is None:
        raise No("unknown-payment")
    if money.intent not in (None, seen.payment_intent):
        raise No("other-payment")
    open_refund = _last(money, "refund") == ["refund", "requested"]
    shown = "captured" if open_refund else str(seen.state)
    state = shown if money.state in NEWS.get(shown, UNPAID) else money.state
    if books.hold_state(name) in ("held", "committing"):
        short = shown == "captured" and seen.captured_minor != sale.total
        if seen.amount_minor != sale.total or short:
            raise No("amount-mismatch")
        if state in ("voided", "refunded"):
            raise No(f"payment-{state}")
    money.state, money.intent = state, seen.payment_intent
    money.authorized = max(money.authorized, min(seen.authorized_minor, sale.total))
    money.captured = max(money.captured, min(seen.captured_minor, sale.total))
    returned = 0 if open_refund else seen.refunded_minor
    refunded = max(money.refunded, min(returned, sale.total))
    money.refunded = min(refunded, money.captured)
    last = _last(money, str(command.proves)) if command.proves else None
    if last and last[1] == "requested":
        last[1] = "succeeded"
    money.whole_done = money.whole_done or state == "refunded"
    _tell(books, name, sale, state)
    return {"status": sale.status, "payment": state, "payment_intent": seen.payment_intent}


def start_refund(books: Books, command: StartRefund) -> Says:
    """Expect that the money of an undone checkout is going to be given back."""
    books.sale(command.checkout_id)
    money = books.money.get(command.checkout_id)
    if money is None or WHOLE not in money.debts:
        raise No("no-refund-owed")
    last = _last(money, "refund")
    if money.whole_done:
        return {"state": "done", "payment": money.state}
    if last is None or last[1] == "failed":
        money.asked.append(["refund", "requested"])
    money.state = "refunding"
    return {"state": "requested", "key": _refund_key(command.checkout_id, money)}


def record_refund(books: Books, command: RecordRefund) -> Says:
    """Expect that the provider shows what came of a refund, and not always as its last word."""
    name = command.checkout_id
    sale = books.sale(name)
    money = books.money.get(name)
    refunds = [asked for asked in money.asked if asked[0] == "refund"] if money else []
    ordinal = int(command.operation_key.rpartition(":")[2])
    if money is None or command.refund_id != WHOLE or ordinal > len(refunds):
        raise No("unknown-operation")
    operation, shown = refunds[ordinal - 1], str(command.shown)
    news = {"requested": ("succeeded", "failed"), "succeeded": ("failed",), "failed": ()}
    if shown in news[operation[1]]:
        done = shown == "succeeded"
        whole = money.debts[WHOLE]
        if done:
            money.refunded = min(money.captured, money.refunded + whole)
        elif operation[1] == "succeeded":
            money.refunded -= whole
        operation[1], money.whole_done = shown, done
        money.state = "refunded" if money.refunded == money.captured else "captured"
        sale.status = "refunded" if money.state == "refunded" else "refund_pending"
    return {"payment": money.state}


def _refund_key(name: str, money: Money) -> str:
    return f"{name}:refund:{[kind for kind, _ in money.asked].count('refund')}"


def _tell(books: Books, name: str, sale: Sale, state: str) -> None:
    """Let the money say what becomes of the checkout."""
    if sale.status == "reserving" and books.hold_state(name) == "held" and state != "none":
        sale.status = "awaiting_payment"
    if sale.status in (*ENDED, "refund_pending"):
        sale.status = {"captured": "refund_pending", "refunded": "refunded"}.get(state, sale.status)


def _last(money: Money, kind: str) -> list[str] | None:
    return next((asked for asked in reversed(money.asked) if asked[0] == kind), None)
