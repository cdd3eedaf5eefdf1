"""What is answered: the shape of every body, in the order in which its members are written."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

JSON = "application/json"


class Answer(BaseModel):
    """Base of all. Times are in UTC, amounts in minor units."""

    model_config = ConfigDict(frozen=True)

    def response(self, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
        """Tell it, the same bytes for the same facts."""
        return Response(
            self.model_dump_json(), status, headers=dict(headers or {}), media_type=JSON
        )


class ProductAnswer(Answer):
    """A product as it is now."""

    sku: str
    title: str
    price_minor: int
    currency: str
    limit_per_customer: int | None


class LocationAnswer(Answer):
    """A location as it is now."""

    location: str
    kind: str
    seller: str | None
    reports: str
    priority: int
    enabled: bool


class HeldUnits(Answer):
    """Units of one sku held at one location."""

    sku: str
    location: str
    quantity: int


class NewReservation(Answer):
    """The hold as it was first made. The token is needed to cancel or extend it."""

    id: str
    token: str
    expires_at: datetime
    lines: tuple[HeldUnits, ...]


class NewPayment(Answer):
    """What the customer's browser pays with."""

    provider: str
    payment_intent: str
    client_secret: str | None
    amount_minor: int
    currency: str


class CheckoutOpened(Answer):
    """The decision of POST /checkouts, the same on every repetition."""

    checkout_id: str
    status: str
    reservation: NewReservation
    payment: NewPayment


class CheckoutUndecided(Answer):
    """The decision takes longer; send the same request again."""

    checkout_id: str
    status: str


class CheckoutLineAnswer(Answer):
    """One sku of a checkout; the price is one unit's."""

    sku: str
    quantity: int
    price_minor: int


class ReservationAnswer(Answer):
    """The newest reservation as it stands."""

    id: str
    state: str
    expires_at: datetime | None
    extensions: int


class PaymentAnswer(Answer):
    """The money as it stands."""

    state: str
    payment_intent: str | None
    authorized_minor: int
    captured_minor: int
    refunded_minor: int


class OrderAnswer(Answer):
    """The order as it stands; `none` before it was placed."""

    state: str


class CheckoutAnswer(Answer):
    """A checkout as it stands."""

    checkout_id: str
    status: str
    reason: str | None
    lines: tuple[CheckoutLineAnswer, ...]
    total_minor: int
    currency: str
    reservation: ReservationAnswer | None
    payment: PaymentAnswer
    order: OrderAnswer
    created_at: datetime
    updated_at: datetime


class TotalsAnswer(Answer):
    """Units that ever went each way."""

    received: int
    reserved: int
    released: int
    expired: int
    sold: int
    cancelled: int
    shipped: int
    returned: int
    restocked: int
    damaged: int
    adjusted: int


class _OfSku(Answer):
    """Bases are written from the last one on, so what is named comes before its numbers."""

    sku: str


class _AtLocation(Answer):
    location: str


class Numbers(Answer):
    """The numbers of a sku, over all its locations or at one of them.

    `sold` is paid and not yet shipped; `in_transit` has left here by a transfer, and neither arrived nor got lost.
    """

    on_hand: int
    reserved: int
    available: int
    safety_stock: int
    held_back: int
    sold: int
    shipped: int
    returned: int
    damaged: int
    researching: int
    in_transit: int
    version: int
    totals: TotalsAnswer


class LocationStockAnswer(Numbers, _AtLocation):
    """The numbers at one location, with the reasons why nothing may be sold from there, if any."""

    paused: tuple[str, ...]


class StockAnswer(Numbers, _OfSku):
    """The numbers of a sku at this moment."""

    locations: tuple[LocationStockAnswer, ...]


class AdjustmentAnswer(Answer):
    """A correction as it was booked. What could not be taken is `missing`, and a review asks about it."""

    adjustment_id: str
    sku: str
    location: str
    kind: str
    quantity: int
    status: str
    review_id: str | None
    missing: int
    version: int


class RowPolicyAnswer(Answer):
    """What of a sku may be sold from a location, and what keeps the rest back."""

    sku: str
    location: str
    safety_stock: int
    feed_buffer: int
    paused: tuple[str, ...]
    available: int
    version: int


class Received(Answer):
    """The event is stored."""

    received: bool = True


class Alive(Answer):
    """The process answers."""

    status: str
