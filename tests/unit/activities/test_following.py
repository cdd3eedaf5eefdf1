"""Whatever a caller says is its trace is followed, or is none; nothing else is made of it."""

from __future__ import annotations

import pytest

from activities.tracing import following
from ledger.traces import TRACEPARENT
from tests.unit.ledger.cast import receive

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"
TOLD = f"00-{TRACE}-{SPAN}-01"


def test_a_command_takes_the_trace_it_is_made_for() -> None:
    """Where it is made, and nowhere else."""
    with following(TOLD):
        made = receive(1)

    assert made.traceparent == TOLD
    assert receive(1).traceparent is None
    assert TRACEPARENT.get() is None


def test_whose_trace_it_is_changes_nothing_of_a_command() -> None:
    """A repeat by another request is a repeat."""
    with following(TOLD):
        made = receive(1)

    assert made == receive(1)
    assert made.fingerprint() == receive(1).fingerprint()


def test_a_trace_of_a_later_version_is_read_as_far_as_it_is_known() -> None:
    """As the specification wants it; what goes out is of the version that we write."""
    with following(f"01-{TRACE}-{SPAN}-01-more"):
        assert TRACEPARENT.get() == TOLD


@pytest.mark.parametrize(
    "told",
    [
        "",
        "nonsense",
        "€" * 600,
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}-01,{TOLD}",
    ],
)
def test_what_is_no_trace_is_ignored(told: str) -> None:
    """A request is never refused for it."""
    with following(told):
        assert receive(1).traceparent is None
