"""The index held against the ledger: each entry as the ledger was at that entry's own sequences.

The index is looked at first, and the ledger later: what one knows, the other must have known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from ledger.transactions import rows_of
from projections.search.entry import Entry, Heard, Listing

# The formula is written here once more, on purpose: what is compared was computed by the other one.
_MOVEMENTS = text("""
SELECT m.sku, m.location, m.sequence,
       m.sellable_after
       - CASE WHEN cardinality(m.paused_after) > 0 THEN m.sellable_after
              ELSE least(m.safety_stock_after + m.feed_buffer_after, m.sellable_after) END AS available
FROM unnest(CAST(:skus AS text[]), CAST(:locations AS text[]), CAST(:sequences AS bigint[]))
  AS told(sku, location, sequence)
JOIN movement m ON (m.sku, m.location, m.sequence) = (told.sku, told.location, told.sequence)
""")

# What the catalogue said before. What was pruned cannot be asked any more.
_LISTINGS = text("""
SELECT o.subject AS sku, o.sequence AS version, o.payload ->> 'title' AS title,
       CAST(o.payload ->> 'price_minor' AS bigint) AS price_minor, o.payload ->> 'currency' AS currency
FROM unnest(CAST(:skus AS text[]), CAST(:versions AS bigint[])) AS told(sku, version)
JOIN outbox o ON o.subject = told.sku AND o.sequence = told.version
""")

# Those whose first event is younger than the generation. Where that was pruned, it is older than anything.
_BORN_SINCE = text("""
SELECT o.subject
FROM unnest(CAST(:subjects AS text[])) AS told(subject)
JOIN outbox o ON o.subject = told.subject AND o.sequence = 1
JOIN projections.generation g ON o.recorded_at >= g.started_at - interval '1 minute'
WHERE (g.projection, g.generation) = ('search', :generation)
""")


async def differences(
    engine: AsyncEngine,
    generation: int,
    ledger: Mapping[str, Entry],
    found: Mapping[str, Sequence[Entry]],
) -> list[str]:
    """Say what is wrong with the entries of these skus, one sentence each. Raises Transient."""
    told = {sku: entries[0] for sku, entries in found.items()}
    return [
        *(f"{sku} is there twice" for sku, entries in found.items() if len(entries) > 1),
        *(await _missing(engine, generation, ledger, told)),
        *(await _wrong_listings(engine, ledger, told)),
        *(await _wrong_stock(engine, told)),
    ]


async def _missing(
    engine: AsyncEngine, generation: int, ledger: Mapping[str, Entry], told: Mapping[str, Entry]
) -> list[str]:
    """Find what the ledger had when the generation was begun, and the index has not."""
    missing = list(_not_there(ledger, told))
    if not missing:
        return []
    rows = await rows_of(engine, _BORN_SINCE, subjects=missing, generation=generation)
    born = {row["subject"] for row in rows}
    return [f"{subject} is not there" for subject in missing if subject not in born]


def _not_there(ledger: Mapping[str, Entry], told: Mapping[str, Entry]) -> Iterator[str]:
    for sku, entry in ledger.items():
        known = told.get(sku, Entry(sku=sku))
        if entry.listing is not None and known.listing is None:
            yield sku
        yield from (f"{sku}/{location}" for location in entry.stock if location not in known.stock)


async def _wrong_listings(
    engine: AsyncEngine, ledger: Mapping[str, Entry], told: Mapping[str, Entry]
) -> list[str]:
    faults: list[str] = []
    older: dict[str, Listing] = {}
    for sku, entry in told.items():
        now, then = ledger[sku].listing, entry.listing
        if now is None or then is None or now == then:
            continue
        if then.version < now.version:
            older[sku] = then
        else:
            faults.append(f"{sku} is not listed as in version {now.version}, the ledger's")
    if older:
        versions = [listing.version for listing in older.values()]
        for row in await rows_of(engine, _LISTINGS, skus=list(older), versions=versions):
            listing = {name: told_ for name, told_ in row.items() if name != "sku"}
            if Listing(**listing) != older[row["sku"]]:
                faults.append(f"{row['sku']} is not listed as it was in version {row['version']}")
    return faults


async def _wrong_stock(engine: AsyncEngine, told: Mapping[str, Entry]) -> list[str]:
    heard: dict[tuple[str, str, int], Heard] = {
        (sku, location, each.sequence): each
        for sku, entry in told.items()
        for location, each in entry.stock.items()
    }
    if not heard:
        return []
    skus, locations, sequences = (list(each) for each in zip(*heard, strict=True))
    rows = await rows_of(engine, _MOVEMENTS, skus=skus, locations=locations, sequences=sequences)
    truth = {(row["sku"], row["location"], row["sequence"]): row["available"] for row in rows}
    return [
        _wrong(place, each.available, truth.get(place))
        for place, each in heard.items()
        if truth.get(place) != each.available
    ]


def _wrong(place: tuple[str, str, int], available: int, was: int | None) -> str:
    sku, location, sequence = place
    if was is None:
        return f"{sku} at {location} has sequence {sequence}, which the ledger does not know"
    return f"{sku} at {location} is {available}, and was {was} at sequence {sequence}"
