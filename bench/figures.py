"""What a benchmark finds: rates and latencies of one run, medians over rounds, and ratios of medians' rounds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median, quantiles

LATENCIES_FOR_A_QUANTILE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """One run of one contender: how many it did in how long, and how long each caller waited."""

    done: int
    seconds: float
    p50_ms: float
    p99_ms: float

    @property
    def rate(self) -> float:
        """Done a second."""
        return self.done / self.seconds

    @classmethod
    def of(cls, latencies: Sequence[float], seconds: float) -> Load:
        """Sum up latencies, which are seconds."""
        if len(latencies) < LATENCIES_FOR_A_QUANTILE:
            only = 1_000 * latencies[0] if latencies else 0.0
            return cls(done=len(latencies), seconds=seconds, p50_ms=only, p99_ms=only)
        cuts = quantiles(latencies, n=100)
        return cls(
            done=len(latencies), seconds=seconds, p50_ms=1_000 * cuts[49], p99_ms=1_000 * cuts[98]
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """All runs of one contender, a round each."""

    name: str
    title: str
    loads: tuple[Load, ...]

    @property
    def rate(self) -> float:
        """The median over the rounds."""
        return median(load.rate for load in self.loads)

    @property
    def p50_ms(self) -> float:
        """The median over the rounds."""
        return median(load.p50_ms for load in self.loads)

    @property
    def p99_ms(self) -> float:
        """The median over the rounds."""
        return median(load.p99_ms for load in self.loads)

    def told(self) -> dict[str, object]:
        """Tell it as JSON."""
        return {
            "title": self.title,
            "rate": round(self.rate, 1),
            "p50_ms": round(self.p50_ms, 2),
            "p99_ms": round(self.p99_ms, 2),
            "rates": [round(load.rate, 1) for load in self.loads],
            "seconds": [round(load.seconds, 2) for load in self.loads],
        }


def _rate(load: Load) -> float:
    return load.rate


def half_waited(load: Load) -> float:
    """Compare by how long the luckier half of the callers waited at most."""
    return load.p50_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """One contender's figure over another's: the median of the rounds' own ratios, with the spread."""

    key: str
    rounds: tuple[float, ...]

    @property
    def value(self) -> float:
        """The median."""
        return median(self.rounds)

    @classmethod
    def between(
        cls, key: str, above: Contest, below: Contest, of: Callable[[Load], float] = _rate
    ) -> Ratio:
        """Compare two contenders round by round: what slows a whole round slows both."""
        pairs = zip(above.loads, below.loads, strict=True)
        return cls(key=key, rounds=tuple(of(one) / of(other) for one, other in pairs))
