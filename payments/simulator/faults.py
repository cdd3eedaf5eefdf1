"""Faults: what goes wrong with one payment on purpose, in words. Values only; nothing goes wrong here.

A fault is written `STEP.KIND`, with `=SECONDS` where it takes time, and met once unless `*TIMES` or, for
always, `*` says otherwise: `capture.reply_lost`, `webhook.delayed=2.5*`. `docs/simulator.md` lists them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final


class Step(StrEnum):
    """Where something can go wrong: the provider's calls, and what it tells by webhook."""

    CREATE = "create"
    CONFIRM = "confirm"
    CAPTURE = "capture"
    CANCEL = "cancel"
    REFUND = "refund"
    RETRIEVE = "retrieve"
    WEBHOOK = "webhook"


class Kind(StrEnum):
    """What can go wrong. Whether it was done all the same is what the caller cannot tell."""

    SLOW = "slow"
    """Done and answered, but only after some seconds."""
    TIME_OUT = "time_out"
    """Swallowed: not done, and not answered; cut after some seconds if the caller waits so long."""
    REPLY_LOST = "reply_lost"
    """Done; the connection is cut instead of the answer."""
    ACTS_LATE = "acts_late"
    """The connection is cut at once, and it is done some seconds later."""
    ERROR = "error"
    """Not done; 500, which is the answer to its idempotency key from now on."""
    ERROR_ACTED = "error_acted"
    """Done; 500 all the same, kept as the answer to its key."""
    DECLINE = "decline"
    """Refused, as a bank or the provider would."""
    FAILS_LATER = "fails_later"
    """The refund is pending for some seconds, and then fails."""
    STAYS_PENDING = "stays_pending"
    """The refund never ends."""
    DUPLICATED = "duplicated"
    """The event is told twice."""
    REORDERED = "reordered"
    """Events are kept for some seconds, and then told newest first."""
    DELAYED = "delayed"
    """The event is told some seconds later."""
    MISSING = "missing"
    """The event is never told."""
    OTHER_AMOUNT = "other_amount"
    """The event tells of other amounts than there are."""
    CONFLICTING = "conflicting"
    """The event is told, and then once more under its id with other amounts."""


_CUT: Final = frozenset({Kind.SLOW, Kind.TIME_OUT, Kind.REPLY_LOST})
_ACTING: Final = _CUT | {Kind.ACTS_LATE, Kind.ERROR, Kind.ERROR_ACTED}
_DECLINABLE: Final = _ACTING | {Kind.DECLINE}
POSSIBLE: Final = {
    Step.CREATE: _ACTING,
    Step.CONFIRM: _DECLINABLE,
    Step.CAPTURE: _DECLINABLE,
    Step.CANCEL: _DECLINABLE,
    Step.REFUND: _DECLINABLE | {Kind.FAILS_LATER, Kind.STAYS_PENDING},
    Step.RETRIEVE: _CUT | {Kind.ERROR},
    Step.WEBHOOK: frozenset(
        {
            Kind.DUPLICATED,
            Kind.REORDERED,
            Kind.DELAYED,
            Kind.MISSING,
            Kind.OTHER_AMOUNT,
            Kind.CONFLICTING,
        }
    ),
}
TIMED: Final = {
    **dict.fromkeys(
        (Kind.SLOW, Kind.ACTS_LATE, Kind.FAILS_LATER, Kind.REORDERED, Kind.DELAYED), 1.0
    ),
    # Longer than callers wait.
    Kind.TIME_OUT: 30.0,
}
"""What takes time, and how long where it is not said, in seconds."""
WORDS_MOST: Final = 50
WORD: Final = re.compile(
    r"(?P<step>[a-z]{1,20})\.(?P<kind>[a-z_]{1,20})"
    r"(?:=(?P<seconds>[0-9]{1,4}(?:\.[0-9]{1,3})?))?(?P<always>\*(?P<times>[1-9][0-9]{0,3})?)?",
    re.ASCII,
)


class FaultUnknown(ValueError):
    """A word that is no fault; `word` is what was said, shortened."""

    def __init__(self, word: str) -> None:
        self.word = word[:80]
        super().__init__(f"no such fault: {self.word}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong at one step, so many `times`; None is always."""

    step: Step
    kind: Kind
    seconds: float = 0.0
    times: int | None = 1

    def __str__(self) -> str:
        """Write it as `parse` reads it."""
        seconds = f"={self.seconds:g}" if self.kind in TIMED else ""
        times = {None: "*", 1: ""}.get(self.times, f"*{self.times}")
        return f"{self.step}.{self.kind}{seconds}{times}"


def parse(text: str) -> tuple[Fault, ...]:
    """Read faults, separated by commas or spaces.

    Raises:
        FaultUnknown: one of them is none.

    """
    words = text.replace(",", " ").split()
    if len(words) > WORDS_MOST:
        raise FaultUnknown(words[WORDS_MOST])
    return tuple(_read(word) for word in words)


def _read(word: str) -> Fault:
    parts = WORD.fullmatch(word)
    try:
        if parts is None:
            raise FaultUnknown(word)
        step, kind = Step(parts["step"]), Kind(parts["kind"])
    except ValueError:
        raise FaultUnknown(word) from None
    seconds = parts["seconds"]
    if kind not in POSSIBLE[step] or (seconds is not None and kind not in TIMED):
        raise FaultUnknown(word)
    times = int(parts["times"]) if parts["times"] else None if parts["always"] else 1
    return Fault(
        step=step,
        kind=kind,
        seconds=TIMED.get(kind, 0.0) if seconds is None else float(seconds),
        times=times,
    )


def written(faults: Sequence[Fault]) -> str:
    """Write faults as `parse` reads them."""
    return " ".join(map(str, faults))


def met(faults: Sequence[Fault], step: Step) -> tuple[Fault | None, tuple[Fault, ...]]:
    """Give the first fault of a step, if there is one, and what is left once it was met."""
    for at, fault in enumerate(faults):
        if fault.step is step:
            left = None if fault.times is None else fault.times - 1
            rest = () if left == 0 else (replace(fault, times=left),)
            return fault, (*faults[:at], *rest, *faults[at + 1 :])
    return None, tuple(faults)
