"""Holds a history against the ledger, and names everything that no honest ledger could have done.

Each accepted operation is there exactly once, each refused one is not, each unknown one is there at
most once; whoever was told that stock was short was told so of a moment of their own waiting; a row
was changed in the order in which its callers came one after the other; and all operations fit one
order that agrees with every row and with time. Pure: values in, findings out.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from tests.history.graph import knots
from tests.history.operations import Operation, changed_answers, operations_of
from tests.history.record import Entry, Outcome, Post
from tests.history.shelves import Shelves


class Fault(StrEnum):
    """What can be wrong."""

    LOST = "accepted, and not in the ledger as its answer says"
    TWICE = "in the ledger more often than once"
    DONE_THOUGH_REFUSED = "refused, and in the ledger"
    UNASKED = "in the ledger, and nobody asked for it"
    ANSWER_CHANGED = "accepted, and later refused under the same key"
    UNJUSTIFIED = "refused for want of stock while there was enough"
    OUT_OF_ORDER = "done before another that had ended when this one began"
    CYCLE = "no order of these agrees with every row and with time"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One fault, and the operations it shows in."""

    fault: Fault
    keys: tuple[str, ...]


def check(history: Sequence[Post], ledger: Sequence[Entry]) -> list[Finding]:
    """Give everything that is wrong; nothing is a pass.

    What is not in the ledger exactly as asked is a finding of its own and takes no part in the orders.
    """
    operations = operations_of(history)
    counted = list(_miscounted(operations, ledger))
    wrong = {key for finding in counted for key in finding.keys}
    rows = _rows(entry for entry in ledger if entry.key not in wrong)
    swapped = list(_out_of_order(operations, rows))
    return [
        *counted,
        *(Finding(fault=Fault.ANSWER_CHANGED, keys=(key,)) for key in changed_answers(history)),
        *_unjustified(operations, ledger),
        *swapped,
        *_cycles(operations, rows, swapped),
    ]


def _miscounted(operations: Mapping[str, Operation], ledger: Iterable[Entry]) -> Iterator[Finding]:
    moved: defaultdict[str, Counter[str]] = defaultdict(Counter)
    rows: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for entry in ledger:
        moved[entry.key][entry.sku] += entry.quantity
        rows[entry.key].append((entry.sku, entry.location))
    for key in moved.keys() - operations.keys():
        yield Finding(fault=Fault.UNASKED, keys=(key,))
    for key, operation in operations.items():
        fault = _miscount(operation, moved[key], rows[key])
        if fault is not None:
            yield Finding(fault=fault, keys=(key,))


def _miscount(
    operation: Operation, moved: Counter[str], rows: list[tuple[str, str]]
) -> Fault | None:
    if operation.outcome is Outcome.REFUSED:
        return Fault.DONE_THOUGH_REFUSED if rows else None
    if len(set(rows)) < len(rows) or moved > Counter(operation.asked):
        return Fault.TWICE
    if moved == Counter(operation.asked) or (operation.outcome is Outcome.UNKNOWN and not rows):
        return None
    return Fault.LOST


def _rows(ledger: Iterable[Entry]) -> list[list[str]]:
    """Give each row's operations, in the order in which they changed it."""
    rows: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for entry in sorted(ledger, key=lambda entry: entry.sequence):
        rows[entry.sku, entry.location].append(entry.key)
    return list(rows.values())


def _unjustified(operations: Mapping[str, Operation], ledger: Iterable[Entry]) -> Iterator[Finding]:
    shelves = Shelves(operations, ledger)
    for key, operation in operations.items():
        if operation.code == "insufficient-stock" and not any(
            shelves.least(sku, operation.invoked, operation.refused_by) < quantity
            for sku, quantity in operation.asked.items()
        ):
            yield Finding(fault=Fault.UNJUSTIFIED, keys=(key,))


def _out_of_order(
    operations: Mapping[str, Operation], rows: Iterable[list[str]]
) -> Iterator[Finding]:
    for row in rows:
        latest = operations[row[0]]
        for operation in map(operations.__getitem__, row):
            if operation.done_by < latest.invoked:
                yield Finding(fault=Fault.OUT_OF_ORDER, keys=(operation.key, latest.key))
            latest = max(latest, operation, key=lambda known: known.invoked)


def _cycles(
    operations: Mapping[str, Operation], rows: Iterable[list[str]], swapped: Iterable[Finding]
) -> Iterator[Finding]:
    """Search the order of every row and the order of time together; a pair out of order is known already."""
    edges = _time(operations)
    for row in rows:
        for before, after in pairwise(row):
            edges[before].append(after)
    known = [set(finding.keys) for finding in swapped]
    for knot in knots(edges):
        keys = {node for node in knot if isinstance(node, str)}
        if not any(pair <= keys for pair in known):
            yield Finding(fault=Fault.CYCLE, keys=tuple(sorted(keys)))


def _time(operations: Mapping[str, Operation]) -> dict[str | int, list[str | int]]:
    """Lead every operation to those that began after it was done, by way of a chain of instants."""
    ends = sorted({known.done_by for known in operations.values() if known.done_by < math.inf})
    edges: dict[str | int, list[str | int]] = {
        place: [place + 1] if place + 1 < len(ends) else [] for place in range(len(ends))
    }
    for key, operation in operations.items():
        edges[key] = []
        if operation.done_by < math.inf:
            edges[key].append(bisect_left(ends, operation.done_by))
        passed = bisect_left(ends, operation.invoked) - 1
        if passed >= 0:
            edges[passed].append(key)
    return edges
