"""How little of a sku there can have been at a moment, by the after-images of its movements.

A movement became true at some instant between its operation's invocation and the first answer that
said so: between the two it may or may not have been, and both are possible. What is told here is
the least that is possible, so no justified refusal is ever called unjustified.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import accumulate

from tests.history.operations import Instant, Operation
from tests.history.record import Entry

Steps = tuple[list[Instant], list[int]]
"""A function of time: from each instant on, this number."""


class Shelves:
    """Every sku's least possible stock over time, at all its locations together."""

    def __init__(self, operations: Mapping[str, Operation], ledger: Iterable[Entry]) -> None:
        rows: defaultdict[tuple[str, str], list[Entry]] = defaultdict(list)
        for entry in sorted(ledger, key=lambda entry: entry.sequence):
            rows[entry.sku, entry.location].append(entry)
        by_sku: defaultdict[str, list[Steps]] = defaultdict(list)
        for (sku, _), entries in rows.items():
            by_sku[sku].append(_least_of_row(operations, entries))
        self._steps = {sku: _sum(steps) for sku, steps in by_sku.items()}

    def least(self, sku: str, first: Instant, last: Instant) -> int:
        """Say how little there can have been at the leanest moment from `first` to `last`."""
        if sku not in self._steps:
            return 0
        instants, numbers = self._steps[sku]
        begin = max(0, bisect_right(instants, first) - 1)
        return min(numbers[begin : max(begin + 1, bisect_right(instants, last))])


def _least_of_row(operations: Mapping[str, Operation], entries: list[Entry]) -> Steps:
    """Walk a row's versions, empty first; each is possible from its own beginning to its successor's end."""
    done = [operations.get(entry.key) for entry in entries]
    invoked = [operation.invoked if operation else -math.inf for operation in done]
    done_by = [operation.done_by if operation else math.inf for operation in done]
    available = [0, *(entry.available for entry in entries)]
    begins = [-math.inf, *accumulate(invoked, max)]
    ends = [*reversed(list(accumulate(reversed(done_by), min))), math.inf]
    instants = sorted({*begins, *(math.nextafter(end, math.inf) for end in ends[:-1])})
    least = []
    oldest = newest = 0
    for instant in instants:
        while newest + 1 < len(available) and begins[newest + 1] <= instant:
            newest += 1
        while ends[oldest] < instant:
            oldest += 1
        least.append(min(available[oldest : newest + 1], default=0))
    return instants, least


def _sum(rows: list[Steps]) -> Steps:
    changes: defaultdict[Instant, int] = defaultdict(int)
    for instants, numbers in rows:
        before = 0
        for instant, number in zip(instants, numbers, strict=True):
            changes[instant] += number - before
            before = number
    instants = sorted(changes)
    return instants, list(accumulate(changes[instant] for instant in instants))
