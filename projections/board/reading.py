"""What a warehouse reads off the board: pages of what it has to do, oldest first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from projections.board.board import NAME
from projections.reading import Shown, shown


class Section(StrEnum):
    """What there is to do."""

    PICK = "pick"
    INSPECT = "inspect"
    RECEIVE = "receive"


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where an entry stands in its section."""

    since: datetime
    id: str
    sku: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Units of a sku that wait, of an order, a return or a transfer; a transfer comes from somewhere."""

    place: Place
    quantity: int
    source: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A page of each section that was asked for, and where a section goes on."""

    shown: Shown
    entries: Mapping[Section, Sequence[Entry]]
    following: Mapping[Section, Place]


_BEGINNING = Place(datetime.min.replace(tzinfo=UTC), "", "")
"""Before any entry. A page that may have no beginning would be looked for from the oldest entry on, each time."""

_KNOWN = text("SELECT FROM location WHERE location = :location")

_TASKS = text("""
SELECT id, sku, quantity, since, NULL AS source
FROM projections.board_task
WHERE generation = :generation AND location = :location AND task = :section
  AND (since, id, sku) > (:since, :id, :sku)
ORDER BY since, id, sku
LIMIT :most
""")

_TRANSFERS = text("""
SELECT transfer_id AS id, sku, sent - received - lost AS quantity, since, source
FROM projections.board_transfer
WHERE generation = :generation AND target = :location AND since IS NOT NULL
  AND (since, transfer_id, sku) > (:since, :id, :sku)
ORDER BY since, transfer_id, sku
LIMIT :most
""")


async def sheet_of(
    engine: AsyncEngine, location: str, after: Mapping[Section, Place | None], limit: int
) -> Sheet | None:
    """Read the sections that `after` names, each from its place on; None where there is no such location.

    Raises NothingShownError; Transient.
    """

    async def read(connection: AsyncConnection, live: Shown) -> Sheet | None:
        if (await connection.execute(_KNOWN, {"location": location})).first() is None:
            return None
        entries: dict[Section, Sequence[Entry]] = {}
        following: dict[Section, Place] = {}
        for section, place in after.items():
            asked = {"generation": live.generation, "location": location, "most": limit + 1}
            found = await _page(connection, section, place, asked)
            entries[section] = found[:limit]
            if len(found) > limit:
                following[section] = entries[section][-1].place
        return Sheet(shown=live, entries=entries, following=following)

    return await shown(engine, NAME, read)


async def _page(
    connection: AsyncConnection, section: Section, place: Place | None, which: Mapping[str, Any]
) -> list[Entry]:
    after = place or _BEGINNING
    asked = {**which, "since": after.since, "id": after.id, "sku": after.sku}
    if section is Section.RECEIVE:
        found = await connection.execute(_TRANSFERS, asked)
    else:
        found = await connection.execute(_TASKS, {**asked, "section": section.value})
    return [_entry(row) for row in found.mappings()]


def _entry(row: RowMapping) -> Entry:
    return Entry(
        place=Place(row["since"], row["id"], row["sku"]),
        quantity=row["quantity"],
        source=row["source"],
    )
