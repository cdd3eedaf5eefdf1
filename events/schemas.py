"""What an event's payload holds: the shapes that are published, and that every payload is held to in tests.

A consumer reads version 1 for as long as it is told of version 1: a field that is added leaves the version,
and consumers ignore fields they do not know.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from ledger.outbox import EVENT_TYPES, PRODUCT_CHANGED
from ledger.stock import MovementKind, Pile

Units = Annotated[int, Field(ge=0)]
Position = Annotated[int, Field(ge=1)]


class _Published(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


class Cause(_Published):
    """What a change was made for, such as a receipt or a checkout."""

    kind: str
    id: str


class Piles(_Published):
    """Every unit of a sku at a location, after the change. The last three are outside, and may be negative."""

    sellable: Units
    reserved: Units
    sold: Units
    shipped: Units
    returned: Units
    damaged: Units
    researching: Units
    supply: int
    adjustment: int
    transit: int


class StockChange(_Published):
    """One movement, and how its sku and location stand after it.

    Whoever keeps state keeps the payload with the highest `sequence` of a sku and location; whoever sums
    counts each sequence once. `on_hand`, `held_back` and `available` are of this location alone.
    """

    sku: str
    location: str
    sequence: Position
    kind: MovementKind
    source: Pile | None
    target: Pile | None
    quantity: Units
    cause: Cause
    order_id: str | None = None
    """The order that was placed, sent, brought back or changed; of an order there is an event for each line."""
    reason: str | None
    occurred_at: AwareDatetime
    recorded_at: AwareDatetime
    piles: Piles
    on_hand: Units
    held_back: Units
    available: Units
    safety_stock: Units
    feed_buffer: Units
    paused: list[str]


class ProductChange(_Published):
    """How a product stands in the catalogue. `price_minor` is per unit; no limit is null."""

    sku: str
    title: str
    price_minor: Position
    currency: str
    limit_per_customer: Position | None
    version: Position
    recorded_at: AwareDatetime


PAYLOADS: dict[str, type[BaseModel]] = {
    **dict.fromkeys(sorted(set(EVENT_TYPES.values())), StockChange),
    PRODUCT_CHANGED: ProductChange,
}
"""The shape of each type of event's payload."""
