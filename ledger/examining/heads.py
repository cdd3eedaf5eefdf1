"""Chain heads kept elsewhere: what a rewrite of a whole chain, hashes and all, cannot change.

A file of JSON lines: what it is and when it was taken, one head a row of stock in the order of sku and
location, and how many there are. It is read line by line beside the history, which has the same order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TextIO

import orjson

from ledger.examining.findings import Findings
from ledger.examining.words import head_finding

FORMAT = "onhand chain heads 1"


class HeadsUnreadable(Exception):
    """The file is not one of ours, or not the whole of it."""


@dataclass(frozen=True, slots=True)
class Head:
    """Where a chain stood: the number and the hash of its last entry."""

    sku: str
    location: str
    sequence: int
    hash: bytes


class Heads:
    """Heads in the order of the history, each met, or missed, as that goes by."""

    def __init__(self, taken_at: str, heads: Iterable[Head]) -> None:
        self.taken_at = taken_at
        self.verified = 0
        self._heads = iter(heads)
        self._next = next(self._heads, None)

    def of(self, sku: str, location: str, found: Findings) -> Head | None:
        """Give the head of this chain, if it has one; those before it have no chain any more."""
        while self._next and (self._next.sku, self._next.location) < (sku, location):
            self._skip(found)
        if self._next is None or (self._next.sku, self._next.location) != (sku, location):
            return None
        head, self._next = self._next, next(self._heads, None)
        return head

    def met(self, head: Head, stored: bytes, found: Findings) -> None:
        """Compare a head with the entry of its number."""
        self.verified += 1
        if stored != head.hash:
            self._tell("history-rewritten", head, found)

    def missed(self, head: Head, last: int, found: Findings) -> None:
        """Tell that a chain ended before its head."""
        self._tell("history-shortened", head, found, last=last)

    def rest(self, found: Findings) -> None:
        """Tell of every head that comes after the last chain."""
        while self._next:
            self._skip(found)

    def _skip(self, found: Findings) -> None:
        assert self._next is not None
        self._tell("history-vanished", self._next, found)
        self._next = next(self._heads, None)

    def _tell(self, code: str, head: Head, found: Findings, last: int = 0) -> None:
        found.add(
            head_finding(code, head.sku, head.location, head.sequence, self.taken_at, last=last)
        )


def no_heads() -> Heads:
    """Give heads to compare with nothing."""
    return Heads("never", ())


def read_heads(file: TextIO) -> Heads:
    """Read an exported file, a line at a time.

    Raises HeadsUnreadable at once or while it is read, where it is not whole and in order.
    """
    opening = _line(file.readline())
    if opening.get("format") != FORMAT or not isinstance(opening.get("taken_at"), str):
        message = f"its first line does not say that it is {FORMAT!r}"
        raise HeadsUnreadable(message)
    return Heads(opening["taken_at"], _heads(file))


def _heads(file: TextIO) -> Iterator[Head]:
    before = "", ""
    for number, text in enumerate(file):
        line = _line(text)
        if "heads" in line:
            if line["heads"] != number or file.readline():
                message = f"it ends with {line['heads']} heads and has {number}"
                raise HeadsUnreadable(message)
            return
        head = _head(line)
        if before >= (head.sku, head.location):
            message = f"line {number + 2} is not in the order of sku and location"
            raise HeadsUnreadable(message)
        before = head.sku, head.location
        yield head
    message = "it has no last line; was it cut off?"
    raise HeadsUnreadable(message)


def _head(line: dict[str, Any]) -> Head:
    try:
        sku, location, sequence = line["sku"], line["location"], line["sequence"]
        head = Head(str(sku), str(location), int(sequence), bytes.fromhex(line["hash"]))
    except (KeyError, TypeError, ValueError):
        message = "a line is no head of a chain"
        raise HeadsUnreadable(message) from None
    return head


def _line(text: str) -> dict[str, Any]:
    try:
        line = orjson.loads(text)
    except orjson.JSONDecodeError:
        line = None
    if not isinstance(line, dict):
        message = "a line is not a JSON object"
        raise HeadsUnreadable(message)
    return line


class HeadsWriter:
    """Writes heads as they come, between a first line and a last."""

    def __init__(self, file: TextIO, *, taken_at: str, schema: str) -> None:
        self._file = file
        self.written = 0
        self._write({"format": FORMAT, "taken_at": taken_at, "schema": schema})

    def write(self, head: Head) -> None:
        """Write one."""
        self.written += 1
        self._write(
            {
                "sku": head.sku,
                "location": head.location,
                "sequence": head.sequence,
                "hash": head.hash.hex(),
            }
        )

    def end(self) -> None:
        """Say how many there were, so that a file cut off is known for one."""
        self._write({"heads": self.written})

    def _write(self, line: dict[str, Any]) -> None:
        self._file.write(orjson.dumps(line).decode() + "\n")
