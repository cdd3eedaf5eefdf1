"""Named places in the code where a process may die, so that dying there can be tried.

Inert unless something is armed: nothing is, outside of tests and drills. `docs/crash-points.md` lists them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import NewType

Armed = Callable[[str, str], Awaitable[None]]
"""Called with a place's name and the id of what is being done there. It may wait, raise, or end the process."""

Place = NewType("Place", str)
"""A place's name. Only `named` gives one, so that nobody can pass a place that is on no list."""

_armed: Armed | None = None
_places: set[Place] = set()


def named(name: str) -> Place:
    """Name a place. Raises ValueError for a name that another has: one could not tell where it died."""
    place = Place(name)
    if place in _places:
        message = f"there is a crash point {name} already"
        raise ValueError(message)
    _places.add(place)
    return place


def places() -> frozenset[Place]:
    """Give every place of the modules that are loaded."""
    return frozenset(_places)


def arm(armed: Armed | None) -> None:
    """Let this be called at every place that is passed from now on; None disarms."""
    global _armed  # noqa: PLW0603 - a process has one
    _armed = armed


async def passing(place: Place, of: str) -> None:
    """Pass a place, as a rule without a trace."""
    if _armed is not None:
        await _armed(place, of)


async def passing_together(place: Place, ofs: Iterable[str]) -> None:
    """Pass a place with several in hand, each once; nobody asks which unless something is armed."""
    if _armed is not None:
        for of in dict.fromkeys(ofs):
            await _armed(place, of)


class Around:
    """The two places around something that is done: before it begins, and when it is done but not yet told."""

    def __init__(self, name: str) -> None:
        self.before = named(f"{name}.before")
        self.after = named(f"{name}.after")

    @asynccontextmanager
    async def __call__(self, of: str) -> AsyncIterator[None]:
        """Pass both. The second is not passed by what has failed."""
        await passing(self.before, of)
        yield
        await passing(self.after, of)
