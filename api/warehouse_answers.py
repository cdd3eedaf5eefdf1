"""What a warehouse is answered: each document as it was booked, its lines added up by sku, or that it waits."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from api.answers import Answer, OrderAnswer


class UnitsAnswer(Answer):
    """Units of one sku."""

    sku: str
    quantity: int


class ReceiptAnswer(Answer):
    """A receipt as it was booked."""

    receipt_id: str
    location: str
    lines: tuple[UnitsAnswer, ...]


class ShipmentWaiting(Answer):
    """A shipment that is kept until its order is confirmed. Sent again, it tells what has become of it."""

    shipment_id: str
    order_id: str
    status: str


class ShipmentAnswer(ShipmentWaiting):
    """A shipment as it was booked."""

    location: str
    lines: tuple[UnitsAnswer, ...]


class ReturnWaiting(Answer):
    """A return that is kept until its units were shipped."""

    return_id: str
    order_id: str
    status: str


class ReturnAnswer(ReturnWaiting):
    """A return as it was booked."""

    location: str
    lines: tuple[UnitsAnswer, ...]


class InspectedUnitsAnswer(Answer):
    """What came of returned units of one sku; `refund` of them are paid back."""

    sku: str
    restock: int
    damaged: int
    refund: int


class InspectionWaiting(Answer):
    """An inspection that is kept until its return is booked."""

    inspection_id: str
    return_id: str
    status: str


class InspectionAnswer(InspectionWaiting):
    """An inspection as it was booked."""

    order_id: str
    location: str
    lines: tuple[InspectedUnitsAnswer, ...]


class LocatedUnitsAnswer(UnitsAnswer):
    """Units of one sku at one location."""

    location: str


class RefundAnswer(Answer):
    """What is owed for units, and how far it is: `owed`, `requested` of the provider, or `done`."""

    state: str
    amount_minor: int


class ShortPickWaiting(Answer):
    """A short pick that is kept until its order is confirmed; then its `status` is the checkout's."""

    short_id: str
    order_id: str
    status: str


class ShortPickAnswer(ShortPickWaiting):
    """What was not found, what comes from elsewhere instead, and what is paid back, with the order as it stands."""

    order: OrderAnswer
    lines: tuple[LocatedUnitsAnswer, ...]
    replaced: tuple[LocatedUnitsAnswer, ...]
    refunded: tuple[UnitsAnswer, ...]
    refund: RefundAnswer | None


class TransferAnswer(Answer):
    """A transfer as it set out."""

    model_config = ConfigDict(serialize_by_alias=True)

    transfer_id: str
    source: str = Field(alias="from")
    target: str = Field(alias="to")
    lines: tuple[UnitsAnswer, ...]


class TransferReceiptWaiting(Answer):
    """An arrival that is kept until its transfer is told."""

    receipt_id: str
    transfer_id: str
    status: str


class TransferReceiptAnswer(TransferReceiptWaiting):
    """An arrival as it was booked; `location` is where the transfer went."""

    location: str
    lines: tuple[UnitsAnswer, ...]
