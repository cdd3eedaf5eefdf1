"""Commands that pay back what is owed: written down before the provider is asked, settled by what it shows."""

from __future__ import annotations

from dataclasses import dataclass

from ledger.commands.base import Command, Needs
from ledger.refunds import WHOLE, ShownRefund


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRefund(Command):
    """Write down that the provider will be asked for a refund. Repeated, it answers the same key."""

    checkout_id: str
    refund_id: str = WHOLE

    def needs(self) -> Needs:
        return _money(self.checkout_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordRefund(Command):
    """Store what the provider shows of one refund it was asked for under `operation_key`.

    `code` says why, where it failed. The `escalate_after`th failure opens a review; 0 never does.
    """

    checkout_id: str
    operation_key: str
    shown: ShownRefund
    refund_id: str = WHOLE
    provider_refund: str | None = None
    code: str | None = None
    escalate_after: int = 0

    def needs(self) -> Needs:
        return _money(self.checkout_id)


def _money(checkout_id: str) -> Needs:
    checkout = frozenset({checkout_id})
    return Needs(checkouts=checkout, payments_of=checkout, refunds_of=checkout)
