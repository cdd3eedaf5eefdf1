"""What must hold in every database of ours, as SQL: each query returns the rows that break its promise.

One file each, its first line the promise. They are numbered as in the reliability catalogue; I41 and
later are the ledger's own. Read them in one REPEATABLE READ READ ONLY transaction, so that all speak
of one moment.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True, slots=True, kw_only=True)
class Invariant:
    """A promise and the query that finds what breaks it; no rows is a pass."""

    name: str
    promise: str
    sql: str


def load() -> dict[str, Invariant]:
    """Read every invariant, by name and in order of name."""
    sources = {
        file.name.removesuffix(".sql"): file.read_text(encoding="utf-8")
        for file in files(__name__).iterdir()
        if file.name.endswith(".sql")
    }
    return {name: _read(name, sources[name]) for name in sorted(sources)}


def _read(name: str, source: str) -> Invariant:
    promise, _, _ = source.partition("\n")
    return Invariant(name=name, promise=promise.removeprefix("-- "), sql=source)
