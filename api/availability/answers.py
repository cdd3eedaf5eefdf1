"""What is said of a sku: numbers, how old they are, and whether they may be relied on."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from datetime import datetime

import orjson

from api.answers import Answer
from api.availability.freshness import Freshness
from projections.availability.reading import Entry

_TAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')


class AvailabilityAnswer(Answer):
    """A sku over all its locations, as it was `age_ms` ago at the latest.

    Where that is too long ago to be relied on, `in_stock` is null and `available` the last number that was
    known: the checkout decides.
    """

    sku: str
    available: int
    in_stock: bool | None
    version: int
    as_of: datetime | None
    age_ms: int | None
    confirmed_at_checkout: bool


class AvailabilityListAnswer(Answer):
    """Several skus, in the order asked; `confirmed_at_checkout` where any of them is to be."""

    items: tuple[AvailabilityAnswer, ...]
    unknown: tuple[str, ...]
    as_of: datetime | None
    age_ms: int | None
    confirmed_at_checkout: bool


def is_late(freshness: Freshness | None, now: float, budget_ms: int) -> bool:
    """Tell whether it is too old to be relied on."""
    return freshness is None or freshness.age_ms(now) > budget_ms


def answer_of(
    entry: Entry, freshness: Freshness | None, now: float, budget_ms: int
) -> AvailabilityAnswer:
    """Say how a sku stands."""
    unsure = entry.doubted or is_late(freshness, now, budget_ms)
    return AvailabilityAnswer(
        sku=entry.sku,
        available=entry.available,
        in_stock=None if unsure else entry.available > 0,
        version=entry.version,
        as_of=freshness.as_of if freshness else None,
        age_ms=freshness.age_ms(now) if freshness else None,
        confirmed_at_checkout=unsure,
    )


def unread(sku: str) -> Entry:
    """Give what is said of a sku while nothing is known of any."""
    return Entry(sku=sku, available=0, version=0, doubted=True)


def tag_of(items: Sequence[AvailabilityAnswer], unknown: Sequence[str] = ()) -> str:
    """Name what is shown, its moving age left out, as a weak ETag."""
    facts = [
        [[item.sku, item.available, item.version, item.confirmed_at_checkout] for item in items],
        list(unknown),
    ]
    return f'W/"{hashlib.sha256(orjson.dumps(facts)).hexdigest()[:32]}"'


def names(held: str | None, tag: str) -> bool:
    """Tell whether an If-None-Match names this tag, by the weak comparison. What is no tag names nothing."""
    if held is None:
        return False
    return held.strip() == "*" or tag.removeprefix("W/") in _TAG.findall(held)
