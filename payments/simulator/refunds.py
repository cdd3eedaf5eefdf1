"""A refund, which may take a while, and may fail after it succeeded: pure rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from payments.simulator.intents import EventKind
from payments.simulator.payment_methods import Ending

# Long enough to be seen between the two states, short enough to wait for in a test.
ENDS_AFTER_SECONDS: Final = 1.0


class RefundStatus(StrEnum):
    """The provider's own statuses, as far as used."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """One refund; `awaits` is how it will end, in `ends_after_seconds`, and None once it has."""

    refund_id: str
    intent_id: str
    charge_id: str | None
    created: int
    amount_minor: int
    currency: str
    reason: str | None
    metadata: Mapping[str, str]
    status: RefundStatus = RefundStatus.SUCCEEDED
    awaits: Ending | None = None
    ends_after_seconds: float = ENDS_AFTER_SECONDS


def begun(refund: Refund, ending: Ending | None) -> tuple[Refund, tuple[EventKind, ...]]:
    """Begin a refund that ends as `ending` says: pending if well, succeeded for now if badly."""
    if ending is None:
        return refund, (EventKind.REFUND_CREATED, EventKind.REFUND_UPDATED)
    status = RefundStatus.PENDING if ending is Ending.WELL else RefundStatus.SUCCEEDED
    return replace(refund, status=status, awaits=ending), (EventKind.REFUND_CREATED,)


def ended(refund: Refund) -> tuple[Refund, tuple[EventKind, ...]]:
    """End it as it was to end."""
    if refund.awaits is Ending.BADLY:
        failed = replace(refund, status=RefundStatus.FAILED, awaits=None)
        return failed, (EventKind.REFUND_UPDATED, EventKind.REFUND_FAILED)
    succeeded = replace(refund, status=RefundStatus.SUCCEEDED, awaits=None)
    return succeeded, (EventKind.REFUND_UPDATED,)
