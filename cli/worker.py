"""`onhand worker`."""

from __future__ import annotations

import asyncio

from worker.main import WorkerSettings, run


def worker() -> None:
    """Run checkouts, and the loops that bring webhooks, end lapsed holds and start forgotten checkouts."""
    asyncio.run(run(WorkerSettings.read()))
