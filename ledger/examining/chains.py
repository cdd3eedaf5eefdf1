"""Judges a history while it streams by: hashes, numbers, times, piles, and the rows they end in.

Pure and of constant memory: what is kept is one entry and the faults of one row. It proves what
I01 to I05 say, by a program that shares nothing with their SQL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from math import inf
from typing import Any

from ledger.examining.findings import Findings
from ledger.examining.heads import Head, Heads, no_heads
from ledger.examining.history import (
    AFTER,
    HASH,
    HASHED,
    LOCATION,
    PILES,
    QUANTITY,
    RECORDED_AT,
    ROW,
    SEQUENCE,
    SKU,
    SOURCE,
    TARGET,
)
from ledger.examining.words import chain_finding
from ledger.movements import chained
from ledger.stock import GENESIS_HASH, OUTSIDE, Pile

PROVED = frozenset({"I01", "I02", "I03", "I04", "I05"})
"""Promises that need not be asked of Postgres once every chain was read."""

Entry = tuple[Any, ...]
"""HASHED_FIELDS and the stored hash; under the number ROW, a stock row."""

_PLACES = {pile.value: place for place, pile in enumerate(Pile)}
_INSIDE = slice(0, len(Pile) - len(OUTSIDE))
"""Piles of the building: the outside world comes last and alone may be negative."""


@dataclass(slots=True)
class Chain:
    """The history of one row, as far as it has been read."""

    sku: str
    location: str
    head: Head | None
    sequence: int = 0
    hash: bytes = GENESIS_HASH
    recorded_at: float = -inf
    after: Entry = ()
    piles: tuple[int, ...] = (0,) * len(Pile)
    row_seen: bool = False
    fault: tuple[str, int] | None = None
    """The code and the number of the first entry that is wrong."""
    later: int = 0
    """How many more are."""

    def judge(self, entry: Entry) -> str | None:
        """Compare an entry with the one before it; give the code of the first thing wrong with it."""
        if entry[SEQUENCE] != self.sequence + 1:
            return "entry-missing" if entry[SEQUENCE] > self.sequence else "entry-repeated"
        if entry[HASH] != chained(self.hash, entry[HASHED]):
            return "entry-changed"
        if entry[RECORDED_AT] < self.recorded_at:
            return "entry-disordered"
        if entry[PILES] != moved(self.piles, entry[SOURCE], entry[TARGET], entry[QUANTITY]):
            return "entry-does-not-follow"
        return "pile-negative" if min(entry[PILES][_INSIDE]) < 0 else None

    def judge_row(self, row: Entry) -> str | None:
        """Compare the stock row with the last entry."""
        if row[QUANTITY] != self.sequence:
            return "end-missing" if row[QUANTITY] > self.sequence else "row-behind"
        if row[HASH] != self.hash:
            return "row-hash-differs"
        if self.sequence == 0:
            return "row-differs" if any(row[PILES]) else None
        return "row-differs" if (*row[AFTER], row[RECORDED_AT]) != self.after else None

    def blame(self, code: str, sequence: int) -> None:
        """Remember what is wrong: the first in full, then only how often."""
        if self.fault is None:
            self.fault = code, sequence
        else:
            self.later += 1

    def take(self, entry: Entry) -> None:
        """Go on from an entry as it is stored, so that a fault is found where it is and not after."""
        self.sequence = entry[SEQUENCE]
        self.hash = entry[HASH]
        self.recorded_at = entry[RECORDED_AT]
        self.piles = entry[PILES]
        self.after = (*entry[AFTER], entry[RECORDED_AT])


def moved(
    piles: tuple[int, ...], source: str | None, target: str | None, quantity: int
) -> tuple[int, ...] | None:
    """Give the piles after a movement; None where it names a pile that there is not."""
    after = list(piles)
    try:
        if source is not None:
            after[_PLACES[source]] -= quantity
        if target is not None:
            after[_PLACES[target]] += quantity
    except KeyError:
        return None
    return tuple(after)


@dataclass(slots=True)
class ChainExaminer:
    """Reads a history once, in order. `ended` is told the head of each chain that is whole."""

    found: Findings
    heads: Heads = field(default_factory=no_heads)
    ended: Callable[[Head], None] | None = None
    chains: int = 0
    movements: int = 0

    def read(self, history: Iterable[Entry], every: int, watch: Callable[[int], None]) -> None:
        """Judge every entry; tell `watch` how far it is, once in so many."""
        chain: Chain | None = None
        for entry in history:
            if chain is None or entry[SKU] != chain.sku or entry[LOCATION] != chain.location:
                self._end(chain)
                chain = self._begin(entry)
            if entry[SEQUENCE] == ROW:
                self._row(chain, entry)
                continue
            fault = chain.judge(entry)
            if fault is not None:
                chain.blame(fault, entry[SEQUENCE])
            if chain.head is not None and entry[SEQUENCE] == chain.head.sequence:
                self.heads.met(chain.head, entry[HASH], self.found)
                chain.head = None
            chain.take(entry)
            self.movements += 1
            if not self.movements % every:
                watch(self.movements)
        self._end(chain)
        self.heads.rest(self.found)

    def _begin(self, entry: Entry) -> Chain:
        sku, location = entry[SKU], entry[LOCATION]
        return Chain(sku, location, self.heads.of(sku, location, self.found))

    def _row(self, chain: Chain, row: Entry) -> None:
        chain.row_seen = True
        fault = chain.judge_row(row)
        if fault is not None:
            chain.blame(fault, row[QUANTITY])

    def _end(self, chain: Chain | None) -> None:
        if chain is None:
            return
        self.chains += 1
        if not chain.row_seen:
            chain.blame("row-missing", chain.sequence)
        if chain.head is not None:
            self.heads.missed(chain.head, chain.sequence, self.found)
        if chain.fault is not None:
            code, sequence = chain.fault
            self.found.add(
                chain_finding(code, chain.sku, chain.location, sequence, later=chain.later)
            )
        elif chain.sequence and self.ended:
            self.ended(Head(chain.sku, chain.location, chain.sequence, chain.hash))
