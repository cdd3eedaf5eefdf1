"""The cache: entries that nobody has said a word about since before they were read."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from projections.availability.reading import Entry


class Entries:
    """The entries that were asked for last, `most` of them. Closed, it keeps and gives nothing.

    A read is begun and kept. What is said to have changed between the two is not kept: the read may have
    looked before the change, and the word of it will not come again. One read at a time.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        self._under_way: set[str] = set()
        self._open = False

    def open(self) -> None:
        """Begin anew: from now on every change will be told."""
        self._void_all()
        self._open = True

    def close(self) -> None:
        """Forget everything: changes are not told any more."""
        self._void_all()
        self._open = False

    def void(self, skus: Iterable[str]) -> None:
        """Forget these: they have changed."""
        for sku in skus:
            self._entries.pop(sku, None)
            self._under_way.discard(sku)

    def begin(self, skus: Iterable[str]) -> None:
        """Hear that these are about to be read."""
        self._under_way = set(skus) if self._open else set()

    def keep(self, read: Iterable[Entry]) -> None:
        """Keep what has been read."""
        for entry in read:
            if entry.sku in self._under_way:
                self._entries[entry.sku] = entry
                self._entries.move_to_end(entry.sku)
        self._under_way.clear()
        while len(self._entries) > self.most:
            self._entries.popitem(last=False)

    def get(self, sku: str) -> Entry | None:
        """Give an entry that is right."""
        entry = self._entries.get(sku)
        if entry is not None:
            self._entries.move_to_end(sku)
        return entry

    def __len__(self) -> int:
        return len(self._entries)

    def _void_all(self) -> None:
        self._entries.clear()
        self._under_way.clear()
