"""Postgres is killed at full rate, again and again; whoever was told something was told the truth."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random

import psycopg
import pytest

from dev.ports import free_port
from dev.postgres import PostgresServer, create_database, grant_application, running_postgres
from ledger.migrate import upgrade
from tests.copies import Database
from tests.history.conftest import Say
from tests.history.crowds import Crowd, crowds, histories
from tests.history.days import MANY, proved, stocked, summary, told, wishes
from tests.proof import FULL, size

KILLS = size(share=4, full=50)
MOST_BETWEEN_KILLS = 200
DEADLINE_SECONDS = 60
ANSWERED = "SELECT count(*) FROM operation"
COMMITTING = (
    "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'onhand' AND state <> 'idle'"
)


def shop_on(server: PostgresServer) -> Database:
    """Name the shop's database on a server, with nobody connected yet."""
    urls = create_database(server, "shop")
    return Database(
        name="shop",
        owner_url=urls.owner_url,
        application_url=urls.application_url,
        superuser_url=server.superuser_url.rpartition("/")[0] + "/shop",
    )


@contextmanager
def served(folder: Path, port: int) -> Iterator[tuple[PostgresServer, Database]]:
    """Start the server for the time of a block; it recovers what a killed one left."""
    with running_postgres(folder, port=port) as server:
        database = shop_on(server)
        try:
            yield server, database
        finally:
            with suppress(psycopg.OperationalError):
                database.close()


async def killed_at_full_rate(
    server: PostgresServer, database: Database, started: list[Crowd], answers: int
) -> None:
    """Wait until so many more are answered and somebody is in the middle of a batch, and kill it."""
    enough = int(database.value(ANSWERED)) + answers
    async with asyncio.timeout(DEADLINE_SECONDS):
        while database.value(ANSWERED) < enough or not database.value(COMMITTING):
            await asyncio.sleep(0.01)
    assert all(crowd.process.returncode is None for crowd in started)
    os.kill(server.pid, signal.SIGKILL)


@pytest.mark.proof
@pytest.mark.timeout(1_800 if FULL else 300)
async def test_nothing_acknowledged_is_lost_and_nothing_done_twice(
    tmp_path: Path, say: Say
) -> None:
    """Killed -9 in the middle of batches; callers post again until they know, and then all of it is true."""
    random, port, folder = Random(), free_port(), tmp_path / "postgres"
    with served(folder, port) as (server, database):
        upgrade(database.owner_url)
        grant_application(server)
        dawn = await stocked(database, scarce=200)
        plan = wishes(database, tmp_path, seed=17, posts=MANY, doubled=0.05, batching=8)
    async with crowds(plan) as started:
        for _ in range(KILLS):
            with served(folder, port) as (server, database):
                answers = random.randrange(MOST_BETWEEN_KILLS)
                await killed_at_full_rate(server, database, started, answers)
        with served(folder, port) as (_, database):
            for crowd in started:
                await crowd.hears(b"end")
            reports, day = histories(await asyncio.gather(*(crowd.ended() for crowd in started)))
            proved([*dawn, *day], database)
    say(summary(f"{KILLS} kills at full rate", day, reports))
    assert min(report.retries for report in reports) > 0
    assert told(day)["ok"] > KILLS
