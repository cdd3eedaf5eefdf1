"""Those who follow some skus, and what they follow."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from projections.availability.reading import Entry


class Listener:
    """One who follows skus, in the order in which they were named.

    What waits for it is their names only, each once; how they stand is looked up when it takes them. So one
    that reads slowly misses what was between, and costs no memory.
    """

    def __init__(self, skus: Iterable[str]) -> None:
        self.skus = tuple(dict.fromkeys(skus))
        self.ended = False
        self._pending: dict[str, None] = {}
        self._woken = asyncio.Event()

    @property
    def pending(self) -> int:
        """How many skus wait to be taken."""
        return len(self._pending)

    def tell(self, sku: str) -> None:
        """Have it look at a sku again."""
        self._pending[sku] = None
        self._woken.set()

    def end(self) -> None:
        """Send it away."""
        self.ended = True
        self._woken.set()

    async def take(self, seconds: float | None = None) -> Sequence[str]:
        """Give the skus that are to be looked at; none where nothing came in that time, or it has ended."""
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return ()
        self._woken.clear()
        taken, self._pending = tuple(self._pending), {}
        return taken


@dataclass(slots=True, eq=False)
class Followed:
    """A sku that somebody follows."""

    listeners: set[Listener] = field(default_factory=set)
    entry: Entry | None = None
    """As it was read last; None where it was not known then, or has not been read."""
    read: bool = False
    anew: bool = False
    """Whether its listeners are to be told of the next read, changed or not."""

    def learn(self, entry: Entry | None) -> bool:
        """Take in a read; tell whether listeners are to look."""
        news = self.anew or not self.read or self.entry != entry
        self.entry, self.read, self.anew = entry, True, False
        return news


class Audience:
    """All listeners, by what they follow."""

    def __init__(self) -> None:
        self._followed: dict[str, Followed] = {}
        self._listeners: set[Listener] = set()

    def __len__(self) -> int:
        return len(self._listeners)

    def __contains__(self, sku: str) -> bool:
        return sku in self._followed

    def __iter__(self) -> Iterator[str]:
        return iter(self._followed)

    def of(self, sku: str) -> Followed | None:
        """Give what is known of a sku that somebody follows."""
        return self._followed.get(sku)

    def add(self, listener: Listener) -> list[str]:
        """Let one in; give the skus that nobody followed before. The others it is to look at already."""
        self._listeners.add(listener)
        new = []
        for sku in listener.skus:
            followed = self._followed.get(sku)
            if followed is None:
                followed = self._followed[sku] = Followed()
                new.append(sku)
            followed.listeners.add(listener)
            if followed.read:
                listener.tell(sku)
        return new

    def remove(self, listener: Listener) -> None:
        """Forget one, and what nobody follows any more."""
        self._listeners.discard(listener)
        for sku in listener.skus:
            followed = self._followed[sku]
            followed.listeners.discard(listener)
            if not followed.listeners:
                del self._followed[sku]

    def tell(self, sku: str) -> None:
        """Have whoever follows a sku look at it."""
        for listener in self._followed[sku].listeners:
            listener.tell(sku)

    def tell_all(self) -> None:
        """Have everybody look at everything that has been read."""
        for sku, followed in self._followed.items():
            if followed.read:
                self.tell(sku)

    def renew(self) -> None:
        """Have everybody look at everything once it has been read again."""
        for followed in self._followed.values():
            followed.anew = True

    def end(self) -> None:
        """Send everybody away."""
        for listener in self._listeners:
            listener.end()
