"""Which failed attempts to pay count: each once, whether its event came, or polling told of it, or both did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from workflows.steps import PAYMENT_FAILED, PaymentHinted

POLLED = "poll-"
"""How events begin that no provider has sent: our own look-ups tell of what was silent for too long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declines:
    """The count, the attempts that it knows by name, and those of them whose own event is still to come."""

    count: int = 0
    attempts: frozenset[str] = frozenset()
    awaited: tuple[str, ...] = ()

    def after(self, looked_at: Sequence[PaymentHinted], attempt: str | None) -> Declines:
        """Count what was looked at together; `attempt` is the newest that the provider shows as declined.

        An event does not say which attempt it is of, so each counts as one, but for that of an attempt
        that polling has told of: it is due where the provider shows that attempt, or again one that is
        counted.
        """
        counted = self
        for hint in looked_at:
            if hint.kind == PAYMENT_FAILED:
                counted = counted._with(hint, attempt)
        return counted

    def _with(self, hint: PaymentHinted, attempt: str | None) -> Declines:
        if attempt is None:
            return replace(self, count=self.count + 1)
        known = attempt in self.attempts
        polled = hint.event_id.startswith(POLLED)
        if known and polled:
            return self
        if known and self.awaited:
            due = attempt if attempt in self.awaited else self.awaited[0]
            return replace(self, awaited=tuple(other for other in self.awaited if other != due))
        return Declines(
            count=self.count + 1,
            attempts=self.attempts | {attempt},
            awaited=(*self.awaited, attempt) if polled else self.awaited,
        )
