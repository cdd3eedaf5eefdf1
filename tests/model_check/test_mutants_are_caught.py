"""A search that could not see a broken promise would prove nothing: each was seen red at least once."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from tests.model_check import mutants
from tests.model_check.lives import DEBIT, Bounds
from tests.model_check.mutants import Mutant
from tests.model_check.promises import PROMISES, STUCK
from tests.model_check.search import Search

MakeSearch = Callable[[], Search]


def alone(*kinds: str, method: str = "pm_card_visa", troubles: int = 1) -> MakeSearch:
    """One checkout, in steps, and trouble of these kinds."""
    bounds = Bounds(methods=(method,), kinds=frozenset(kinds), strides=False)
    return partial(Search, bounds, troubles=troubles if kinds else 0, cards=1)


def together(*, cart: bool = False, limit: int | None = None, stock: int = 1) -> MakeSearch:
    """Two checkouts, and no trouble but each other."""
    bounds = Bounds(kinds=frozenset(), cart=cart)
    return partial(Search, bounds, troubles=0, checkouts=2, stock=stock, limit=limit, cards=1)


SEEN: list[tuple[Mutant, MakeSearch, str]] = [
    (mutants.undo_last_first, alone("customer"), "voided while the stock counts on it"),
    (
        mutants.refund_first,
        alone("customer", "no answer", method=DEBIT, troubles=2),
        "refunded while the stock counts on it",
    ),
    (mutants.undo_nothing, alone("customer"), "closed with units reserved"),
    (mutants.forget_tombstones, alone("give up"), "closed with units reserved"),
    (mutants.wait_for_ever, alone(), STUCK),
    (mutants.void_without_refund, alone(method=DEBIT), "closed before the money came to rest"),
    (mutants.take_late_payments_for_voided, alone(), "closed before the money came to rest"),
    (
        mutants.hear_no_cancel,
        alone("customer"),
        "confirmed though the customer had cancelled in time",
    ),
    (
        mutants.take_a_capture_for_a_decline,
        alone(),
        "stock given back though the money was taken",
    ),
    (mutants.tell_another_end, alone(), "the story tells another end than the ledger"),
    (mutants.confirm_for_nothing, alone(), "an order without its money"),
    (mutants.fence_in_words_alone, alone(), "captured without the fence"),
    (mutants.ask_under_another_key, alone("crash"), "a second payment"),
    (
        mutants.capture_again_after_a_no,
        alone("bank", "crash", troubles=2),
        "captured under a second key",
    ),
    (mutants.keep_what_was_taken, alone(method=DEBIT), "money kept without stock"),
    (
        mutants.expire_and_owe_nothing,
        alone("reaper", method=DEBIT),
        "the reaper breaks what it finds",
    ),
    (
        mutants.expire_without_giving_back,
        together(),
        "a pile is not what its reservations say",
    ),
    (mutants.reserve_what_is_not_there, together(), "the ledger broke: negative-pile"),
    (mutants.reacquire_what_is_not_there, together(), "the ledger broke: negative-pile"),
    (mutants.take_from_nowhere, together(), "more is sold and reserved than there is"),
    (
        mutants.forget_the_cart,
        together(cart=True, stock=2),
        "a cart may be paid by two checkouts",
    ),
    (
        mutants.count_no_claims,
        together(limit=1, stock=2),
        "what the customer has claimed is not what is theirs",
    ),
    (mutants.limit_nobody, together(limit=1, stock=2), "a customer has more than the limit"),
]


@pytest.mark.parametrize(
    ("mutant", "search", "promise"), SEEN, ids=[mutant.__name__ for mutant, _, _ in SEEN]
)
def test_a_spoilt_shop_is_caught(
    monkeypatch: pytest.MonkeyPatch, mutant: Mutant, search: MakeSearch, promise: str
) -> None:
    """Each mutant breaks one promise, and the search says which and how it came to that."""
    mutant(monkeypatch)

    found = search().run()

    assert promise in found.broken
    assert found.broken[promise]


def test_every_promise_was_seen_broken() -> None:
    """One that no mutant breaks may be one that nothing could break."""
    assert {promise.partition(":")[0] for _, _, promise in SEEN} == PROMISES
