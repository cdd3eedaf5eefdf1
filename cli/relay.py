"""`onhand relay`."""

from __future__ import annotations

import asyncio


def relay() -> None:
    """Carry events from the outbox to the bus, beside as many others as there are."""
    # Only here: the other commands need not wait for it to load.
    from worker.relay import RelayProcessSettings, run  # noqa: PLC0415

    asyncio.run(run(RelayProcessSettings.read()))
