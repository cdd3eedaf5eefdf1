"""The ledger's benchmark works, and the books are right after it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from bench.ledger.pgbench import Pgbench, find_pgbench
from bench.ledger.seeding import Size, seed_grown
from bench.ledger.shop import LOCATION, Carts, sku, stock_up
from ledger.posting import Ledger
from tests.copies import Database
from tests.integration.ledger.shop import broken_promises

SKUS = 10


def test_a_quick_run_tells_all_ratios(tmp_path: Path) -> None:
    """In the contract's words, with what a reader needs to judge them, and a picture."""
    figures, picture = tmp_path / "figures.json", tmp_path / "picture.svg"
    command = [sys.executable, "-m", "cli", "bench", "ledger", "--quick"]
    subprocess.run([*command, "--json", figures, "--plot", picture], check=True, timeout=110)
    told = orjson.loads(figures.read_bytes())
    wanted = {"hot_vs_single", "hot_vs_spread", "spread_vs_pgbench", "grown_vs_empty"}
    assert set(told["ratios"]) == wanted - ({"spread_vs_pgbench"} if not find_pgbench() else set())
    assert all(ratio > 0 for ratio in told["ratios"].values())
    assert {"python", "postgres"} <= set(told["versions"])
    assert told["retries"] == 0
    assert all(one["p50_ms"] <= one["p99_ms"] for one in told["measured"].values())
    assert picture.read_text().startswith("<?xml")


@pytest.mark.parametrize("movements", [2_000, 45, 1])
async def test_a_grown_ledger_holds_every_promise(
    database: Database, ledger: Ledger, movements: int
) -> None:
    """Hash chains included; and it goes on from there."""
    size = seed_grown(database.owner_url, movements)
    stored = database.value("SELECT count(*) FROM movement")
    assert stored == size.movements
    assert stored == movements or movements < SKUS
    carts = Carts(ledger=ledger, skus=lambda n: (sku(n % size.skus),), owner="test")
    await carts.prepare(20)
    for reserve in carts:
        await ledger.post(reserve)
    assert database.value("SELECT count(*) FROM movement") == stored + 20
    assert broken_promises(database) == {}


async def test_a_grown_ledger_gets_its_foreign_keys_back(database: Database) -> None:
    """All that were there, checked against every row."""
    keys = "SELECT conname, convalidated FROM pg_constraint WHERE contype = 'f' ORDER BY conname"
    before = database.rows(keys)
    seed_grown(database.owner_url, 100)
    assert database.rows(keys) == before
    assert len(before) > 5


def test_a_grown_ledger_is_made_up_of_whole_carts() -> None:
    """As many skus as it takes for five hundred movements each, and twenty thousand at most."""
    assert (Size.of(10_000_000).skus, Size.of(10_000_000).levels) == (20_000, 500)
    assert Size.of(1_000_000).movements == 1_000_000
    assert Size.of(7_777).skus % 5 == 0


@pytest.mark.skipif(find_pgbench() is None, reason="this Postgres comes without pgbench")
async def test_pgbench_writes_what_the_ledger_would_have_written(
    database: Database, ledger: Ledger
) -> None:
    """The yardstick is honest: rows, hashes and events hold every promise."""
    await stock_up(ledger.engine, SKUS)
    program = find_pgbench()
    assert program is not None
    pgbench = Pgbench(
        program=program, url=database.application_url, ledger=ledger, skus=SKUS, clients=4
    )
    for _ in range(2):
        await pgbench.prepare(10)
        load = await pgbench.run(1)
        assert load.done > 0
    reserved = database.value("SELECT count(*) FROM movement WHERE kind = 'reserve'")
    assert reserved == database.value("SELECT count(*) FROM reservation WHERE state = 'held'") > 0
    assert database.value("SELECT DISTINCT location FROM reservation_line") == LOCATION
    assert broken_promises(database) == {}
