"""Days of callers over a real ledger: what they posted, and whether it all was true."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.copies import Database
from tests.history.callers import moved_by
from tests.history.check import check
from tests.history.crowd import Report, Wish
from tests.history.plants import PLENTY
from tests.history.record import Entry, Outcome, Post, entries_of
from tests.history.stories import PLACES, SCARCE
from tests.integration.ledger.shop import broken_promises, open_shop
from tests.unit.ledger import cast

MANY = 1_000_000
PROCESSES = ("north", "south")


async def stocked(database: Database, *, scarce: int) -> list[Post]:
    """Put products into the catalogue and some of each on the shelves, and write that down."""
    receipts = [
        cast.receive(MANY if sku == PLENTY else scarce, sku, place, receipt=f"first-{sku}-{place}")
        for sku in (*SCARCE, PLENTY)
        for place in PLACES
    ]
    async with open_shop(database) as shop:
        await shop.offers(*SCARCE, PLENTY)
        invoked = time.monotonic_ns()
        await shop.tell(*receipts)
        completed = time.monotonic_ns()
    return [
        Post(
            key=receipt.key,
            asked=moved_by(receipt),
            caller="dock",
            invoked=invoked,
            completed=completed,
            outcome=Outcome.OK,
        )
        for receipt in receipts
    ]


def wishes(database: Database, folder: Path, *, seed: int, **fields: Any) -> list[Wish]:
    """Ask for two processes that share a day."""
    return [
        Wish(
            name=name,
            database_url=database.application_url,
            history=str(folder / name),
            seed=seed,
            mine=mine,
            processes=len(PROCESSES),
            **fields,
        )
        for mine, name in enumerate(PROCESSES)
    ]


def proved(history: Sequence[Post], database: Database) -> list[Entry]:
    """Hold the whole of it against the ledger, and every invariant too; give what was in the ledger."""
    ledger = entries_of(database)
    assert check(history, ledger) == []
    assert broken_promises(database) == {}
    return ledger


def told(history: Sequence[Post]) -> Counter[str]:
    """Count what callers were told: `ok`, `unknown`, or the code that refused them."""
    return Counter(post.code or post.outcome.value for post in history)


def summary(what: str, history: Sequence[Post], reports: Sequence[Report]) -> str:
    """Say in one line how large a day was and what happened in it."""
    keys = len({post.key for post in history})
    retries, cuts = sum(r.retries for r in reports), sum(r.cuts for r in reports)
    answers = ", ".join(f"{count} {answer}" for answer, count in told(history).most_common())
    span = max(p.completed for p in history) - min(p.invoked for p in history)
    return (
        f"{what}: {len(history)} posts of {keys} keys from {len(reports)} processes in {span / 1e9:.0f} s: "
        f"{answers}; {retries} retries, {cuts} wires cut"
    )
