"""The checker finds nothing in what an honest ledger could have done, and exactly the fault in what it could not."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.history.check import Fault, Finding, check
from tests.history.graph import knots
from tests.history.plants import PLANTS, PLENTY
from tests.history.record import Entry, Outcome, Post, read_history, write_history
from tests.proof import size
from tests.unit.ledger.cast import BERLIN, LAMP, MUNICH, RUG

WIDTH = 10
"""Between two decisions; callers wait for up to several of these before and after."""
Cart = dict[str, int]


@dataclass(kw_only=True)
class HonestLedger:
    """Decides one after the other, at instants its callers only know to lie within their waiting."""

    stock: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    history: list[Post] = field(default_factory=list)
    ledger: list[Entry] = field(default_factory=list)

    def receive(
        self, sku: str, location: str, quantity: int, waits: tuple[int, int] = (0, 0)
    ) -> None:
        self._enter(f"receipt/{len(self.history)}", sku, location, quantity, quantity)
        self._tell({sku: quantity}, waits)

    def reserve(self, cart: Cart, waits: tuple[int, int], *, heard: bool = True) -> None:
        short = any(
            self.stock[sku, BERLIN] + self.stock[sku, MUNICH] < quantity
            for sku, quantity in cart.items()
        )
        if not short:
            for sku, quantity in cart.items():
                first = min(quantity, self.stock[sku, BERLIN])
                for location, share in ((BERLIN, first), (MUNICH, quantity - first)):
                    if share:
                        self._enter(f"receipt/{len(self.history)}", sku, location, share, -share)
        self._tell(cart, waits, short=short, heard=heard)

    def _enter(self, key: str, sku: str, location: str, quantity: int, change: int) -> None:
        self.stock[sku, location] += change
        entry = Entry(
            sku=sku,
            location=location,
            sequence=sum((e.sku, e.location) == (sku, location) for e in self.ledger) + 1,
            key=key,
            quantity=quantity,
            available=self.stock[sku, location],
        )
        self.ledger.append(entry)

    def _tell(
        self, asked: Cart, waits: tuple[int, int], *, short: bool = False, heard: bool = True
    ) -> None:
        decided = len(self.history) * WIDTH
        told = Outcome.REFUSED if short else Outcome.OK
        post = Post(
            key=f"receipt/{len(self.history)}",
            asked=asked,
            caller="one",
            invoked=decided - waits[0],
            completed=decided + 1 + waits[1],
            outcome=told if heard else Outcome.UNKNOWN,
            code="insufficient-stock" if short and heard else None,
        )
        self.history.append(post)


waits = st.tuples(st.integers(0, 5 * WIDTH), st.integers(0, 5 * WIDTH))
carts = st.dictionaries(st.sampled_from([LAMP, RUG]), st.integers(1, 4), min_size=1)
goods = st.tuples(
    st.sampled_from([LAMP, RUG]), st.sampled_from([BERLIN, MUNICH]), st.integers(1, 4)
)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("receive"), goods, waits, st.just(value=True)),
        st.tuples(st.just("reserve"), carts, waits, st.booleans()),
    ),
    max_size=40,
)


@given(steps)
def test_an_honest_ledger_is_found_honest(
    plan: list[tuple[str, object, tuple[int, int], bool]],
) -> None:
    """However its callers' waiting overlaps, and whatever they never heard of."""
    honest = HonestLedger()
    for kind, what, waiting, heard in plan:
        if kind == "receive":
            honest.receive(*what, waiting)  # type: ignore[misc, call-arg]
        else:
            honest.reserve(what, waiting, heard=heard)  # type: ignore[arg-type]
    assert check(honest.history, honest.ledger) == []


