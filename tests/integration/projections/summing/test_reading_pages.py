"""Pages of a large shop: each tells what its skus tell, and reads no more than what is on it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any, LiteralString

import pytest
from psycopg.types.json import Jsonb
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from ledger.database import engine
from projections.analytics.fold import COUNTED
from projections.analytics.reading import (
    TOTALLED_MOST,
    Asked,
    By,
    Figures,
    Place,
    report_of,
)
from projections.board.reading import Place as TaskPlace
from projections.board.reading import Section, sheet_of
from tests.copies import Database

if TYPE_CHECKING:
    from collections.abc import Iterator

MORNING = datetime(2026, 3, 1, 8, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SKUS = ("A", "B", "C", "a", "b")
"""In the order of their letters' numbers, which is no dictionary's."""

LIMIT = 10
MANY = 40_000
"""Skus, in three hours: more rows than are added up for anybody."""

HOURS = f"""
  INSERT INTO projections.analytics_hour (generation, sku, location, hour, {", ".join(COUNTED)}, on_hand)
  SELECT 1, sku, location, hour, {", ".join(f"{n}" for n, _ in enumerate(COUNTED, 1))}, on_hand
  FROM jsonb_to_recordset(%s) AS h (sku text, location text, hour timestamptz, on_hand bigint)
"""  # noqa: S608 - constants of ours
REFUSALS = """
  INSERT INTO projections.analytics_refusal (generation, checkout_id, sku, hour, quantity)
  SELECT 1, id, sku, hour, quantity
  FROM jsonb_to_recordset(%s) AS r (id text, sku text, hour timestamptz, quantity bigint)
"""
WATERMARKS = """
  INSERT INTO projections.analytics_watermark
  SELECT DISTINCT 1, sku, location, 1 FROM projections.analytics_hour
"""
LARGE = f"""
  INSERT INTO projections.analytics_hour (generation, sku, location, hour, {", ".join(COUNTED)}, on_hand)
  SELECT 1, 'S' || lpad(n::text, 6, '0'), 'BER1', timestamptz '2026-03-01T08:00Z' + h * interval '1 hour',
         {", ".join("1" for _ in COUNTED)}, 5
  FROM generate_series(1, %s) n, generate_series(0, 2) h
"""  # noqa: S608 - constants of ours
REFUSED = """
  INSERT INTO projections.analytics_refusal (generation, checkout_id, sku, hour, quantity)
  SELECT 1, 'co_' || n, 'S' || lpad(n::text, 6, '0'), timestamptz '2026-03-01T08:00Z', 1
  FROM generate_series(1, %s) n
"""
TASKS = """
  INSERT INTO projections.board_task (generation, sku, location, task, id, quantity, since)
  SELECT 1, 'S', 'BER1', CASE mod(n, 2) WHEN 0 THEN 'pick' ELSE 'inspect' END, 'co_' || n, 1,
         timestamptz '2026-03-01T08:00Z' + n * interval '1 second'
  FROM generate_series(1, %s) n
"""
TRANSFERS = """
  INSERT INTO projections.board_transfer
    (generation, transfer_id, sku, source, target, sent, received, lost, since)
  SELECT 1, 't' || n, 'S', 'MUC1', 'BER1', 2, 1, 0,
         timestamptz '2026-03-01T08:00Z' + n * interval '1 second'
  FROM generate_series(1, %s) n
"""


@pytest.fixture
async def pool(database: Database) -> AsyncIterator[AsyncEngine]:
    """Give the API's connections, to two noticeboards that are live and empty."""
    for name in ("analytics", "board"):
        database.run(
            "INSERT INTO projections.generation (projection, generation, state, stream, live_at)"
            " VALUES (%s, 1, 'live', 'none', now())",
            name,
        )
    opened = engine(database.application_url, pool_size=1)
    yield opened
    await opened.dispose()


def asked(**changed: Any) -> Asked:
    """Ask for two days of all skus by hour, but for what is named."""
    usual = Asked(since=MORNING - 8 * HOUR, until=MORNING + 40 * HOUR, by=By.HOUR, limit=LIMIT)
    return replace(usual, **changed)


