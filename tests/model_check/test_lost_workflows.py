"""Everything that can happen to one checkout, and its workflow lost in the middle of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from activities.standing import Standing
from tests.model_check.lives import LOST, Bounds
from tests.model_check.promises import STUCK
from tests.model_check.search import Search
from tests.proof import size
from workflows import resuming
from workflows.resuming import resumed
from workflows.story import Story


@pytest.mark.proof
@pytest.mark.timeout(size(share=120, full=1_200))
@pytest.mark.parametrize("other", ["customer", "reaper", "operator"])
def test_a_workflow_may_be_lost_at_any_moment(other: str) -> None:
    """And again in its recovery; the step that was under way goes on beside it, or does not."""
    bounds = Bounds(kinds=frozenset({LOST, other}))
    found = Search(bounds, troubles=size(share=1, full=2), cards=1).run()

    assert found.broken == {}
    assert found.endings.keys() >= {"confirmed", "expired"}
    assert found.rare["sold though it was paid late"] > 0
    assert found.states > 400


def resumed_without_undo(rows: Standing, *, payment_attempts: int = 1) -> Story:
    """Forget what must be taken back."""
    return replace(resumed(rows, payment_attempts=payment_attempts), undo=())


def resumed_as_captured(rows: Standing, *, payment_attempts: int = 1) -> Story:
    """Take the fence for the money."""
    return replace(resumed(rows, payment_attempts=payment_attempts), captured=True)


@pytest.mark.parametrize(
    ("mutant", "seen"),
    [
        (resumed_without_undo, "closed before the money came to rest"),
        (resumed_as_captured, STUCK),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_story_that_goes_on_wrongly_is_caught(
    monkeypatch: pytest.MonkeyPatch, mutant: object, seen: str
) -> None:
    """Each forgets one thing, and the search says which."""
    monkeypatch.setattr(resuming, "resumed", mutant)

    found = Search(Bounds(kinds=frozenset({LOST, "customer"})), troubles=1, cards=1).run()

    assert seen in found.broken
