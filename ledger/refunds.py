"""Money that is owed back: each debt has an id by what owes it, and is paid until the provider shows it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

WHOLE = "whole"
"""The id of what is left when a checkout is undone or an order cancelled: once a checkout at most."""


_SHORT = "short-"


class RefundState(StrEnum):
    """Where a debt stands. `requested` is written before the provider is asked; only a proof ends it."""

    OWED = "owed"
    REQUESTED = "requested"
    DONE = "done"


class ShownRefund(StrEnum):
    """What the provider shows of a refund that it was asked for."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """One debt to a customer. After a failure it is owed again; `code` is the last reason."""

    checkout_id: str
    refund_id: str
    amount_minor: int
    state: RefundState = RefundState.OWED
    failures: int = 0
    code: str | None = None
    provider_refund: str | None = None
    escalated: bool = False

    @property
    def identity(self) -> tuple[str, str]:
        """(checkout, refund)."""
        return self.checkout_id, self.refund_id


def of_inspection(inspection_id: str) -> str:
    """Name what an inspection owes."""
    return f"inspection-{inspection_id}"


def of_short_pick(short_id: str) -> str:
    """Name what a short pick owes."""
    return f"{_SHORT}{short_id}"


def short_id_of(refund_id: str) -> str | None:
    """Name the short pick that owes this; None where something else does."""
    return refund_id.removeprefix(_SHORT) if refund_id.startswith(_SHORT) else None


def total_minor(refunds: Iterable[Refund]) -> int:
    """Add debts up, paid or not."""
    return sum(refund.amount_minor for refund in refunds)
