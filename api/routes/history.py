"""The past of a sku: every entry of it, and any moment explained."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from api.access import Scope, requires
from api.history_answers import (
    ExplainedAnswer,
    MovementsAnswer,
    explained_answer,
    movements_answer,
)
from api.path_ids import KnownSku
from api.problems import Problem
from api.queries import After, At, Limit
from api.wiring import WiringOf
from ledger.reading.history import explained, movements_of

router = APIRouter(prefix="/stock/{sku}", tags=["stock"])


@router.get("/movements", dependencies=[requires(Scope.STOCK_READ)], response_model=MovementsAnswer)
async def get_movements(sku: KnownSku, wiring: WiringOf, after: After, limit: Limit) -> Response:
    """Tell what happened to a sku over all its locations, oldest first, page by page.

    A page's `next` may be kept and asked for again later: nothing that is recorded meanwhile is left out.
    """
    read = after or {}
    movements = await movements_of(wiring.database, sku, read, limit)
    if movements is None:
        raise Problem("unknown-sku", skus=[sku])
    return movements_answer(sku, movements, read, limit).response()


@router.get("/explain", dependencies=[requires(Scope.STOCK_READ)], response_model=ExplainedAnswer)
async def explain(sku: KnownSku, wiring: WiringOf, at: At, limit: Limit) -> Response:
    """Tell why a sku's numbers were what they were at a moment, who held units of it, and what came after."""
    told = await explained(wiring.database, sku, at, limit)
    if told is None:
        raise Problem("unknown-sku", skus=[sku])
    return explained_answer(sku, told, limit).response()
