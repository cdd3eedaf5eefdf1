"""Finding products, for whoever only looks: from the index, and so a moment late."""

from __future__ import annotations

import time

from fastapi import APIRouter
from starlette.responses import Response

from api.access import PUBLIC
from api.availability.freshness import Freshness
from api.availability.views import View
from api.problems import RETRY_SECONDS, Problem
from api.search_answers import SearchAnswer, search_answer
from api.search_wishes import WishOf
from api.wiring import Wiring, WiringOf
from projections.availability.reading import shown
from projections.search.asking import Wish
from projections.search.reading import Found, SearchAway

router = APIRouter(tags=["search"])


@router.get("/search", dependencies=[PUBLIC], response_model=SearchAnswer)
async def search(wish: WishOf, wiring: WiringOf) -> Response:
    """Find products by words of their titles, typos allowed, or by sku, and tell what may be sold of each.

    Best first: the sku itself, the whole title, every word as it was typed, the last word begun, one typo a
    word, two in long ones. Of those that fit alike, short titles come first.
    """
    asked_at = time.monotonic()
    found = await _found(wish, wiring)
    index = _freshness(found, asked_at)
    # The index only says what is in stock; how many there are is what availability says, now.
    asked_at = time.monotonic()
    view = View.of(
        await shown(wiring.noticeboards, [entry.sku for entry in found.page.entries]), asked_at
    )
    answer = search_answer(
        wish,
        found.page,
        index=index,
        dead_letters=found.shown.dead_letters,
        view=view,
        now=time.monotonic(),
        budget_ms=wiring.availability.budget_ms,
    )
    return answer.response(headers={"Cache-Control": "no-cache"})


async def _found(wish: Wish, wiring: Wiring) -> Found:
    unavailable = Problem("search-unavailable", headers={"Retry-After": str(RETRY_SECONDS)})
    if wiring.search is None:
        raise unavailable
    try:
        return await wiring.search.find(wish)
    except SearchAway:
        raise unavailable from None


def _freshness(found: Found, asked_at: float) -> Freshness | None:
    as_of, age_ms = found.shown.as_of, found.shown.age_ms
    if as_of is None or age_ms is None:
        return None
    return Freshness(as_of=as_of, age_seconds=age_ms / 1_000, heard_at=asked_at)
