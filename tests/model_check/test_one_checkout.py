"""Everything that can happen to one checkout, within bounds, and what must hold in all of it.

The steps, the rules of the ledger and the decisions of the simulator are the real ones; see
`small_world`. Each search says how much it saw, and fails as vacuous where it missed what it is for.
"""

from __future__ import annotations

import pytest

from tests.model_check.lives import DEBIT, DECLINED, PEOPLE, VISA, Bounds
from tests.model_check.search import Found, Search


def kept(found: Found) -> None:
    """See that no promise was broken and that everything leads to an end."""
    assert found.broken == {}


@pytest.mark.parametrize("strides", [True, False], ids=["strides", "steps"])
def test_a_card_and_whatever_else_goes_wrong_twice(strides: bool) -> None:
    """Cancels, crashes between any two effects, the reaper, the bank and its console."""
    found = Search(Bounds(kinds=PEOPLE | {"crash"}, strides=strides), troubles=2, cards=1).run()

    kept(found)
    assert found.states > 3_000
    assert found.endings.keys() >= {"confirmed", "declined", "cancelled", "expired", "refunded"}
    assert found.rare["a capture that failed"] > 100
    assert found.rare["expired before the story knew"] > 100
    assert found.rare["sold though it was paid late"] > 100
    assert (found.rare["expired while the payment was being asked for"] > 50) or not strides


def test_two_cards_of_which_any_may_be_declined() -> None:
    """With a second attempt allowed, and a cancel, or the reaper, or the console."""
    bounds = Bounds(methods=(VISA, DECLINED), kinds=PEOPLE - {"operator"})
    found = Search(bounds, troubles=1, payment_attempts=2).run()

    kept(found)
    assert found.states > 2_500
    assert found.endings["confirmed"] > 20


def test_out_of_stock_whatever_goes_wrong_three_times() -> None:
    """Also where the refusal itself was lost."""
    found = Search(Bounds(), troubles=3, stock=0).run()

    kept(found)
    assert found.endings.keys() == {"out_of_stock", "cancelled"}
    assert found.rare["tombstone"] > 0


def test_a_step_given_up_may_have_happened_all_the_same() -> None:
    """Its attempt goes on effect by effect, also after the end."""
    found = Search(Bounds(kinds=frozenset({"give up"}), strides=False), troubles=1, cards=1).run()

    kept(found)
    assert found.rare["acceptance given up"] > 100
    assert found.rare["fenced in the ledger, not known to the story"] > 10
    assert found.rare["a slow attempt after the end"] > 50


def test_a_debit_that_may_settle_at_any_moment() -> None:
    """A method without authorization: captured before the fence, or after the checkout was undone."""
    bounds = Bounds(methods=(DEBIT,), kinds=frozenset({"customer", "reaper", "crash"}))
    found = Search(bounds, troubles=2, cards=1).run()

    kept(found)
    assert found.rare["captured before the fence"] > 10
    assert found.rare["a debit that failed after the end"] > 5
    assert found.endings["refunded"] > 20


def test_a_debit_whose_look_was_given_up() -> None:
    """Found captured, then the database was away until the TTL was over."""
    bounds = Bounds(methods=(DEBIT,), kinds=frozenset({"no answer"}))
    found = Search(bounds, troubles=1, cards=1).run()

    kept(found)
    assert found.rare["captured before the fence"] > 20


def test_a_hold_that_is_extended_twice() -> None:
    """At any moment, also as its time runs out and as the reaper comes."""
    bounds = Bounds(kinds=frozenset({"reaper", "crash"}))
    found = Search(bounds, troubles=1, cards=1, extensions=2).run()

    kept(found)
    assert found.rare["extended"] > 200
    assert found.endings.keys() == {"confirmed", "expired"}
