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


class StepResult(Message):
    """What a step found: the checkout's status after it, and the refusal's code if it was refused."""

    status: str
    code: str | None = None
    reservation: str | None = None
    declined: bool = False
    extension: int | None = None
    seconds_left: float | None = None
    """Of an extension, or of an expiry refused because of one: how far, and how long the hold still lasts."""
