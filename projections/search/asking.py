"""From what somebody typed to questions of the index: whatever it is, it is words to be found, and never syntax.

A product is found where every word is in its title, as it is or nearly. How nearly decides its rank, and
nothing else does: the same index gives the same order in every process, however it lies on the disk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from tantivy import FieldType, Occur, Order, Query, Schema, Searcher, SearchResult

from projections.search.entry import Entry, decoded
from projections.search.words import folded, words

WORDS_MOST = 16
"""Of a question; what comes after is not looked for. A typo takes a walk through all words of the index."""
ONE_MISTAKE_FROM, TWO_MISTAKES_FROM = 4, 8
"""Letters of a word: in a shorter one every other word would be a mistyped one."""
CURRENCIES_MOST = 500
BANDS = (1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000, 10_000_000)
"""Where a price band ends and the next begins, in minor units of any currency."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is looked for: an empty text finds everything, in order of sku. Prices are of one currency."""

    text: str = ""
    in_stock: bool | None = None
    currency: str | None = None
    price_min: int | None = None
    price_max: int | None = None
    limit: int = 20
    offset: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """How many products cost at least `start` and less than `end`; the last band has no end."""

    start: int
    end: int | None
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Facets:
    """What the text finds, counted before any filter."""

    in_stock: int
    sold_out: int
    currencies: dict[str, int]
    bands: dict[str, list[Band]]
    """By currency; without those that nothing is in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of what was found, best first; `total` is of all pages."""

    entries: list[Entry]
    total: int
    facets: Facets


def asked(looked: Searcher, schema: Schema, wish: Wish) -> Page:
    """Find. Raises whatever tantivy does where the index cannot be read."""
    ranks = _ranks(schema, wish.text)
    known = Query.term_query(schema, "known", True, "basic")
    matching = _all_of([known, _any_of([ranks[0], ranks[-1]])])
    facets = _facets(looked, matching)
    filters = [known, *_filters(schema, wish)]
    # Typos cost the most: what they find is counted once, unless a filter takes some of it away.
    total = facets.in_stock + facets.sold_out
    if total and len(filters) > 1:
        total = _count(looked.search(_all_of([matching, *filters]), limit=1))
    return Page(
        entries=_page(looked, ranks, filters, wish) if total > wish.offset else [],
        total=total,
        facets=facets,
    )


def _ranks(schema: Schema, text: str) -> Sequence[Query]:
    """Give the ways to fit, best first: the sku itself, the whole title, every word, a beginning, typos.

    What fits in one way fits in all later ones, but for the sku.
    """
    if not text.strip():
        return [Query.all_query()]
    told = words(text)
    code = Query.term_query(schema, "code", folded(text), "basic")
    if not told:
        return [code]
    looked_for = list(dict.fromkeys(told))[:WORDS_MOST]
    exact = [_mistyped(schema, word, most=0) for word in looked_for]
    begun = Query.fuzzy_term_query(schema, "words", looked_for[-1], distance=0, prefix=True)
    ranks = [
        code,
        Query.term_query(schema, "whole", " ".join(told), "basic"),
        _all_of(exact),
        _all_of([*exact[:-1], _any_of([exact[-1], begun])]),
    ]
    for most in range(1, max(map(_mistakes, looked_for)) + 1):
        near = [_mistyped(schema, word, most=most) for word in looked_for]
        ranks.append(_all_of([*near[:-1], _any_of([near[-1], begun])]))
    return ranks


def _mistakes(word: str) -> int:
    """Say how many mistakes a word may have: a letter too many, too few, another, or two swapped.

    A number is not another one mistyped.
    """
    if word.isdecimal():
        return 0
    return (len(word) >= ONE_MISTAKE_FROM) + (len(word) >= TWO_MISTAKES_FROM)


def _mistyped(schema: Schema, word: str, *, most: int) -> Query:
    mistakes = min(most, _mistakes(word))
    if not mistakes:
        return Query.term_query(schema, "words", word, "basic")
    return Query.fuzzy_term_query(schema, "words", word, distance=mistakes)


def _all_of(queries: Sequence[Query]) -> Query:
    return Query.boolean_query([(Occur.Must, query) for query in queries])


def _any_of(queries: Sequence[Query]) -> Query:
    return Query.boolean_query([(Occur.Should, query) for query in queries])


def _filters(schema: Schema, wish: Wish) -> list[Query]:
    wanted = []
    if wish.in_stock is not None:
        wanted.append(Query.term_query(schema, "in_stock", wish.in_stock, "basic"))
    if wish.currency is not None:
        wanted.append(Query.term_query(schema, "currency", wish.currency, "basic"))
    if wish.price_min is not None or wish.price_max is not None:
        wanted.append(
            Query.range_query(
                schema, "price_minor", FieldType.Unsigned, wish.price_min, wish.price_max
            )
        )
    return wanted


def _page(
    looked: Searcher, ranks: Sequence[Query], filters: Sequence[Query], wish: Wish
) -> list[Entry]:
    """Take rank after rank, each without those before it, until the page is full."""
    order = "place" if wish.text.strip() else "sku"
    entries: list[Entry] = []
    passed = wish.offset
    for number, rank in enumerate(ranks):
        better = {0, number - 1} if number else ()
        here = Query.boolean_query(
            [
                (Occur.Must, rank),
                *((Occur.Must, each) for each in filters),
                *((Occur.MustNot, ranks[each]) for each in better),
            ]
        )
        found = looked.search(
            here,
            limit=wish.limit - len(entries),
            offset=passed,
            order_by_field=order,
            order=Order.Asc,
        )
        entries += [decoded(looked.doc(address)["entry"][0]) for _, address in found.hits]
        if len(entries) == wish.limit:
            break
        passed = max(0, passed - _count(found))
    return entries


def _count(found: SearchResult) -> int:
    """Say how many fit, on whatever page they are."""
    return int(found.count)  # type: ignore[attr-defined] # its types forget it


def _facets(looked: Searcher, matching: Query) -> Facets:
    edges = [None, *BANDS, None]
    ranges = [
        {name: edge for name, edge in (("from", start), ("to", end)) if edge is not None}
        for start, end in pairwise(edges)
    ]
    counted = looked.aggregate(
        matching,
        {
            "stock": {"terms": {"field": "in_stock"}},
            "currency": {
                "terms": {"field": "currency", "size": CURRENCIES_MOST},
                "aggs": {"price": {"range": {"field": "price_minor", "ranges": ranges}}},
            },
        },
    )
    stock = {bool(each["key"]): each["doc_count"] for each in counted["stock"]["buckets"]}
    currencies = sorted(counted["currency"]["buckets"], key=lambda each: str(each["key"]))
    return Facets(
        in_stock=stock.get(True, 0),
        sold_out=stock.get(False, 0),
        currencies={each["key"]: each["doc_count"] for each in currencies},
        bands={each["key"]: _bands(each["price"]["buckets"]) for each in currencies},
    )


def _bands(buckets: Sequence[dict[str, Any]]) -> list[Band]:
    bands = [
        Band(
            start=int(each.get("from", 0)),
            end=int(each["to"]) if "to" in each else None,
            count=each["doc_count"],
        )
        for each in buckets
        if each["doc_count"]
    ]
    return sorted(bands, key=lambda band: band.start)
