"""States that hardly ever come up, and that a search must have come to: one never reached was not tried."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ledger.checkouts import OrderState, PaymentState, ReservationState, Status
from payments.simulator.intents import IntentStatus
from tests.model_check.faces import Face
from tests.model_check.lives import Life
from tests.model_check.small_world import COUNTED_ON, Shelf
from workflows.steps import Asker, Stage, Step

_R, _P = ReservationState, PaymentState
_NOTHING_KNOWN = frozenset({_P.NONE, _P.REQUIRES_PAYMENT, _P.PROCESSING})
_PAID = frozenset({IntentStatus.REQUIRES_CAPTURE, IntentStatus.SUCCEEDED})


def _at_the_bank(life: Life) -> IntentStatus | None:
    return life.now.intent.status if life.now.intent else None


def _failed(life: Life, kind: str) -> bool:
    operations = life.now.operations
    return any(asked.kind == kind and asked.state == "failed" for asked in operations)


def _had_a_lamp(life: Life) -> bool:
    """Tell a hold that ended from a tombstone."""
    return bool(life.now.reservation and life.now.reservation.lines)


def _without_reserve(life: Life) -> bool:
    return not any(key.endswith("/reserve") for key, _ in life.now.answers)


ALONE: dict[str, Callable[[Life], bool]] = {
    "acceptance given up": lambda life: life.story.acceptance_gave_up,
    "compensating": lambda life: life.story.compensating,
    "fenced in the ledger, not known to the story": lambda life: (
        life.now.held is _R.COMMITTING and life.story.stage is Stage.AWAITING_PAYMENT
    ),
    "undoing turned into committing": lambda life: (
        life.story.stage is Stage.COMMITTING and life.story.reason is not None
    ),
    "tombstone": lambda life: life.now.reservation is not None and not _had_a_lamp(life),
    "expired before the story knew": lambda life: (
        life.now.held is _R.EXPIRED and life.story.stage is Stage.AWAITING_PAYMENT
    ),
    "expired while the payment was being asked for": lambda life: (
        life.now.held is _R.EXPIRED and life.story.stage is Stage.RESERVING
    ),
    "captured before the fence": lambda life: (
        life.now.held is _R.HELD and life.now.row.payment_state is _P.CAPTURED
    ),
    "refund": lambda life: life.now.status is Status.REFUND_PENDING,
    "an order taken back": lambda life: life.now.row.order_state is OrderState.CANCELLED,
    "a capture that failed": lambda life: _failed(life, "capture"),
    "a void refused and asked for again": lambda life: _failed(life, "void"),
    "a debit that failed after the end": lambda life: (
        life.now.status in (Status.CANCELLED, Status.EXPIRED)
        and life.now.intent is not None
        and life.now.intent.decline is not None
    ),
    "voided in the console while stock counts on it": lambda life: (
        life.now.held in COUNTED_ON and _at_the_bank(life) is IntentStatus.CANCELED
    ),
    "paid before the ledger knew": lambda life: (
        _at_the_bank(life) in _PAID and life.now.row.payment_state in _NOTHING_KNOWN
    ),
    "extended": lambda life: (
        life.now.held is _R.HELD and bool(life.now.reservation and life.now.reservation.extension)
    ),
    "a customer's cancel that came too late": lambda life: (
        life.story.cancel_asked_by is Asker.CUSTOMER and life.now.status is Status.CONFIRMED
    ),
    "sold though it was paid late": lambda life: (
        life.now.held is _R.CONFIRMED and len(life.now.reservations) > 1
    ),
    "paid late, and given back": lambda life: (
        life.over and life.story.late and life.now.held is _R.EXPIRED
    ),
    "a slow attempt after the end": lambda life: life.story.closed and life.slow is not None,
    "two attempts of one step": lambda life: (
        life.slow is not None
        and not life.story.closed
        and life.slow.command == life.story.under_way
    ),
    "a slow reserve after the tombstone": lambda life: (
        life.slow is not None
        and life.slow.command.step is Step.RESERVE_STOCK
        and life.now.held is _R.RELEASED
        and _without_reserve(life)
    ),
}

TOGETHER: dict[str, Callable[[Face, Face, Shelf], bool]] = {
    "paid late while the rival has the lamp": lambda one, _, common: (
        one.paid_late_and_expired and common.stock.available == 0
    ),
    "paid late, and lost to a rival who paid": lambda one, rival, common: (
        one.over and one.paid_late_and_expired and rival.sold > 0 and common.stock.available == 0
    ),
    "taken again after the rival had let go": lambda one, rival, _: one.again and rival.let_go,
    "the rival got what was let go": lambda one, rival, _: one.let_go and rival.sold > 0,
    "sold out for one, and nobody bought it": lambda one, rival, common: (
        one.status is Status.OUT_OF_STOCK and rival.over and common.stock.available > 0
    ),
    "both hold a lamp": lambda one, rival, _: one.state is _R.HELD and rival.state is _R.HELD,
    "both are past the fence": lambda one, rival, _: (
        one.state is _R.COMMITTING and rival.state is _R.COMMITTING
    ),
    "more than the limit, by a late payment": lambda one, rival, common: (
        common.limit == 1 and one.sold + rival.sold > 1
    ),
    "the cart was ended and may still be paid": lambda one, rival, common: (
        common.cart != frozenset() and one.let_go and rival.state is _R.NONE
    ),
}


def rare_in(life: Life) -> Iterator[str]:
    """Name what is rare about one checkout."""
    if life.now.checkout is not None:
        yield from (name for name, is_so in ALONE.items() if is_so(life))


def rare_together(one: Face, rival: Face, common: Shelf) -> Iterator[str]:
    """Name what is rare about two checkouts and their shelf, whichever is which."""
    for name, is_so in TOGETHER.items():
        if is_so(one, rival, common) or is_so(rival, one, common):
            yield name
