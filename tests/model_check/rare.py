"""States that hardly ever come up, and that a search must have come to: one never reached was not tried."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ledger.checkouts import OrderState, PaymentState, ReservationState, Status
from payments.simulator.intents import IntentStatus
from tests.model_check.lives import Life
from tests.model_check.small_world import COUNTED_ON, Shelf
from workflows.steps import Asker, Stage, Step

_R, _P = ReservationState, PaymentState
_NOTHING_KNOWN = frozenset({_P.NONE, _P.REQUIRES_PAYMENT, _P.PROCESSING})
_PAID = frozenset({IntentStatus.REQUIRES_CAPTURE, IntentStatus.SUCCEEDED})
_LET_GO = frozenset({_R.EXPIRED, _R.RELEASED})


def _at_the_bank(life: Life) -> IntentStatus | None:
    return life.now.intent.status if life.now.intent else None


def _failed(life: Life, kind: str) -> bool:
    operations = life.now.operations
    return any(asked.kind == kind and asked.state == "failed" for asked in operations)


def _had_a_lamp(life: Life) -> bool:
    """Tell a hold that ended from a tombstone."""
    return bool(life.now.reservation and life.now.reservation.lines)


def _sold(life: Life) -> bool:
    return life.now.held is _R.CONFIRMED and life.now.row.order_state is not OrderState.CANCELLED


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

TOGETHER: dict[str, Callable[[Life, Life, Shelf], bool]] = {
    "paid late while the rival has the lamp": lambda life, _, common: (
        life.story.late and life.now.held is _R.EXPIRED and common.stock.available == 0
    ),
    "paid late, and lost to a rival who paid": lambda life, rival, common: (
        life.over
        and life.story.late
        and life.now.held is _R.EXPIRED
        and _sold(rival)
        and common.stock.available == 0
    ),
    "taken again after the rival had let go": lambda life, rival, _: (
        len(life.now.reservations) > 1 and rival.now.held in _LET_GO and _had_a_lamp(rival)
    ),
    "the rival got what was let go": lambda life, rival, _: (
        life.now.held in _LET_GO and _had_a_lamp(life) and _sold(rival)
    ),
    "sold out for one, and nobody bought it": lambda life, rival, common: (
        life.now.status is Status.OUT_OF_STOCK and rival.over and common.stock.available > 0
    ),
    "both hold a lamp": lambda life, rival, _: (
        life.now.held is _R.HELD and rival.now.held is _R.HELD
    ),
    "both are past the fence": lambda life, rival, _: (
        life.now.held is _R.COMMITTING and rival.now.held is _R.COMMITTING
    ),
    "more than the limit, by a late payment": lambda life, rival, common: (
        common.limit == 1 and _sold(life) and _sold(rival)
    ),
    "the cart was ended and may still be paid": lambda life, rival, common: (
        common.cart != frozenset() and life.now.held in _LET_GO and rival.now.held is _R.NONE
    ),
}


def rare_in(life: Life) -> Iterator[str]:
    """Name what is rare about one checkout."""
    if life.now.checkout is not None:
        yield from (name for name, is_so in ALONE.items() if is_so(life))


def rare_together(life: Life, rival: Life, common: Shelf) -> Iterator[str]:
    """Name what is rare about two checkouts and their shelf, whichever is which."""
    if life.now.checkout is None and rival.now.checkout is None:
        return
    for name, is_so in TOGETHER.items():
        if is_so(life, rival, common) or is_so(rival, life, common):
            yield name
