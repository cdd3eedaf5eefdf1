"""What the index keeps of a sku: the product as last heard of, and of each location the highest sequence.

Pure. Whatever the order, and however often events come, the same ones make the same entry, byte for byte.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import orjson
from pydantic import BaseModel

from events.schemas import ProductChange, StockChange


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A product as the catalogue shows it."""

    version: int
    title: str
    price_minor: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What may be sold at a location, as it was after its movement number `sequence`."""

    sequence: int
    available: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One sku. Its stock may be heard of before it is itself; nobody finds it until then."""

    sku: str
    listing: Listing | None = None
    stock: Mapping[str, Heard] = field(default_factory=dict)
    """By location."""

    @property
    def in_stock(self) -> bool:
        """Whether a unit can be had anywhere."""
        return any(heard.available > 0 for heard in self.stock.values())

    def heed(self, payload: BaseModel) -> Entry:
        """Give the entry with an event taken in: what is older than it knows changes nothing.

        Raises TypeError where the payload is none of stock or product.
        """
        if isinstance(payload, ProductChange):
            return self._relisted(payload)
        if isinstance(payload, StockChange):
            return self._restocked(payload)
        message = f"neither stock nor product: {type(payload).__name__}"
        raise TypeError(message)

    def _relisted(self, told: ProductChange) -> Entry:
        if self.listing is not None and self.listing.version >= told.version:
            return self
        listing = Listing(
            version=told.version,
            title=told.title,
            price_minor=told.price_minor,
            currency=told.currency,
        )
        return replace(self, listing=listing)

    def _restocked(self, told: StockChange) -> Entry:
        known = self.stock.get(told.location)
        if known is not None and known.sequence >= told.sequence:
            return self
        heard = Heard(sequence=told.sequence, available=told.available)
        return replace(self, stock={**self.stock, told.location: heard})


def subject_of(payload: BaseModel) -> str:
    """Name the sku that an event is about. Raises TypeError as `heed` does."""
    if isinstance(payload, ProductChange | StockChange):
        return payload.sku
    message = f"neither stock nor product: {type(payload).__name__}"
    raise TypeError(message)


def heeded(entries: Mapping[str, Entry], payloads: Iterable[BaseModel]) -> dict[str, Entry]:
    """Take events in; give the entries that are not as they were."""
    now: dict[str, Entry] = {}
    for payload in payloads:
        sku = subject_of(payload)
        entry = now.get(sku) or entries.get(sku) or Entry(sku=sku)
        now[sku] = entry.heed(payload)
    return {sku: entry for sku, entry in now.items() if entry != entries.get(sku)}


def encoded(entry: Entry) -> bytes:
    """Write an entry down: the same bytes for the same facts."""
    listing = entry.listing
    told = {
        "sku": entry.sku,
        "listing": listing
        and [listing.version, listing.title, listing.price_minor, listing.currency],
        "stock": {
            location: [heard.sequence, heard.available] for location, heard in entry.stock.items()
        },
    }
    return orjson.dumps(told, option=orjson.OPT_SORT_KEYS)


def decoded(written: bytes) -> Entry:
    """Read an entry again. Raises ValueError, KeyError or TypeError where it is none."""
    told = orjson.loads(written)
    listing = told["listing"]
    return Entry(
        sku=told["sku"],
        listing=listing
        and Listing(
            version=listing[0], title=listing[1], price_minor=listing[2], currency=listing[3]
        ),
        stock={
            location: Heard(sequence=sequence, available=available)
            for location, (sequence, available) in told["stock"].items()
        },
    )
