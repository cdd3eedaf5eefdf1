"""What is said of what was found: products as the index has them, with the exact availability of each."""

from __future__ import annotations

from datetime import datetime

from api.answers import Answer
from api.availability.answers import AvailabilityAnswer, answer_of, is_late, unread
from api.availability.freshness import Freshness
from api.availability.views import View
from api.search_wishes import offset_token
from projections.search.asking import Band, Facets, Page, Wish
from projections.search.entry import Entry


class FoundProduct(Answer):
    """A product, and what may be sold of it."""

    sku: str
    title: str
    price_minor: int
    currency: str
    availability: AvailabilityAnswer


class PriceBand(Answer):
    """How many products cost at least and less than this; the last band has no end."""

    at_least_minor: int
    below_minor: int | None
    count: int


class SearchFacets(Answer):
    """What the text finds, counted before any filter. `in_stock` has the keys `true` and `false`."""

    in_stock: dict[str, int]
    currency: dict[str, int]
    price: dict[str, tuple[PriceBand, ...]]


class SearchAnswer(Answer):
    """A page of products, best first. `total` is of all pages; `next` is null where no page comes after.

    Order, filters and facets are as the index was `age_ms` ago at the latest; each availability has its own age.
    `dead_letters` events could not be taken into it. `confirmed_at_checkout` where the index is too old to be relied
    on, or any availability is.
    """

    items: tuple[FoundProduct, ...]
    total: int
    facets: SearchFacets
    next: str | None
    as_of: datetime | None
    age_ms: int | None
    dead_letters: int
    confirmed_at_checkout: bool


def search_answer(
    wish: Wish,
    page: Page,
    *,
    index: Freshness | None,
    dead_letters: int,
    view: View,
    now: float,
    budget_ms: int,
) -> SearchAnswer:
    """Say what was found, with the availability of what is on the page."""
    items = tuple(_found(entry, view, now, budget_ms) for entry in page.entries)
    shown = wish.offset + len(items)
    unsure = any(item.availability.confirmed_at_checkout for item in items)
    return SearchAnswer(
        items=items,
        total=page.total,
        facets=_facets(page.facets),
        next=offset_token(shown) if items and shown < page.total else None,
        as_of=index.as_of if index else None,
        age_ms=index.age_ms(now) if index else None,
        dead_letters=dead_letters,
        confirmed_at_checkout=unsure or is_late(index, now, budget_ms),
    )


def _found(entry: Entry, view: View, now: float, budget_ms: int) -> FoundProduct:
    listing = entry.listing
    assert listing is not None
    # What availability has not heard of yet may be sold or not: the checkout knows.
    known = view.entries.get(entry.sku) or unread(entry.sku)
    return FoundProduct(
        sku=entry.sku,
        title=listing.title,
        price_minor=listing.price_minor,
        currency=listing.currency,
        availability=answer_of(known, view.freshness, now, budget_ms),
    )


def _facets(facets: Facets) -> SearchFacets:
    return SearchFacets(
        in_stock={"true": facets.in_stock, "false": facets.sold_out},
        currency=facets.currencies,
        price={
            currency: tuple(_band(band) for band in bands)
            for currency, bands in facets.bands.items()
        },
    )


def _band(band: Band) -> PriceBand:
    return PriceBand(at_least_minor=band.start, below_minor=band.end, count=band.count)
