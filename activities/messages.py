"""What the workflow hands to a step, and what it gets back: ids and states only."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from ledger.checkouts import Status


class Message(BaseModel):
    """Base of all. New fields need a default, so that old histories still decode."""

    model_config = ConfigDict(frozen=True)


class CartLine(Message):
    """Units of one sku that the checkout wants."""

    sku: str
    quantity: int


class StepInput(Message):
    """Everything a step may need; each reads what it names."""

    checkout_id: str
    lines: tuple[CartLine, ...] = ()
    ending: Status | None = None
    reason: str | None = None
    compensating: bool = False
    extension: int = 0
    seconds: int = 0
    ordinal: int = 1
    rescuing: bool = False
    webhook_events: tuple[str, ...] = ()

    @property
    def of(self) -> str:
        """What it is about."""
        return self.checkout_id


class RefundInput(Message):
    """Which debt a step is about; without `refund_id`, the checkout's altogether."""

    checkout_id: str
    refund_id: str | None = None

    @property
    def of(self) -> str:
        """What it is about."""
        return self.checkout_id


class ReturnInput(Message):
    """Which return a step is about."""

    return_id: str

    @property
    def of(self) -> str:
        """What it is about."""
        return self.return_id


class RefundResult(Message):
    """How far a refund has come: `done`, `pending` at the provider, or `failed` for this time, with the code."""

    state: str
    status: str
    """The checkout's, after it."""
    code: str | None = None
    failures: int = 0
    escalated: bool = False


class DebtsResult(Message):
    """The ids of debts that are still to be paid, and of a return how many units nobody has looked at."""

    refunds: tuple[str, ...] = ()
    to_inspect: int = 0


class StepResult(Message):
    """What a step found: the checkout's status after it, and the refusal's code if it was refused."""

    status: str
    code: str | None = None
    reservation: str | None = None
    declined: bool = False
    attempt: str | None = None
    """The provider's name for what it declined, where it has one."""
    extension: int | None = None
    seconds_left: float | None = None
    """Of an extension, or of an expiry refused because of one: how far, and how long the hold still lasts."""
