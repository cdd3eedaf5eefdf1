"""`onhand worker`."""

from __future__ import annotations

import asyncio
import os
import sys

from worker.main import WorkerSettings, run


def worker() -> None:
    """Run checkouts, and the loops that bring webhooks, end lapsed holds and start forgotten ones."""
    asyncio.run(run(WorkerSettings.read()))
    sys.stdout.flush()
    sys.stderr.flush()
    # Everything is closed by now. Threads of Temporal's runtime may still call into an interpreter
    # that is being taken down, which aborts the process (seen about once in four ends).
    os._exit(0)
