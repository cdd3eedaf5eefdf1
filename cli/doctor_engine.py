"""The half of `onhand doctor` that asks Temporal: whether what must run runs, and nothing else does."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError

from ledger.database import Role, engine
from ledger.errors import Transient
from ledger.examining.examination import CouldNotLook, Examination
from ledger.examining.promises import TOLD
from ledger.examining.words import promise_finding
from ledger.promises import Promises
from settings.model import CheckoutSettings, EngineSettings
from settings.temporal import temporal_profile
from worker.astray import FORSAKEN, OVERSTAYING, Astray, astray
from worker.promised import promised
from worker.starting import Starter

GRACE = timedelta(minutes=5)
"""What was written within it is left to those who are at it: the orphan check comes by far more often."""


def look_at_engine(database_url: str, seen: Examination) -> Examination:
    """Hold rows and workflows against each other, and add what is found. Raises CouldNotLook."""
    try:
        found = asyncio.run(_look(database_url))
    except (RPCError, RuntimeError, Transient) as error:
        message = f"Temporal could not be asked: {type(error).__name__}."
        raise CouldNotLook(message) from error
    _tell(seen, FORSAKEN, [{"kind": kind, "id": row_id} for kind, row_id in found.forsaken])
    _tell(seen, OVERSTAYING, [{"workflow": name} for name in found.overstaying])
    return replace(seen, promises=seen.promises + 2)


async def _look(database_url: str) -> Astray:
    client = await Client.connect(**temporal_profile(), data_converter=pydantic_data_converter)
    settings = EngineSettings()
    pool = engine(database_url, name="onhand-doctor", role=Role.READ)
    promises = Promises(pool)
    starter = Starter(
        task_queue=settings.task_queue,
        payment_attempts=CheckoutSettings().payment_attempts,
        step_seconds=settings.start_to_close_seconds,
    )
    try:
        kinds = promised(promises, starter)
        return await astray(client, promises, kinds, task_queue=settings.task_queue, grace=GRACE)
    finally:
        await pool.dispose()


def _tell(seen: Examination, promise: tuple[str, str], rows: Sequence[dict[str, str]]) -> None:
    if rows:
        count = f"{len(rows):,} row{'s' * (len(rows) > 1)}"
        seen.found.add(promise_finding(*promise, list(rows[:TOLD]), count))
