"""An index made by hand, and the products that these tests look for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from events.reading import Event
from events.schemas import Piles, ProductChange, StockChange
from ledger.stock import PILES
from projections.search.asking import Page, Wish
from projections.search.entry import Entry, Heard, Listing
from projections.search.index import Indexes, Reader

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NUMBER = 1


def product(
    sku: str,
    title: str = "",
    *,
    available: int = 1,
    price_minor: int = 4_900,
    currency: str = "EUR",
) -> Entry:
    """Make an entry that is sold from Berlin."""
    listing = Listing(version=1, title=title or sku, price_minor=price_minor, currency=currency)
    stock = {"BER1": Heard(sequence=1, available=available)}
    return Entry(sku=sku, listing=listing, stock=stock)


@dataclass(kw_only=True)
class Shelf:
    """One generation, searched as a customer does."""

    indexes: Indexes
    reader: Reader

    @classmethod
    def of(cls, directory: Path, entries: Iterable[Entry]) -> Shelf:
        """Fill it."""
        indexes = Indexes(directory)
        writer = indexes.begin(NUMBER)
        writer.put(entries, fresh=True)
        writer.commit()
        writer.sign()
        writer.close()
        return cls(indexes=indexes, reader=indexes.reader(NUMBER))

    def find(self, text: str = "", **wish: Any) -> Page:
        """Search."""
        return self.reader.look().find(Wish(text=text, **wish))

    def skus(self, text: str = "", **wish: Any) -> list[str]:
        """Give what is found, in order."""
        return [entry.sku for entry in self.find(text, **wish).entries]


def listed(sku: str, version: int, title: str = "Lamp", price_minor: int = 4_900) -> ProductChange:
    """Tell that a product is, from now on, as said."""
    return ProductChange(
        sku=sku,
        title=title,
        price_minor=price_minor,
        currency="EUR",
        limit_per_customer=None,
        version=version,
        recorded_at=NOON,
    )


def stocked(sku: str, location: str, sequence: int, available: int) -> StockChange:
    """Tell how many may be sold after a movement."""
    piles = dict.fromkeys(PILES, 0) | {"sellable": available, "supply": -available}
    return StockChange.model_validate(
        {
            "sku": sku,
            "location": location,
            "sequence": sequence,
            "kind": "receive",
            "source": "supply",
            "target": "sellable",
            "quantity": 1,
            "cause": {"kind": "receipt", "id": "r-1"},
            "reason": None,
            "occurred_at": NOON,
            "recorded_at": NOON,
            "piles": Piles(**piles),
            "on_hand": available,
            "held_back": 0,
            "available": available,
            "safety_stock": 0,
            "feed_buffer": 0,
            "paused": [],
        }
    )


def event(payload: ProductChange | StockChange) -> Event:
    """Wrap a payload as it comes off the bus."""
    if isinstance(payload, ProductChange):
        subject, sequence = payload.sku, payload.version
    else:
        subject, sequence = f"{payload.sku}/{payload.location}", payload.sequence
    kind = "ProductChanged" if isinstance(payload, ProductChange) else "StockReceived"
    return Event(
        id=f"{subject}/{sequence}", kind=kind, subject=subject, sequence=sequence, payload=payload
    )
