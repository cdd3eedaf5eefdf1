"""What a step does to the world, one effect at a time, and what it learns of it: nothing, sometimes."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from ledger.commands import Command
from ledger.errors import KeyConflict, LedgerError, Refused, Transient
from payments.errors import PaymentError, PaymentUnknown


class BrokenPromiseError(BaseException):
    """A promise of the house was broken at this very moment. No step can catch it."""


class Beat:
    """A moment in which an attempt can be cut off."""

    def __await__(self) -> Generator[None]:
        """Stop for a moment."""
        yield


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What an effect gave: a value or an error. Two that read the same are the same."""

    well: bool
    value: Any = field(compare=False)
    words: str

    @classmethod
    def of(cls, well: bool, value: Any) -> Outcome:
        """Put one into words."""
        return cls(well=well, value=value, words=f"{type(value).__name__} {value}")


LOST = {
    "ledger": Outcome.of(False, Transient("database-unavailable")),
    "provider": Outcome.of(False, PaymentUnknown("connection")),
}
"""What is told where no answer came: it may have happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """Something asked of the ledger or of the provider, and not yet done."""

    of: str
    work: Callable[[], Any]

    def carried_out(self) -> Outcome:
        """Do it."""
        try:
            return Outcome.of(True, self.work())
        except (Refused, KeyConflict, PaymentError) as error:
            return Outcome.of(False, error)
        except LedgerError as error:
            raise BrokenPromiseError(f"the ledger broke: {error.code}") from error


@cache
def refuses(said: str) -> bool:
    """Tell whether a kept answer refused. Few are ever given, and each is looked at a thousand times."""
    return "code" in json.loads(said)


def replayed(command: Command, said: dict[str, Any]) -> Any:
    """Answer a command as it was answered before. Raises Refused, KeyConflict."""
    if said["print"] != command.fingerprint().hex():
        raise KeyConflict("key-reused", key=command.key)
    if "code" in said:
        raise Refused(said["code"], **said["facts"])
    return said["body"]
