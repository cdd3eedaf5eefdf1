"""A ledger that has grown: millions of movements with all that belongs to them, made by the server itself.

Every invariant holds for it, hash chains included. Its carts were abandoned: what follows a sale is not
on the way of a reserve.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from bench.ledger.shop import LOCATION, sku
from ledger.outbox import shard

SQL = Path(__file__).parent / "sql"
SKUS = 20_000
LEVELS = 500
"""Movements a row, as far as there are enough of them."""
LINES_A_CART = 5
SKUS_AT_ONCE = 1_000
"""Rows that grow in one transaction: few enough to stay in memory while their history is written."""
WORKERS = 2
STEPS = ("grow_rows", "grown_checkout", "grow_entry", "grow_checkouts", "grow_block")
GROWING = (
    "-c synchronous_commit=off -c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off"
)
"""The planner knows the tables as they were when empty, and would read them from end to end."""
CHECKING = "-c maintenance_work_mem=1GB -c work_mem=256MB"


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How a ledger of so many movements is made up: so many skus with so many movements each."""

    skus: int
    levels: int

    @property
    def movements(self) -> int:
        """All of them."""
        return self.skus * self.levels

    @classmethod
    def of(cls, movements: int) -> Size:
        """Come as close as whole carts allow."""
        skus = min(SKUS, max(LINES_A_CART, movements // LEVELS))
        skus -= skus % LINES_A_CART
        return cls(skus=skus, levels=max(1, movements // skus))


def seed_grown(
    database_url: str, movements: int, *, grown: Callable[[float], None] = lambda _share: None
) -> Size:
    """Fill a migrated, empty database of the owner's; `grown` is told the share that is done."""
    size = Size.of(movements)
    with _foreign_keys_last(database_url):
        with psycopg.connect(database_url) as connection:
            connection.execute(_statement("grow_shelves"), {"skus": size.skus})
            ((began_at,),) = connection.execute(
                "SELECT date_trunc('second', now()) - make_interval(mins => %s)", [size.levels + 60]
            ).fetchall()
        blocks = range(0, size.skus, SKUS_AT_ONCE)

        def grow(first: int) -> None:
            last = min(first + SKUS_AT_ONCE, size.skus)
            _grow_block(database_url, range(first, last), size.levels, began_at)

        with ThreadPoolExecutor(WORKERS) as workers:
            for done, _ in enumerate(workers.map(grow, blocks), start=1):
                grown(done / len(blocks))
    with psycopg.connect(database_url, autocommit=True) as connection:
        # What autovacuum would have done along the way.
        connection.execute("VACUUM (ANALYZE)")
    return size


def _grow_block(database_url: str, numbers: range, levels: int, began_at: object) -> None:
    with psycopg.connect(database_url, options=GROWING) as connection:
        for name in STEPS:
            connection.execute(_statement(name))
        with connection.cursor().copy("COPY growing (sku, shard, cart) FROM STDIN") as copy:
            for number in numbers:
                name = sku(number)
                copy.write_row((name, shard(f"{name}/{LOCATION}"), number // LINES_A_CART))
        connection.execute("ANALYZE growing")
        connection.execute("SELECT pg_temp.grow_block(%s, %s)", [levels, began_at])


@contextmanager
def _foreign_keys_last(database_url: str) -> Iterator[None]:
    """Check references once, when all rows are there: one by one they would take longer than the rows."""
    with psycopg.connect(database_url) as connection:
        keys = connection.execute(_statement("foreign_keys")).fetchall()
        for table, name, _ in keys:
            drop = sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}")
            connection.execute(drop.format(sql.SQL(table), sql.Identifier(name)))
    yield
    with psycopg.connect(database_url, options=CHECKING) as connection:
        for table, name, definition in keys:
            add = sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} {}")
            connection.execute(
                add.format(sql.SQL(table), sql.Identifier(name), sql.SQL(definition))
            )


def _statement(name: str) -> bytes:
    return (SQL / f"{name}.sql").read_bytes()
