"""The two warehouses that every dev stack knows, so that goods can be received at once."""

from __future__ import annotations

import asyncio

WAREHOUSES = ("BER1", "MUC1")


def make_locations(application_url: str) -> None:
    """Put the warehouses where they are missing; one that somebody changed keeps its change."""
    asyncio.run(_make(application_url))


async def _make(application_url: str) -> None:
    # Only here, so that --status starts quickly.
    from ledger.database import engine  # noqa: PLC0415
    from ledger.policies import Location, put_location  # noqa: PLC0415
    from ledger.reading.locations import known_locations  # noqa: PLC0415

    database = engine(application_url, pool_size=1, name="onhand-dev")
    try:
        known = await known_locations(database)
        for priority, name in enumerate(WAREHOUSES, start=1):
            if name not in known:
                location = Location(
                    location=name,
                    kind="warehouse",
                    seller=None,
                    reports="free",
                    priority=priority,
                    enabled=True,
                )
                await put_location(database, location, actor="dev")
    finally:
        await database.dispose()
