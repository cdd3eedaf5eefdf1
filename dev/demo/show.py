"""The order of the demo: shelves before, the stories, shelves after, and every number checked."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from dev.demo.expectations import Expectations
from dev.demo.shop import Shop
from dev.demo.stories import CATALOGUE, STORIES, seed
from dev.runtime import Runtime
from ledger import invariants
from ledger.database import engine

COLUMNS = ("on_hand", "reserved", "available", "sold")

_PLAIN = {"no_parameters": True}
"""A promise is SQL as it stands: no character of it means anything to the driver."""


async def show(runtime: Runtime, console: Console) -> list[str]:
    """Run the demo against a fresh stack; give the promises that did not hold."""
    expectations = Expectations(console)
    async with Shop.open(runtime) as shop:
        before: dict[str, dict[str, Any]] = {}
        for story in STORIES:
            console.rule(f"[bold]{story.__name__}[/]", align="left")
            console.print(f"  [dim]{(story.__doc__ or '').strip()}[/]")
            await story(shop, expectations)
            if story is seed:
                before = await _shelves(shop)
        console.rule("[bold]the shelves[/]", align="left")
        console.print(_compared(before, await _shelves(shop)))
    console.rule("[bold]the numbers[/]", align="left")
    await _check_invariants(runtime, expectations)
    return expectations.broken


async def _shelves(shop: Shop) -> dict[str, dict[str, Any]]:
    return {sku: await shop.stock(sku) for sku in CATALOGUE}


def _compared(before: dict[str, dict[str, Any]], after: dict[str, dict[str, Any]]) -> Table:
    table = Table("sku", *(column for column in COLUMNS))
    for sku, stock in after.items():
        changes = (f"{before[sku][column]} → {stock[column]}" for column in COLUMNS)
        table.add_row(sku, *changes)
    return table


async def _check_invariants(runtime: Runtime, expectations: Expectations) -> None:
    database = engine(runtime.database_url, pool_size=1, name="onhand-demo")
    async with database.connect() as connection:
        for invariant in invariants.load().values():
            violations = (
                await connection.exec_driver_sql(invariant.sql, execution_options=_PLAIN)
            ).all()
            expectations.expect(invariant.promise, holds=not violations)
    await database.dispose()
