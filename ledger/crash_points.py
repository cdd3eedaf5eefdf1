"""Named places in the code where a process may die, so that dying there can be tried.

Inert unless something is armed: nothing is, outside of tests and drills.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

Armed = Callable[[str, str], Awaitable[None]]
"""Called with a place's name and the id of what is being done there. It may wait, raise, or end the process."""

_armed: Armed | None = None


def arm(armed: Armed | None) -> None:
    """Let this be called at every place that is passed from now on; None disarms."""
    global _armed  # noqa: PLW0603 - a process has one
    _armed = armed


async def passing(place: str, of: str) -> None:
    """Pass a place, as a rule without a trace."""
    if _armed is not None:
        await _armed(place, of)
