"""A history, as its callers wrote it down, and the ledger's entries it is held against."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import orjson

from tests.copies import Database


class Outcome(StrEnum):
    """What a caller was told of one post."""

    OK = "ok"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One call. Instants are nanoseconds of the machine's monotonic clock, the same in all its processes.

    `asked` is what it moves, units by sku; of an accepted one, what its answer says.
    """

    key: str
    asked: Mapping[str, int]
    caller: str
    invoked: int
    completed: int
    outcome: Outcome
    code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One movement, as far as a history knows of it: who moved how much, and what was available then."""

    sku: str
    location: str
    sequence: int
    key: str
    quantity: int
    available: int


def write_history(path: Path, posts: Iterable[Post]) -> None:
    """Write one line a post."""
    path.write_bytes(b"".join(orjson.dumps(post) + b"\n" for post in posts))


def read_history(path: Path) -> list[Post]:
    """Read them back."""
    lines = (orjson.loads(line) for line in path.read_bytes().splitlines())
    return [Post(**{**line, "outcome": Outcome(line["outcome"])}) for line in lines]


def entries_of(database: Database) -> list[Entry]:
    """Read every movement that has an operation's key, row by row in order of sequence."""
    rows = database.rows(
        "SELECT sku, location, sequence, operation_key, quantity,"
        " CASE WHEN cardinality(paused_after) > 0 THEN 0"
        " ELSE greatest(0, sellable_after - safety_stock_after - feed_buffer_after) END"
        " FROM movement WHERE operation_key IS NOT NULL ORDER BY sku, location, sequence"
    )
    return [
        Entry(
            sku=sku,
            location=location,
            sequence=sequence,
            key=key,
            quantity=quantity,
            available=available,
        )
        for sku, location, sequence, key, quantity, available in rows
    ]
