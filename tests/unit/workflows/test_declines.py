"""An attempt to pay that failed counts once, however many tell of it and in whatever order."""

from __future__ import annotations

import pytest

from workflows.declines import Declines
from workflows.steps import PAYMENT_FAILED, PaymentHinted

FIRST, SECOND = "ch_first", "ch_second"


def event(name: str, kind: str = PAYMENT_FAILED) -> PaymentHinted:
    """Give an event of the provider, or with `poll-` in its name one of polling."""
    return PaymentHinted(event_id=name, kind=kind)


Looks = list[tuple[str | None, list[str]]]
"""What the provider showed as declined at each look, and which events it was at."""


@pytest.mark.parametrize(
    ("looks", "count"),
    [
        ([(FIRST, ["evt_1"])], 1),
        ([(FIRST, ["poll-1"])], 1),
        ([(FIRST, ["evt_1", "poll-1"])], 1),
        ([(FIRST, ["poll-1", "evt_1"])], 1),
        ([(FIRST, ["poll-1"]), (FIRST, ["evt_1"])], 1),
        ([(FIRST, ["evt_1"]), (FIRST, ["poll-1"])], 1),
        ([(FIRST, ["evt_1"]), (SECOND, ["evt_2"])], 2),
        ([(SECOND, ["evt_1"]), (SECOND, ["evt_2"])], 2),
        ([(SECOND, ["evt_1", "evt_2"])], 2),
        ([(FIRST, ["poll-1"]), (SECOND, ["evt_2"])], 2),
        ([(FIRST, ["poll-1"]), (SECOND, ["evt_2"]), (SECOND, ["evt_1"])], 2),
        ([(FIRST, ["poll-1"]), (SECOND, ["evt_1"]), (SECOND, ["evt_2"])], 2),
        ([(FIRST, ["poll-1"]), (SECOND, ["poll-2"])], 2),
        ([(FIRST, ["poll-1"]), (SECOND, ["poll-2"]), (SECOND, ["evt_2", "evt_1"])], 2),
        ([(FIRST, ["poll-1"]), (FIRST, ["evt_1"]), (FIRST, ["evt_2"])], 2),
        ([(None, ["poll-1"]), (None, ["evt_1"])], 2),
        ([], 0),
    ],
)
def test_each_attempt_counts_once(looks: Looks, count: int) -> None:
    """Where the provider has no name for it, each event is an attempt."""
    declines = Declines()
    for attempt, names in looks:
        declines = declines.after([event(name) for name in names], attempt)
    assert declines.count == count


def test_other_news_is_no_decline() -> None:
    """The look shows an earlier attempt's still."""
    assert Declines().after([event("evt_1", "payment_intent.created")], FIRST) == Declines()
