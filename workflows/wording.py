"""What a checkout says of itself in the Temporal UI: what it does or waits for, until when, what comes next.

Pure: from the story and the times it knows to Markdown. It is read by somebody who was woken up.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ledger.checkouts import Status
from workflows.messages import Trouble
from workflows.steps import Stage, Step
from workflows.story import Story


@dataclass(frozen=True, slots=True)
class Telling:
    """Three sentences, one for each question an operator has."""

    why: str
    until: str
    then: str

    def __str__(self) -> str:
        """Give them as a list."""
        return f"* Why: {self.why}\n* Until: {self.until}\n* Next: {self.then}"


_A_MINUTE = "it is done; tried again for a minute at most"
_FOR_EVER = "it is done; tried again for as long as it takes, every 15 seconds in the end"
_VOIDED_NEXT = "the payment is voided, and the checkout is over"

UNDER_WAY: dict[Step, Telling] = {
    Step.RESERVE_STOCK: Telling(
        "the stock is being reserved, and the payment asked for",
        _A_MINUTE,
        "the customer pays; where it cannot be done, all of it is taken back",
    ),
    Step.REQUEST_PAYMENT: Telling(
        "the stock is held, and the provider is asked to open the payment",
        _A_MINUTE,
        "the customer pays; where it cannot be done, the stock is released",
    ),
    Step.ACCEPT_PAYMENT: Telling(
        "the provider said that something happened to the payment, and is asked what",
        _A_MINUTE,
        "if it is authorized, the hold is fenced, the money taken and the order placed;"
        " else the customer may go on trying",
    ),
    Step.CAPTURE_PAYMENT: Telling(
        "the hold is fenced, and the authorized money is being taken; it is taken once, whatever is repeated",
        _FOR_EVER,
        "the order is placed; if the provider says no, stock and authorization are given back",
    ),
    Step.CONFIRM_ORDER: Telling(
        "the money is taken, and the order is being placed",
        _FOR_EVER,
        "the checkout is over",
    ),
    Step.RELEASE_STOCK: Telling(
        "the checkout is undone, and its stock is being released",
        _FOR_EVER,
        _VOIDED_NEXT,
    ),
    Step.EXTEND_HOLD: Telling(
        "the customer asked for more time, and the hold is being extended",
        _A_MINUTE,
        "the customer pays",
    ),
    Step.EXPIRE_HOLD: Telling(
        "the time to pay is over, and the hold is being ended",
        _FOR_EVER,
        "the payment is looked at once more: one that came late is sold if the stock is still there,"
        " and any other is voided",
    ),
    Step.REACQUIRE_STOCK: Telling(
        "the customer paid after the hold had expired, and the stock is being taken again",
        _FOR_EVER,
        "the order is placed; where the stock is gone, the money is given back",
    ),
    Step.VOID_PAYMENT: Telling(
        "the stock is free, and the provider is told that the payment must never be charged",
        _FOR_EVER,
        "the checkout is over; money that was taken all the same is refunded",
    ),
    Step.CANCEL_ORDER: Telling(
        "an operator cancelled a checkout that was past the fence, and its order is being taken back",
        _FOR_EVER,
        "the money is refunded",
    ),
    Step.REFUND_PAYMENT: Telling(
        "the customer's money is being given back",
        "the provider shows it as refunded; asked again for as long as it takes",
        "the checkout is over",
    ),
}
"""What is told while a step is under way."""

RUNBOOKS: dict[str, str] = {
    "amount-mismatch": "a-refund-does-not-go-through",
    "payment-misconfigured": "provider-is-away",
    "payment-throttled": "provider-is-away",
    "payment-unknown": "provider-is-away",
    "refund-not-done-yet": "a-refund-does-not-go-through",
}
"""The page of docs/runbooks/ for what a step fails with; for anything else it is the last one."""

ANY_OTHER = "a-checkout-hangs-in-undoing"


def details(story: Story, *, deadline: datetime | None, trouble: Trouble | None) -> str:
    """Tell everything an operator needs to know now."""
    parts = [f"**{_where(story)}**", _now(story, deadline)]
    if trouble is not None:
        parts.insert(0, alarm(trouble, ANY_OTHER))
    if story.cancel_asked_by is not None and story.stage is Stage.COMMITTING:
        parts.append(_cancel_waits(story))
    return "\n\n".join(parts)


def _where(story: Story) -> str:
    place = f"over: {story.status.value}" if story.closed else story.stage.value
    reason = story.reason if story.stage in (Stage.UNDOING, Stage.CLOSED) else None
    return f"{place} ({reason})" if reason else place


def _now(story: Story, deadline: datetime | None) -> str:
    if story.closed:
        return "Nothing is left to do."
    if story.under_way is not None:
        return str(UNDER_WAY[story.under_way.step])
    if story.stage is Stage.AWAITING_PAYMENT and deadline is not None:
        return str(
            Telling(
                "the stock is held, and the customer has not paid yet",
                f"{deadline:%Y-%m-%d %H:%M:%S} UTC{_extended(story)}",
                "the hold expires, the payment is voided, and the stock is for sale again",
            )
        )
    return "The next step is about to begin."


def _extended(story: Story) -> str:
    return f", after extension {story.extension}" if story.extension else ""


def _cancel_waits(story: Story) -> str:
    return (
        f"A cancel was asked for ({story.cancel_asked_by}). Past the fence the checkout goes forward:"
        " an operator's is carried out as a refund when the order is placed."
    )


def alarm(trouble: Trouble, otherwise: str) -> str:
    """Say that a step needs somebody, and which page to read: `otherwise` for a failure without one."""
    page = RUNBOOKS.get(trouble.code, otherwise)
    return (
        f"**Needs attention:** `{trouble.step}` has been failing since"
        f" {trouble.since:%Y-%m-%d %H:%M:%S} UTC, last with `{trouble.code}`."
        f" See docs/runbooks/{page}.md."
    )


def stage_shown(story: Story) -> str:
    """Name the stage as operators search for it: the status once the checkout is closed."""
    shown: Status | Stage = story.status if story.closed else story.stage
    return shown.value
