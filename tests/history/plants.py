"""Faults planted in a good history or its ledger, each with the one finding that must come of it.

A planting that finds no victim fails: a check that had nothing to find proves nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from tests.history.check import Fault, Finding
from tests.history.operations import Operation, operations_of
from tests.history.record import Entry, Outcome, Post

PLENTY = "grey-pebble"
"""A sku that never runs out, so that nobody is ever rightly refused it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """A history and a ledger with one fault in them."""

    history: list[Post]
    ledger: list[Entry]
    finding: Finding


Plant = Callable[[list[Post], list[Entry]], Planted]


def lost(history: list[Post], ledger: list[Entry]) -> Planted:
    """Let the ledger forget one that was accepted."""
    key = _accepted(history, ledger)
    left = [entry for entry in ledger if entry.key != key]
    return Planted(history=history, ledger=left, finding=Finding(fault=Fault.LOST, keys=(key,)))


def twice(history: list[Post], ledger: list[Entry]) -> Planted:
    """Let the ledger do one again, at the very end."""
    key = _accepted(history, ledger)
    return Planted(
        history=history,
        ledger=[*ledger, *_again(key, ledger)],
        finding=Finding(fault=Fault.TWICE, keys=(key,)),
    )


def unknown_twice(history: list[Post], ledger: list[Entry]) -> Planted:
    """Do the same, and let its callers never learn even of the first time."""
    planted = twice(history, ledger)
    (key,) = planted.finding.keys
    forgotten = [
        replace(post, outcome=Outcome.UNKNOWN) if post.key == key else post for post in history
    ]
    return replace(planted, history=forgotten)


def done_though_refused(history: list[Post], ledger: list[Entry]) -> Planted:
    """Its callers were told no."""
    key = _accepted(history, ledger)
    told = [
        replace(post, outcome=Outcome.REFUSED, code="already-released") if post.key == key else post
        for post in history
    ]
    finding = Finding(fault=Fault.DONE_THOUGH_REFUSED, keys=(key,))
    return Planted(history=told, ledger=ledger, finding=finding)


def unasked(history: list[Post], ledger: list[Entry]) -> Planted:
    """Nobody has a record of it."""
    key = _accepted(history, ledger)
    left = [post for post in history if post.key != key]
    return Planted(history=left, ledger=ledger, finding=Finding(fault=Fault.UNASKED, keys=(key,)))


def answer_changed(history: list[Post], ledger: list[Entry]) -> Planted:
    """Asked again, the ledger no longer stands by its answer."""
    key = _accepted(history, ledger)
    known = operations_of(history)[key]
    later = Post(
        key=key,
        asked=known.asked,
        caller="late",
        invoked=int(known.done_by) + 1,
        completed=int(known.done_by) + 2,
        outcome=Outcome.REFUSED,
        code="already-released",
    )
    finding = Finding(fault=Fault.ANSWER_CHANGED, keys=(key,))
    return Planted(history=[*history, later], ledger=ledger, finding=finding)


def unjustified(history: list[Post], ledger: list[Entry]) -> Planted:
    """Somebody was told that the plentiful is short, in the middle of it all."""
    moment = history[len(history) // 2]
    told = replace(
        moment,
        key="reservation/co_unlucky/1/reserve",
        asked={PLENTY: 1},
        outcome=Outcome.REFUSED,
        code="insufficient-stock",
    )
    finding = Finding(fault=Fault.UNJUSTIFIED, keys=(told.key,))
    return Planted(history=[*history, told], ledger=ledger, finding=finding)


def out_of_order(history: list[Post], ledger: list[Entry]) -> Planted:
    """On one row, two that came one after the other change places."""
    operations = operations_of(history)
    for before, after in _neighbours(ledger):
        first, second = operations[before.key], operations[after.key]
        if first.done_by < second.invoked and _alone(ledger, before) and _alone(ledger, after):
            return Planted(
                history=history,
                ledger=_swapped(ledger, before, after),
                finding=Finding(fault=Fault.OUT_OF_ORDER, keys=(before.key, after.key)),
            )
    raise AssertionError("no two came one after the other on a row")


def cycle(history: list[Post], ledger: list[Entry]) -> Planted:
    """Two at once, and each is before the other: on one row this one, on another row that one."""
    operations = operations_of(history)
    met: defaultdict[tuple[str, str], list[tuple[Entry, Entry]]] = defaultdict(list)
    for before, after in _neighbours(ledger):
        met[before.key, after.key].append((before, after))
    for keys, meetings in met.items():
        if len(meetings) > 1 and _overlap(*(operations[key] for key in keys)):
            return Planted(
                history=history,
                ledger=_swapped(ledger, *meetings[0]),
                finding=Finding(fault=Fault.CYCLE, keys=tuple(sorted(keys))),
            )
    raise AssertionError("no two met on two rows at once")


PLANTS: dict[Fault | str, Plant] = {
    Fault.LOST: lost,
    Fault.TWICE: twice,
    "an unknown one, twice": unknown_twice,
    Fault.DONE_THOUGH_REFUSED: done_though_refused,
    Fault.UNASKED: unasked,
    Fault.ANSWER_CHANGED: answer_changed,
    Fault.UNJUSTIFIED: unjustified,
    Fault.OUT_OF_ORDER: out_of_order,
    Fault.CYCLE: cycle,
}


def _accepted(history: list[Post], ledger: list[Entry]) -> str:
    """Choose one of the plentiful: what becomes of it touches nobody's refusal."""
    done = {post.key for post in history if post.outcome is Outcome.OK}
    for entry in ledger[len(ledger) // 3 :]:
        if entry.sku == PLENTY and entry.key in done and _alone(ledger, entry):
            return entry.key
    raise AssertionError("nobody was served anything plentiful")


def _alone(ledger: list[Entry], entry: Entry) -> bool:
    return sum(other.key == entry.key for other in ledger) == 1


def _again(key: str, ledger: list[Entry]) -> Iterator[Entry]:
    last = max(entry.sequence for entry in ledger)
    for place, entry in enumerate((e for e in ledger if e.key == key), start=1):
        yield replace(entry, sequence=last + place)


def _neighbours(ledger: list[Entry]) -> Iterator[tuple[Entry, Entry]]:
    ordered = sorted(ledger, key=lambda entry: (entry.sku, entry.location, entry.sequence))
    for before, after in pairwise(ordered):
        if (before.sku, before.location) == (after.sku, after.location):
            yield before, after


def _swapped(ledger: list[Entry], before: Entry, after: Entry) -> list[Entry]:
    """Give each the other's place; what was available stays with the place."""
    places = {
        before: replace(before, key=after.key, quantity=after.quantity),
        after: replace(after, key=before.key, quantity=before.quantity),
    }
    return [places.get(entry, entry) for entry in ledger]


def _overlap(one: Operation, other: Operation) -> bool:
    return one.invoked <= other.done_by and other.invoked <= one.done_by
