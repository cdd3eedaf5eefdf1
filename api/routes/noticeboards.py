"""What warehouses and operators read off the noticeboards. They follow the ledger, and are a moment late."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from api.access import Scope, requires
from api.noticeboards.analytics import AnalyticsAnswer, AskedOf, analytics_answer
from api.noticeboards.board import AfterPlaces, AtLocation, BoardAnswer, board_answer
from api.problems import RETRY_SECONDS, Problem
from api.queries import Limit
from api.wiring import WiringOf
from projections.analytics.reading import report_of
from projections.board.reading import Section, sheet_of
from projections.reading import NothingShownError

router = APIRouter()


@router.get(
    "/warehouse/board",
    dependencies=[requires(Scope.WAREHOUSE, Scope.OPERATOR)],
    response_model=BoardAnswer,
    tags=["warehouse"],
)
async def get_board(
    location: AtLocation, wiring: WiringOf, after: AfterPlaces, limit: Limit
) -> Response:
    """Tell what a warehouse has to pick, to inspect and to take in, page by page; `limit` is of each section."""
    try:
        sheet = await sheet_of(
            wiring.noticeboards, location, after or dict.fromkeys(Section, None), limit
        )
    except NothingShownError:
        raise _unavailable() from None
    if sheet is None:
        raise Problem("unknown-location")
    return board_answer(location, sheet).response()


@router.get(
    "/analytics/stock",
    dependencies=[requires(Scope.OPERATOR, Scope.STOCK_READ)],
    response_model=AnalyticsAnswer,
    tags=["stock"],
)
async def get_analytics(asked: AskedOf, wiring: WiringOf) -> Response:
    """Tell what came of holds and goods by sku and hour or day, and what could not be sold, page by page."""
    try:
        report = await report_of(wiring.noticeboards, asked)
    except NothingShownError:
        raise _unavailable() from None
    if report is None:
        raise Problem("unknown-sku")
    return analytics_answer(asked, report).response()


def _unavailable() -> Problem:
    return Problem("projection-unavailable", headers={"Retry-After": str(RETRY_SECONDS)})
