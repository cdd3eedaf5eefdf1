"""How long each kind of step may take and how it is tried again, named by what is waited for."""

from __future__ import annotations

from datetime import timedelta

from temporalio.common import RetryPolicy

from workflows.steps import FORWARD_STEPS, Step

GIVE_UP_AFTER = timedelta(seconds=60)
"""How long a step that takes nothing from anybody yet is tried before the checkout is undone."""

PATIENT = RetryPolicy(
    initial_interval=timedelta(milliseconds=200),
    backoff_coefficient=2.0,
    maximum_interval=timedelta(seconds=15),
)
"""No attempt limit. For forward steps the time limit ends it; undo and money never give up."""


def schedule_to_close(step: Step) -> timedelta | None:
    """Bound the forward steps by the time in which somebody still waits; nothing else is bounded.

    A cancel and the end of the TTL wait for the step under way: this bounds them too.
    """
    return GIVE_UP_AFTER if step in FORWARD_STEPS else None


REFUND_PAUSE = timedelta(seconds=30)
REFUND_PAUSE_MOST = timedelta(hours=1)
ESCALATED_PAUSE = timedelta(hours=6)
"""A refund that failed is tried again ever later; once a person looks at it, rarely, and never given up."""

INSPECTION_RECHECK = timedelta(hours=12)
"""A signal that is lost only delays a refund, by this at most."""


def refund_pause(*, failures: int, tries: int, escalated: bool) -> timedelta:
    """Say how long a refund that failed, or is pending at the provider, is left alone."""
    if escalated:
        return ESCALATED_PAUSE
    doubled: int = 2 ** (min(failures or tries, 20) - 1)
    return min(REFUND_PAUSE * doubled, REFUND_PAUSE_MOST)


SUMMARIES: dict[Step, str] = {
    Step.RESERVE_STOCK: "reserve stock and ask for the payment",
    Step.REQUEST_PAYMENT: "ask the provider for a payment",
    Step.ACCEPT_PAYMENT: "look at the payment; if authorized, fence the hold, capture and confirm",
    Step.CAPTURE_PAYMENT: "capture the payment",
    Step.CONFIRM_ORDER: "confirm: stock sold, order placed",
    Step.RELEASE_STOCK: "undo: release the stock",
    Step.EXTEND_HOLD: "extend the hold",
    Step.REACQUIRE_STOCK: "the payment came late: hold the stock again",
    Step.EXPIRE_HOLD: "the TTL is over: expire the hold",
    Step.VOID_PAYMENT: "undo: void the payment",
    Step.CANCEL_ORDER: "undo: take the order back",
    Step.REFUND_PAYMENT: "undo: refund the payment",
}
"""What operators read beside each activity in the Temporal UI."""
