"""What must hold of every life at every moment, and of all lives with their shelf."""

from __future__ import annotations

from collections.abc import Iterator

from ledger.checkouts import PaymentState, ReservationState, Status
from payments.simulator.intents import IntentStatus
from tests.model_check.faces import Face
from tests.model_check.lives import Life
from tests.model_check.small_world import COUNTED_ON, Moment, Shelf

STUCK = "stuck"

PROMISES = frozenset(
    {
        # At the very moment
        "stock given back though the money was taken",
        "a cart may be paid by two checkouts",
        "a second payment",
        "captured without the fence",
        "captured under a second key",
        "voided while the stock counts on it",
        "refunded while the stock counts on it",
        "the reaper breaks what it finds",
        "the ledger broke",
        # Always
        "a pile is not what its reservations say",
        "more is sold and reserved than there is",
        "what the customer has claimed is not what is theirs",
        "a customer has more than the limit",
        "an order without its money",
        # At the end
        "closed with units reserved",
        "the story tells another end than the ledger",
        "closed before the money came to rest",
        "money kept without stock",
        "confirmed though the customer had cancelled in time",
        STUCK,
    }
)
"""By how breaking each is told; what follows a colon says more."""


def broken_in(life: Life) -> Iterator[str]:
    """Name the promises that one checkout breaks, whatever the others do."""
    now = life.now
    if now.checkout is None:
        return
    kept = now.intent.captured_minor - now.intent.refunded_minor if now.intent else 0
    if now.status is Status.CONFIRMED and not kept:
        yield "an order without its money"
    if life.over:
        yield from _broken_at_the_end(life, kept)


def _broken_at_the_end(life: Life, kept: int) -> Iterator[str]:
    now = life.now
    if now.held in COUNTED_ON:
        yield "closed with units reserved"
    if now.status is not life.story.status:
        yield "the story tells another end than the ledger"
    if not _money_at_rest(now):
        yield "closed before the money came to rest"
    if kept and now.status is not Status.CONFIRMED:
        yield "money kept without stock"
    if not life.kept_word and now.status is Status.CONFIRMED:
        yield "confirmed though the customer had cancelled in time"


def broken_together(faces: list[Face], common: Shelf, units: int) -> Iterator[str]:
    """Name the promises that the shelf and all checkouts break together; there were so many units."""
    held, sold = sum(face.held for face in faces), sum(face.sold for face in faces)
    row = common.stock
    if (row.reserved, row.sold) != (held, sold):
        yield "a pile is not what its reservations say"
    if held + sold + row.sellable != units:
        yield "more is sold and reserved than there is"
    if common.limit is None:
        return
    if common.claimed != held + sold:
        yield "what the customer has claimed is not what is theirs"
    # Who paid late in good faith was judged when the checkout began.
    if held + sold > common.limit and not any(face.again for face in faces):
        yield "a customer has more than the limit"


def _money_at_rest(now: Moment) -> bool:
    state = now.row.payment_state
    intent = now.intent
    if intent is None:
        return state is PaymentState.NONE
    if intent.status is IntentStatus.CANCELED:
        return state is PaymentState.VOIDED
    if intent.status is not IntentStatus.SUCCEEDED:
        return False
    if intent.refunded_minor == intent.captured_minor:
        return state is PaymentState.REFUNDED
    return state is PaymentState.CAPTURED and now.held is ReservationState.CONFIRMED
