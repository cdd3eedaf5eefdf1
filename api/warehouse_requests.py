"""What a warehouse may tell: the body of each of its documents. Their ids are unique per kind over all locations."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from api.requests import ID, LINES, LINES_MOST, LONG_ID, QUANTITY_MOST, UNITS, Body, Happening
from ledger.commands import InspectedUnits, MissingUnits, Quantity

UNITS_OR_NONE = Annotated[int, Field(ge=0, le=QUANTITY_MOST)]


class Delivery(Happening):
    """Base of documents about whole lines."""

    lines: LINES

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """Say the lines in the ledger's words."""
        return tuple(line.as_quantity() for line in self.lines)


class ReceiptPost(Delivery):
    """Goods came in."""

    receipt_id: LONG_ID
    location: ID


class ShipmentPost(Delivery):
    """Units of an order left a location: all that it is served with from there, or a part."""

    shipment_id: LONG_ID
    order_id: LONG_ID
    location: ID


class ReturnPost(Delivery):
    """Units of an order came back, to the location that they left or to another."""

    return_id: LONG_ID
    order_id: LONG_ID
    location: ID


class InspectedLine(Body):
    """What came of some returned units. `refund` counts units, and is all of them where it is not said."""

    sku: ID
    restock: UNITS_OR_NONE
    damaged: UNITS_OR_NONE
    refund: Annotated[int, Field(ge=0, le=2 * QUANTITY_MOST)] | None = None

    @model_validator(mode="after")
    def _some_were_looked_at(self) -> Self:
        if self.restock + self.damaged == 0:
            message = "restock and damaged are at least one unit together"
            raise ValueError(message)
        if self.refund is not None and self.refund > self.restock + self.damaged:
            message = "refund is at most restock and damaged together"
            raise ValueError(message)
        return self

    def as_inspected(self) -> InspectedUnits:
        """Say it in the ledger's words."""
        found = self.restock + self.damaged
        return InspectedUnits(
            sku=self.sku,
            restock=self.restock,
            damaged=self.damaged,
            refund=found if self.refund is None else self.refund,
        )


class InspectionPost(Happening):
    """Returned units were looked at, all of the return or a part."""

    inspection_id: LONG_ID
    lines: Annotated[list[InspectedLine], Field(min_length=1, max_length=LINES_MOST)]


class MissingLine(Body):
    """Units that were not found; without a location, where the order's only units of the sku lie."""

    sku: ID
    quantity: UNITS
    location: ID | None = None

    def as_missing(self) -> MissingUnits:
        """Say it in the ledger's words."""
        return MissingUnits(sku=self.sku, quantity=self.quantity, location=self.location)


class ShortPost(Happening):
    """Units of an order that were paid for were not found."""

    short_id: LONG_ID
    lines: Annotated[list[MissingLine], Field(min_length=1, max_length=LINES_MOST)]


class TransferPost(Delivery):
    """Units set out from one location to another."""

    transfer_id: LONG_ID
    source: ID = Field(alias="from")
    target: ID = Field(alias="to")

    @model_validator(mode="after")
    def _goes_elsewhere(self) -> Self:
        if self.source == self.target:
            message = "from and to are two locations"
            raise ValueError(message)
        return self


class TransferReceiptPost(Delivery):
    """Units of a transfer arrived. What is not named goes on travelling."""

    receipt_id: LONG_ID
