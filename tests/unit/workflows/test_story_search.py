"""Everything that can happen to one checkout, within bounds, and what must hold in all of it.

The steps, the rules of the ledger and the decisions of the simulator are the real ones; see
`small_world`. Each search says how much it saw, and fails as vacuous where it missed what it is for.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from ledger import world
from ledger.checkouts import PaymentOperationKind, Status
from ledger.rules import payments, reservations
from tests.unit.workflows.search import Found, Search
from workflows import story
from workflows.steps import CancelAsked, Command, Done, Event, Stage, Step
from workflows.story import Story

EVERYTHING = frozenset({"customer", "operator", "reaper", "console", "crash", "give up"})
PEOPLE = frozenset({"customer", "operator", "reaper", "console"})
VISA, DECLINED, DEBIT = "pm_card_visa", "pm_card_chargeDeclined", "pm_usBankAccount_success"


def kept(found: Found) -> None:
    """See that no promise was broken and that everything leads to an end."""
    assert found.broken == {}
    assert found.stuck == []


@pytest.mark.parametrize("strides", [True, False], ids=["strides", "steps"])
def test_a_card_and_whatever_else_goes_wrong_twice(strides: bool) -> None:
    """Cancels, crashes between any two effects, steps given up and going on, reaper, console."""
    found = Search(troubles=2, kinds=EVERYTHING - {"give up"}, strides=strides).run()

    kept(found)
    assert found.states > 800
    assert found.endings.keys() >= {"confirmed", "declined", "cancelled", "expired", "refunded"}
    assert found.rare["a capture that failed"] > 20
    assert found.rare["expired before the story knew"] > 10
    assert found.rare["sold though it was paid late"] > 5


def test_two_cards_of_which_any_may_be_declined() -> None:
    """With a second attempt allowed, and two troubles of people."""
    found = Search(
        troubles=2, methods=(VISA, DECLINED), kinds=PEOPLE - {"operator"}, payment_attempts=2
    ).run()

    kept(found)
    assert found.states > 2_500
    assert found.endings["confirmed"] > 20


def test_out_of_stock_whatever_goes_wrong_three_times() -> None:
    """Also where the refusal itself was lost."""
    found = Search(troubles=3, kinds=EVERYTHING, stock=0).run()

    kept(found)
    assert found.endings.keys() == {"out_of_stock", "cancelled"}
    assert found.rare["tombstone"] > 0


def test_a_step_given_up_may_have_happened_all_the_same() -> None:
    """Its attempt goes on at the worst moment, also after the end."""
    found = Search(troubles=2, kinds=frozenset({"give up", "customer", "operator"})).run()

    kept(found)
    assert found.rare["acceptance given up"] > 100
    assert found.rare["fenced in the ledger, not known to the story"] > 10
    assert found.rare["undoing turned into committing"] > 5
    assert found.rare["a slow attempt after the end"] > 50


def test_a_debit_that_may_settle_at_any_moment() -> None:
    """A method without authorization: captured before the fence, or after the checkout was undone."""
    found = Search(
        troubles=2, methods=(DEBIT,), kinds=frozenset({"customer", "reaper", "crash"})
    ).run()

    kept(found)
    assert found.rare["captured before the fence"] > 20
    assert found.rare["a debit that failed after the end"] > 5
    assert found.endings["refunded"] > 100


def test_a_debit_whose_look_was_given_up() -> None:
    """Found captured, then the database was away until the TTL was over."""
    found = Search(troubles=1, methods=(DEBIT,), kinds=frozenset({"give up"})).run()

    kept(found)
    assert found.rare["captured before the fence"] > 20


# A search that could not see a broken promise would prove nothing: each mutant must be caught.


def undo_last_first(told: Story) -> tuple[Story, tuple[Command, ...]]:
    """Void before the release, as a plain stack of undos would."""
    if not told.undo:
        return replace(told, stage=Stage.CLOSED), ()
    command = Command(step=told.undo[-1], ending=told.ending, reason=told.reason)
    return replace(told, under_way=command), (command,)


def undo_nothing(told: Story) -> tuple[Story, tuple[Command, ...]]:
    """Close at once."""
    return replace(told, stage=Stage.CLOSED), ()


def wait_for_ever(told: Story) -> tuple[Story, tuple[Command, ...]]:
    """Neither look at payments nor at the clock."""
    return told, ()


def void_without_refund(told: Story, _event: Done) -> Story:
    """Forget that what is captured cannot be voided."""
    return replace(told, undo=())


def confirm_at_once(told: Story, event: Done) -> Story:
    """Take an authorization for the money."""
    after = ACCEPTED(told, event)
    return replace(after, captured=after.stage is Stage.COMMITTING)


def hear_no_cancel(told: Story, event: Event) -> Story:
    """Lose what a customer asks for."""
    return told if isinstance(event, CancelAsked) else FOLDED(told, event)


def forget_tombstones(*_: object) -> None:
    """Reserve whatever has happened to the reservation."""


FOLDED, ACCEPTED = story._folded, story._FOLD[Step.ACCEPT_PAYMENT]
ANYTIME = {kind: frozenset(Status) for kind in PaymentOperationKind}


def mutated(monkeypatch: pytest.MonkeyPatch, mutant: object) -> None:
    """Put a mutant in the place of what it spoils."""
    if mutant in (undo_last_first, forget_tombstones):
        # The table of states that go together would stop these two as well.
        monkeypatch.setattr(world, "check_combination", lambda _checkout: None)
    if mutant is undo_last_first:
        # And so would these two rules.
        monkeypatch.setattr(payments, "_MAY_BE_ASKED_IN", ANYTIME)
        monkeypatch.setattr(payments, "_GONE", frozenset())
        monkeypatch.setattr(story, "_next_undo", mutant)
    elif mutant is undo_nothing:
        monkeypatch.setattr(story, "_next_undo", mutant)
    elif mutant is wait_for_ever:
        monkeypatch.setattr(story, "_next_awaiting", mutant)
    elif mutant is hear_no_cancel:
        monkeypatch.setattr(story, "_folded", mutant)
    elif mutant is void_without_refund:
        monkeypatch.setitem(story._FOLD, Step.VOID_PAYMENT, mutant)
    elif mutant is confirm_at_once:
        monkeypatch.setitem(story._FOLD, Step.ACCEPT_PAYMENT, mutant)
    else:
        monkeypatch.setattr(reservations, "_refuse_ended", mutant)


@pytest.mark.parametrize(
    ("mutant", "seen"),
    [
        (undo_last_first, "voided while the stock counts on it"),
        (undo_nothing, "closed with units reserved"),
        (wait_for_ever, "stuck"),
        (void_without_refund, "closed before the money came to rest"),
        (confirm_at_once, "stuck"),
        (hear_no_cancel, "confirmed though the customer had cancelled in time"),
        (forget_tombstones, "closed with units reserved"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_story_that_was_spoilt_is_caught(
    monkeypatch: pytest.MonkeyPatch, mutant: object, seen: str
) -> None:
    """Each breaks one promise, and the search says which."""
    mutated(monkeypatch, mutant)

    found = Search(
        troubles=1,
        methods=(DEBIT,) if mutant is void_without_refund else (VISA,),
        strides=False,
        kinds=frozenset({"customer", "give up"}),
    ).run()

    assert seen in {*found.broken, "stuck" if found.stuck else "none is stuck"}