async def buckets(pool: AsyncEngine, question: Asked) -> list[tuple[Place, Figures]]:
    """Read page after page to the end."""
    found: list[tuple[Place, Figures]] = []
    while True:
        report = await report_of(pool, question)
        assert report is not None
        assert len(report.buckets) <= question.limit
        found += report.buckets
        if report.following is None:
            return found
        question = replace(question, after=report.following)


def sparse_hours(random: Random) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Draw hours in which something moved at one of two places or both, or only something was refused."""
    times = [MORNING + n * HOUR for n in range(-8, 40)]
    hours = [
        {
            "sku": sku,
            "location": location,
            "hour": hour.isoformat(),
            "on_hand": random.randint(0, 9),
        }
        for sku in SKUS
        for location in ("BER1", "MUC1")
        for hour in random.sample(times, 6)
    ]
    refusals = [
        {
            "id": f"co_{n}",
            "sku": random.choice(SKUS),
            "hour": random.choice(times).isoformat(),
            "quantity": random.randint(1, 4),
        }
        for n in range(20)
    ]
    return hours, refusals


@pytest.mark.parametrize("limit", [1, 3, 500])
@pytest.mark.parametrize("by", list(By))
async def test_pages_of_all_skus_tell_what_each_sku_tells(
    database: Database, pool: AsyncEngine, by: By, limit: int
) -> None:
    """In order of time and sku, none twice and none left out, wherever a page ends."""
    hours, refusals = sparse_hours(Random())
    database.run(HOURS, Jsonb(hours))
    database.run(REFUSALS, Jsonb(refusals))
    database.run(WATERMARKS)
    for sku in SKUS:
        database.run(
            "INSERT INTO product (sku, title, price_minor, currency) VALUES (%s, 'x', 1, 'EUR')",
            sku,
        )

    each = [
        bucket for sku in SKUS for bucket in await buckets(pool, asked(by=by, sku=sku, limit=500))
    ]
    found = await buckets(pool, asked(by=by, limit=limit))

    assert {figures.holds > 0 for _, figures in found} == {True, False} or by is By.DAY
    assert found == sorted(each, key=lambda bucket: bucket[0])


@contextmanager
def plans_of(
    database: Database, pool: AsyncEngine, how: LiteralString, *without: LiteralString
) -> Iterator[list[dict[str, Any]]]:
    """Note the statements of a block, and have them explained afterwards: as planned without some ways."""
    statements: list[tuple[str, Any]] = []
    plans: list[dict[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_more: Any) -> None:
        if "projections." in statement:
            statements.append((statement, parameters))

    event.listen(pool.sync_engine, "before_cursor_execute", note)
    yield plans
    event.remove(pool.sync_engine, "before_cursor_execute", note)
    for name in without:
        database.superuser.execute(f"SET enable_{name} = off".encode())
    for statement, parameters in statements:
        explained = f"EXPLAIN ({how}, FORMAT JSON) {statement}".encode()
        ((told,),) = database.superuser.execute(explained, parameters).fetchall()
        plans.append(told[0]["Plan"])


@contextmanager
def rows_read(database: Database, pool: AsyncEngine) -> Iterator[list[int]]:
    """Count the rows that each statement of a block looks at, by having it explained afterwards."""
    counts: list[int] = []
    ways: tuple[LiteralString, ...] = ("seqscan", "hashjoin", "mergejoin")
    with plans_of(database, pool, "ANALYZE", *ways) as plans:
        yield counts
    counts += map(looked_at, plans)


def looked_at(plan: dict[str, Any]) -> int:
    """Add up what the scans of a plan found and what they passed over."""
    own = 0
    if "Relation Name" in plan:
        passed = plan.get("Rows Removed by Filter", 0)
        own = round((plan["Actual Rows"] + passed) * plan["Actual Loops"])
    return own + sum(looked_at(below) for below in plan.get("Plans", []))


def names_sorted_by(plan: dict[str, Any]) -> list[str]:
    """Give what a plan sorts by that is a sku or an id."""
    own = [key for key in plan.get("Sort Key", ()) if re.search(r"\b(sku|id|transfer_id)\b", key)]
    return own + [key for below in plan.get("Plans", []) for key in names_sorted_by(below)]


async def test_names_come_in_the_same_order_in_every_database(
    database: Database, pool: AsyncEngine
) -> None:
    """Where a page ends is a sku: were a database's own order a dictionary's, pages would lose skus.

    None of these databases has such an order; what a plan sorts by says whether it would matter.
    """
    hours, refusals = sparse_hours(Random())
    database.run(HOURS, Jsonb(hours))
    database.run(REFUSALS, Jsonb(refusals))
    database.run(
        "INSERT INTO product (sku, title, price_minor, currency) VALUES ('A', 'x', 1, 'EUR')"
    )
    database.run("INSERT INTO location (location, kind) VALUES ('BER1', 'warehouse')")
    found: list[int] = []
    for by in By:
        for sku in (None, "A"):
            with plans_of(database, pool, "VERBOSE", "indexscan", "indexonlyscan") as plans:
                await report_of(pool, asked(by=by, sku=sku))
            keys = [key for plan in plans for key in names_sorted_by(plan)]
            assert [key for key in keys if 'COLLATE "C"' not in key] == []
            found.append(len(keys))
    with plans_of(database, pool, "VERBOSE", "indexscan", "bitmapscan") as plans:
        await sheet_of(pool, "BER1", dict.fromkeys(Section), LIMIT)
    keys = [key for plan in plans for key in names_sorted_by(plan)]
    assert [key for key in keys if 'COLLATE "C"' not in key] == []
    assert min(*found, len(keys)) > 0


async def test_a_place_before_the_time_asked_for_leaves_nothing_out(
    database: Database, pool: AsyncEngine
) -> None:
    """What time is asked for may move on between two pages."""
    hours, _ = sparse_hours(Random())
    database.run(HOURS, Jsonb(hours))
    database.run(WATERMARKS)
    for by in By:
        question = asked(by=by, since=MORNING + 16 * HOUR, limit=500)
        before = Place(MORNING - 8 * HOUR, SKUS[-1])
        assert await buckets(pool, replace(question, after=before)) == await buckets(pool, question)


@pytest.mark.parametrize("by", list(By))
async def test_a_page_of_a_large_shop_reads_what_is_on_it(
    database: Database, pool: AsyncEngine, by: By
) -> None:
    """Saying that there is too much to be added up is all that looks further, and not far."""
    database.run(LARGE, MANY)
    database.run(REFUSED, MANY)
    database.run(WATERMARKS)
    database.run("ANALYZE")
    begins = MORNING if by is By.HOUR else MORNING - 8 * HOUR
    with rows_read(database, pool) as of_first:
        first = await report_of(pool, asked(by=by))
    with rows_read(database, pool) as of_later:
        later = await report_of(pool, asked(by=by, after=Place(begins, f"S{MANY // 2:06}")))

    assert first is not None
    assert later is not None
    assert first.totals is None
    assert [place.sku for place, _ in first.buckets] == [f"S{n:06}" for n in range(1, LIMIT + 1)]
    assert later.buckets[0][0] == Place(begins, f"S{MANY // 2 + 1:06}")
    assert later.buckets[0][1].held == (1 if by is By.HOUR else 3)
    assert 0 < sum(of_later) < 1_000
    assert sum(of_first) < TOTALLED_MOST + 1_000


async def test_a_page_of_a_busy_warehouse_reads_what_is_on_it(
    database: Database, pool: AsyncEngine
) -> None:
    """However much lies before it."""
    database.run("INSERT INTO location (location, kind) VALUES ('BER1', 'warehouse')")
    database.run(TASKS, MANY)
    database.run(TRANSFERS, MANY)
    database.run("ANALYZE")
    late = TaskPlace(MORNING + timedelta(seconds=MANY - 100), "", "")
    with rows_read(database, pool) as counts:
        first = await sheet_of(pool, "BER1", dict.fromkeys(Section), LIMIT)
        later = await sheet_of(pool, "BER1", dict.fromkeys(Section, late), LIMIT)

    assert first is not None
    assert later is not None
    for section in Section:
        assert len(first.entries[section]) == len(later.entries[section]) == LIMIT
        assert all(entry.place >= late for entry in later.entries[section])
    assert 0 < sum(counts) < 1_000
