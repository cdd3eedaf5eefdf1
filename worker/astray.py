"""Rows and workflows held against each other, both ways, to be told and not repaired: that is the orphan check's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from temporalio.client import Client

from ledger.promises import PAGE, Promises
from worker.orphans import RUNNING
from worker.promised import Promise
from worker.starting import RPC_TIMEOUT, any_runs

FORSAKEN = ("I14", "Every row that promises a workflow has one that looks after it.")
OVERSTAYING = ("I15", "No workflow runs on for a checkout that is at rest, or that has no row.")
"""The numbers and sentences of the two promises. They are no SQL, since one half of each is the engine's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Astray:
    """What breaks the two promises: ids of rows by their kind, and ids of workflows."""

    forsaken: list[tuple[str, str]]
    overstaying: list[str]


async def astray(
    client: Client,
    promises: Promises,
    kinds: Sequence[Promise],
    *,
    task_queue: str,
    grace: timedelta,
) -> Astray:
    """Look both ways once; what is younger than the grace is its writer's still. Raises RPCError, Transient."""
    forsaken = [
        (kind.name, row_id) for kind in kinds for row_id in await _forsaken(client, kind, grace)
    ]
    return Astray(
        forsaken=forsaken, overstaying=await _overstaying(client, promises, task_queue, grace)
    )


async def _forsaken(client: Client, kind: Promise, grace: timedelta) -> list[str]:
    found: list[str] = []
    after = ""
    while page := await kind.rows(grace, after=after):
        after = page[-1].id
        alone = [row.id for row in page if not await any_runs(client, kind.keepers(row))]
        # They may have come to their end between the two looks.
        found += [row_id for row_id in alone if await kind.rows(grace, only=row_id)]
    return found


async def _overstaying(
    client: Client, promises: Promises, task_queue: str, grace: timedelta
) -> list[str]:
    query = f"{RUNNING} AND TaskQueue = '{task_queue}'"
    listed = client.list_workflows(query, rpc_timeout=RPC_TIMEOUT)
    names = [workflow.id async for workflow in listed]
    found = []
    for first in range(0, len(names), PAGE):
        some = {name: name.partition("/")[2] for name in names[first : first + PAGE]}
        resting = await promises.at_rest(list(some.values()), grace)
        found += [
            name
            for name, of in some.items()
            # The list lags behind: the workflow itself says whether it runs.
            if of in resting and await any_runs(client, (name,))
        ]
    return found
