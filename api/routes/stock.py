"""Stock, as the ledger holds it at this moment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from api.access import Scope, requires
from api.answers import LocationStockAnswer, StockAnswer, TotalsAnswer
from api.path_ids import KnownSku
from api.problems import Problem
from api.wiring import WiringOf
from ledger.reading.stock import StockRow, stock_of

router = APIRouter(tags=["stock"])

_SUMMED = (
    "on_hand",
    "reserved",
    "available",
    "safety_stock",
    "held_back",
    "sold",
    "shipped",
    "returned",
    "damaged",
    "researching",
)


@router.get("/stock/{sku}", dependencies=[requires(Scope.STOCK_READ)], response_model=StockAnswer)
async def get_stock(sku: KnownSku, wiring: WiringOf) -> Response:
    """Tell all numbers of a sku and of its locations, from one snapshot."""
    rows = await stock_of(wiring.database, sku)
    if rows is None:
        raise Problem("unknown-sku", skus=[sku])
    locations = tuple(
        LocationStockAnswer(location=row.stock.location, paused=row.stock.paused, **_numbers([row]))
        for row in rows
    )
    return StockAnswer(sku=sku, **_numbers(rows), locations=locations).response()


def _numbers(rows: Sequence[StockRow]) -> dict[str, Any]:
    sums = {name: sum(getattr(row.stock, name) for row in rows) for name in _SUMMED}
    return {
        **sums,
        "in_transit": sum(row.travelling for row in rows),
        "version": sum(row.stock.sequence for row in rows),
        "totals": _totals(rows),
    }


def _totals(rows: Sequence[StockRow]) -> TotalsAnswer:
    """Add up what each row has seen; kinds of movement that no row has seen yet are 0."""
    names = TotalsAnswer.model_fields
    return TotalsAnswer(**{name: sum(row.totals.get(name, 0) for row in rows) for name in names})
