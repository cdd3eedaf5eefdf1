"""What is known of some skus when somebody asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from api.availability.freshness import Freshness
from projections.availability.reading import Entry, Shown


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Entries by sku, and how fresh they are. Where nothing is `live`, nothing is known of any sku."""

    live: bool
    freshness: Freshness | None
    entries: Mapping[str, Entry]

    @classmethod
    def of(cls, shown: Shown, asked_at: float) -> View:
        """Take what a query saw. Its age counts from before it was asked: rather too old than too young."""
        freshness = None
        if shown.as_of is not None and shown.age_seconds is not None:
            freshness = Freshness(
                as_of=shown.as_of, age_seconds=shown.age_seconds, heard_at=asked_at
            )
        return cls(live=shown.live, freshness=freshness, entries=shown.entries)

    def reaches(self, sku: str, version: int) -> bool:
        """Tell whether a sku is known in this version or a later one."""
        entry = self.entries.get(sku)
        return entry is not None and entry.version >= version
