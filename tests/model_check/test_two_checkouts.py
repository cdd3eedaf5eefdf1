"""Everything that can happen to two checkouts that want the same lamp, effect by effect.

Between any two effects of one checkout's step anything else may happen: to it, and to its rival. The
share of every day leaves most kinds of trouble to `make prove`, and takes the same paths through the rest.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import pytest

from tests.model_check.conftest import Say
from tests.model_check.lives import DEBIT, DECLINED, EVERYTHING, VISA, Bounds
from tests.model_check.rare import ALONE, TOGETHER
from tests.model_check.search import Search
from tests.proof import FULL, size

SLOW = frozenset({"time out", "give up"})
"""Attempts that go on beside others: most of the states there are."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """Two checkouts under these bounds: what must have come up, how often, and how many states there are."""

    name: str
    full: frozenset[str]
    share: frozenset[str] = frozenset()
    troubles: int = 1
    methods: tuple[str, ...] = (VISA,)
    cart: bool = False
    stock: int = 1
    limit: int | None = None
    cards: int = 1
    extensions: int = 0
    states: int
    """At least so many at full size."""
    never: tuple[str, ...] = ("confirmed and confirmed",)
    endings: tuple[str, ...]
    rare: dict[str, int]
    """Floors at every size."""
    rare_in_full: dict[str, int] = field(default_factory=dict)

    def search(self) -> Search:
        """Make the search, at the size of this run."""
        kinds = size_of(self.share, self.full)
        return Search(
            Bounds(methods=self.methods, kinds=kinds, cart=self.cart),
            troubles=self.troubles if kinds else 0,
            checkouts=2,
            stock=self.stock,
            limit=self.limit,
            cards=self.cards,
            extensions=self.extensions,
        )


def size_of(share: frozenset[str], full: frozenset[str]) -> frozenset[str]:
    """Choose the kinds of trouble."""
    return full if FULL else share


CASES = [
    Case(
        name="one lamp and every trouble",
        full=EVERYTHING,
        share=frozenset({"customer", "reaper"}),
        states=1_000_000,
        endings=("confirmed and out_of_stock", "confirmed and expired", "cancelled and confirmed"),
        rare={
            "paid late while the rival has the lamp": 1_000,
            "paid late, and lost to a rival who paid": 100,
            "paid late, and given back": 100,
            "sold though it was paid late": 100,
            "taken again after the rival had let go": 100,
            "the rival got what was let go": 100,
            "sold out for one, and nobody bought it": 20,
            "expired before the story knew": 100,
            "fenced in the ledger, not known to the story": 100,
            "paid before the ledger knew": 100,
        },
        rare_in_full={
            "two attempts of one step": 1_000,
            "a slow attempt after the end": 1_000,
            "a slow reserve after the tombstone": 100,
            "acceptance given up": 1_000,
            "tombstone": 100,
            "voided in the console while stock counts on it": 100,
            "a customer's cancel that came too late": 100,
            "a capture that failed": 100,
            "compensating": 100,
            "refund": 100,
            "an order taken back": 100,
            "expired while the payment was being asked for": 100,
        },
    ),
    Case(
        name="two lamps",
        full=EVERYTHING - SLOW,
        stock=2,
        states=100_000,
        never=("confirmed and out_of_stock",),
        endings=("confirmed and confirmed",),
        rare={"both hold a lamp": 100, "both are past the fence": 20},
    ),
    Case(
        name="one cart",
        full=EVERYTHING,
        stock=2,
        cart=True,
        states=100_000,
        never=("confirmed and out_of_stock",),
        endings=("confirmed and confirmed", "confirmed and expired"),
        rare={"the cart was ended and may still be paid": 20},
    ),
    Case(
        name="one lamp for each customer",
        full=EVERYTHING - SLOW,
        stock=2,
        limit=1,
        states=100_000,
        never=("confirmed and out_of_stock",),
        endings=("confirmed and limit_exceeded", "confirmed and confirmed"),
        rare={"more than the limit, by a late payment": 1},
    ),
    Case(
        name="bank debits that settle late or never",
        full=EVERYTHING - SLOW,
        methods=(DEBIT,),
        states=100_000,
        endings=("confirmed and out_of_stock", "confirmed and refunded"),
        rare={"refund": 100, "a debit that failed after the end": 100},
        rare_in_full={
            "captured before the fence": 100,
            "a void refused and asked for again": 100,
        },
    ),
    Case(
        name="cancels, and answers that got lost, twice",
        full=frozenset({"customer", "no answer"}),
        troubles=2,
        states=300_000,
        endings=("confirmed and out_of_stock",),
        rare={"sold though it was paid late": 100},
        rare_in_full={"undoing turned into committing": 100},
    ),
    Case(
        name="cards that may be declined, and more time asked for",
        full=frozenset({"customer", "reaper", "crash", "lost webhook"}),
        methods=(VISA, DECLINED),
        extensions=1,
        states=100_000,
        endings=("confirmed and declined", "confirmed and out_of_stock"),
        rare={"extended": 100},
    ),
]


@pytest.mark.proof
@pytest.mark.timeout(size(share=300, full=3_600))
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_two_checkouts_that_want_the_same_lamp(case: Case, say: Say) -> None:
    """No promise is broken, everything leads to an end, and every rare state was reached."""
    began = time.process_time()
    found = case.search().run()

    if FULL:
        say(f"{case.name}, in {time.process_time() - began:.0f} s of one core: {found}")
    assert found.broken == {}
    assert not found.endings.keys() & set(case.never)
    assert found.endings.keys() >= set(case.endings)
    floors = case.rare | (case.rare_in_full if FULL else {})
    assert {
        name: found.rare[name] for name, least in floors.items() if found.rare[name] < least
    } == {}
    if FULL:
        assert found.states >= case.states


def test_every_rare_state_has_a_floor() -> None:
    """One that nothing asks for could be out of reach, and nobody would know."""
    floored = {name for case in CASES for name in case.rare | case.rare_in_full}
    assert floored == ALONE.keys() | TOGETHER.keys()
