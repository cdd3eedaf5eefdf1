"""`onhand worker`."""

from __future__ import annotations

import asyncio
import os
import sys

from cli.loading import loading


def worker() -> None:
    """Run checkouts, and the loops that bring webhooks, end lapsed holds and find what was forgotten."""
    # Only here: it takes a second to load, which the other commands need not wait for.
    with loading():
        from worker.main import WorkerSettings, run  # noqa: PLC0415

    asyncio.run(run(WorkerSettings.read()))
    sys.stdout.flush()
    sys.stderr.flush()
    # Everything is closed by now. Threads of Temporal's runtime may still call into an interpreter
    # that is being taken down, which aborts the process (seen about once in four ends).
    os._exit(0)