def a_good_day() -> HonestLedger:
    """Something of everything the plantings need, some of it at the same time."""
    day = HonestLedger()
    for location in (BERLIN, MUNICH):
        for sku in (LAMP, RUG, PLENTY):
            day.receive(sku, location, 6)
    for n in range(8):
        day.reserve({PLENTY: 1}, (0, 0))
        day.reserve({LAMP: 1, RUG: 1}, (n, 2 * WIDTH))
    day.reserve({LAMP: 9}, (3, 3))
    day.receive(LAMP, BERLIN, 9)
    return day


@pytest.mark.parametrize("name", PLANTS)
def test_a_planted_fault_is_found_and_nothing_else(name: str) -> None:
    """A checker that never found anything proves nothing."""
    day = a_good_day()
    assert check(day.history, day.ledger) == []
    planted = PLANTS[name](day.history, day.ledger)
    assert check(planted.history, planted.ledger) == [planted.finding]


def test_a_refusal_is_justified_by_one_moment_of_its_waiting() -> None:
    """Two lamps wanted, and the second came: who asked before that was rightly refused, who asked after was not."""
    day = HonestLedger()
    day.receive(LAMP, BERLIN, 1)
    day.receive(LAMP, MUNICH, 1, waits=(5, 0))
    told = Post(
        key="late", asked={LAMP: 2}, caller="two", invoked=11, completed=12,
        outcome=Outcome.REFUSED, code="insufficient-stock",
    )  # fmt: skip
    assert check([*day.history, replace(told, invoked=10)], day.ledger) == []
    assert check([*day.history, replace(told, invoked=12, completed=13)], day.ledger) == [
        Finding(fault=Fault.UNJUSTIFIED, keys=("late",))
    ]


def test_one_short_line_justifies_the_refusal_of_a_cart() -> None:
    """All lines or none: the rug is what was missing."""
    day = HonestLedger()
    day.receive(LAMP, BERLIN, 9)
    day.reserve({LAMP: 1, RUG: 1}, (0, 0))
    assert day.history[-1].outcome is Outcome.REFUSED
    assert check(day.history, day.ledger) == []


def test_a_no_given_before_an_unknown_post_had_ended_settles_nothing() -> None:
    """A release may be refused to one caller, and the other's, still under way, be done."""
    day = HonestLedger()
    day.receive(LAMP, BERLIN, 1)
    key = day.history[0].key
    in_doubt = replace(day.history[0], outcome=Outcome.UNKNOWN, completed=9)
    refused = replace(day.history[0], outcome=Outcome.REFUSED, invoked=8, completed=9)
    assert check([in_doubt, refused], day.ledger) == []
    assert check([in_doubt, replace(refused, invoked=9)], day.ledger) == [
        Finding(fault=Fault.DONE_THOUGH_REFUSED, keys=(key,))
    ]


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=40))
def test_knots_are_what_can_reach_each_other(pairs: list[tuple[int, int]]) -> None:
    """Held against the plain definition."""
    edges: dict[int, list[int]] = {node: [] for node in range(9)}
    for source, target in pairs:
        edges[source].append(target)

    def reached(source: int) -> set[int]:
        seen: set[int] = set()
        ahead = [source]
        while ahead:
            fresh = set(edges[ahead.pop()]) - seen
            seen |= fresh
            ahead += fresh
        return seen

    reach = {node: reached(node) for node in edges}
    plain = {frozenset(m for m in edges if m in reach[n] and n in reach[m]) for n in edges}
    assert {frozenset(knot) for knot in knots(edges)} == {knot for knot in plain if len(knot) > 1}


@pytest.mark.proof
def test_a_deep_history_is_walked_without_recursion() -> None:
    """A hundred thousand, one after the other, and the last before the first."""
    deep = size(share=20_000, full=100_000)
    ring = {node: [(node + 1) % deep] for node in range(deep)}
    assert [len(knot) for knot in knots(ring)] == [deep]


def test_a_history_is_read_as_it_was_written(tmp_path: Path) -> None:
    """By another process."""
    day = a_good_day()
    write_history(tmp_path / "day", day.history)
    assert read_history(tmp_path / "day") == day.history
