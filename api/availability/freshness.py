"""How old an answer is, told without ever comparing two clocks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """Everything committed before `as_of`, by the database's clock, is known.

    That was `age_seconds` ago by the same clock when it was told, and it was told at `heard_at` of our own
    clock that only counts on.
    """

    as_of: datetime
    age_seconds: float
    heard_at: float

    def age_ms(self, now: float) -> int:
        """Say how old it is, rounded up: it is never said to be fresher than it is."""
        return math.ceil(1_000 * (self.age_seconds + max(0.0, now - self.heard_at)))
