"""Waiting for facts, never for time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

DEADLINE_SECONDS = 20.0


def eventually(fact: Callable[[], object], *, deadline_seconds: float = DEADLINE_SECONDS) -> None:
    """Return once the fact is true; fail when it is not in time."""
    deadline = time.monotonic() + deadline_seconds
    while not fact():
        assert time.monotonic() < deadline, "it did not become true in time"
        time.sleep(0.02)


async def eventually_here(fact: Callable[[], object]) -> None:
    """Wait the same way while this event loop goes on."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not fact():
        assert time.monotonic() < deadline, "it did not become true in time"
        await asyncio.sleep(0.02)
