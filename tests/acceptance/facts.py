"""Facts that no answer of the API proves: rows of the ledger, intents at the provider; and waiting for them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, LiteralString, TypeVar

import httpx2
import psycopg
from psycopg import sql
from psycopg.rows import DictRow, dict_row

from dev.runtime import Runtime
from ledger import invariants

POLL_SECONDS = 0.05
Fact = TypeVar("Fact")


async def eventually(
    look: Callable[[], Awaitable[Fact]],
    holds: Callable[[Fact], object] = bool,
    *,
    seconds: float = 60,
) -> Fact:
    """Look until what is seen holds, and give it; fail with the last look when it does not in time."""
    deadline = time.monotonic() + seconds
    while not holds(seen := await look()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {seen!r}"
        await asyncio.sleep(POLL_SECONDS)
    return seen


async def together(*doings: Coroutine[Any, Any, Fact]) -> list[Fact]:
    """Do all of this at once; where one fails, the others are not left running."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(doing) for doing in doings]
    return [task.result() for task in tasks]


def connect(runtime: Runtime) -> psycopg.Connection[DictRow]:
    """Read the ledger as its application does, each statement by itself."""
    return psycopg.connect(
        runtime.database_url,
        options="-c role=onhand_application",
        autocommit=True,
        row_factory=dict_row,
    )


def rows(runtime: Runtime, query: LiteralString, *parameters: Any) -> list[DictRow]:
    """Read rows of the ledger."""
    with connect(runtime) as connection:
        return connection.execute(query, parameters).fetchall()


def broken_invariants(runtime: Runtime) -> dict[str, list[DictRow]]:
    """Give the violations by promise, all of one moment; none is how a test ends."""
    with connect(runtime) as connection:
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        found = {
            each.promise: connection.execute(each.sql.encode()).fetchall()
            for each in invariants.load().values()
        }
    return {promise: violations for promise, violations in found.items() if violations}


def mentions(runtime: Runtime, word: str) -> dict[str, int]:
    """Count, table by table, the rows in which a word stands, whatever the column."""
    count = sql.SQL("SELECT count(*) AS rows FROM {} AS each WHERE strpos(each::text, %s) > 0")
    with connect(runtime) as connection:
        tables = connection.execute(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname IN ('public', 'projections')"
        )
        found = {
            row["tablename"]: connection.execute(
                count.format(sql.Identifier(row["schemaname"], row["tablename"])), [word]
            ).fetchone()
            for row in sorted(tables, key=lambda row: str(row["tablename"]))
        }
    return {name: row["rows"] for name, row in found.items() if row and row["rows"]}


async def intents_of(runtime: Runtime, checkouts: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    """Ask the provider for everything it has on these checkouts."""
    found: dict[str, list[dict[str, Any]]] = {checkout_id: [] for checkout_id in checkouts}
    for intent in await _all_intents(runtime):
        if intent["metadata"].get("checkout_id") in found:
            found[intent["metadata"]["checkout_id"]].append(intent)
    return found


async def _all_intents(runtime: Runtime) -> list[dict[str, Any]]:
    headers = {"Authorization": f"Bearer {runtime.payments_key}"}
    found: list[dict[str, Any]] = []
    async with httpx2.AsyncClient(base_url=runtime.payments, headers=headers) as provider:
        more = True
        while more:
            after = {"starting_after": found[-1]["id"]} if found else {}
            answer = await provider.get("/v1/payment_intents", params={"limit": "100", **after})
            page = answer.raise_for_status().json()
            found += page["data"]
            more = page["has_more"]
    return found
