"""What a cart's lines cost at this moment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from ledger.transactions import rows_of

_PRICES = text("SELECT sku, price_minor, currency FROM product WHERE sku = ANY(:skus)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What one unit costs, in minor units of a currency."""

    price_minor: int
    currency: str


async def prices_of(engine: AsyncEngine, skus: Iterable[str]) -> dict[str, Price]:
    """Give the prices of those skus that exist. Raises Transient."""
    rows = await rows_of(engine, _PRICES, skus=sorted(set(skus)))
    return {
        row["sku"]: Price(price_minor=row["price_minor"], currency=row["currency"]) for row in rows
    }
