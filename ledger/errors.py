"""The four families of what can go wrong, as the ledger tells them.

*Refused* is a fact about the world and is not retried; *conflict* is two requests under one key;
*transient* passes; *broken* cannot happen. Each error has a stable `code` that is the same in logs,
metrics, problem documents and Temporal's failure types, and carries its facts as attributes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class LedgerError(Exception):
    """Base of all; `code` is stable, `facts` are ids and numbers only."""

    def __init__(self, code: str, /, **facts: Any) -> None:
        super().__init__(code)
        self.code = code
        self.facts: Mapping[str, Any] = facts

    def __reduce__(self) -> tuple[Any, ...]:
        """Keep the facts when an error crosses a process."""
        return _rebuilt, (type(self), self.code, dict(self.facts))


class Refused(LedgerError):
    """The rules said no. Asking again the same way gives the same answer until the world changes."""


class KeyConflict(LedgerError):
    """One operation key, two different inputs."""


class Transient(LedgerError):
    """Nothing is decided, or not known to be; post the same command again and learn it."""


class Broken(LedgerError):
    """Something that the ledger's own rules make impossible. Page somebody."""


def _rebuilt(kind: type[LedgerError], code: str, facts: dict[str, Any]) -> LedgerError:
    return kind(code, **facts)
