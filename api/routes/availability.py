"""What may be sold, for whoever only looks: from the noticeboard, and so a moment late."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from api.access import PUBLIC
from api.availability.answers import (
    AvailabilityAnswer,
    AvailabilityListAnswer,
    answer_of,
    is_late,
    names,
    tag_of,
)
from api.availability.feed import AvailabilityFeed
from api.availability.stream import AvailabilityStream
from api.availability.views import View
from api.headers import IfNoneMatch
from api.path_ids import KnownSku
from api.problems import RETRY_SECONDS, Problem
from api.queries import MinVersion, Skus, no_min_version
from api.rate_limits import whose_address
from api.wiring import WiringOf

router = APIRouter(tags=["availability"])

AS_OF = "Availability-As-Of"
AGE = "Availability-Age-Ms"

_UNCHANGED: dict[int | str, dict[str, Any]] = {304: {"description": "The caller has it already"}}
_RETRY = {"Retry-After": str(RETRY_SECONDS)}


@router.get(
    "/availability/{sku}",
    dependencies=[PUBLIC],
    response_model=AvailabilityAnswer,
    responses=_UNCHANGED,
)
async def get_availability(
    sku: KnownSku, wiring: WiringOf, min_version: MinVersion, held: IfNoneMatch
) -> Response:
    """Tell how many units of a sku may be sold, over all locations, and how old that number may be."""
    feed = wiring.availability
    if min_version is None:
        view = await feed.look([sku])
    else:
        view = await feed.reached(sku, min_version)
    answers, _ = _told(feed, view, [sku])
    if not answers:
        raise Problem("unknown-sku", skus=[sku])
    (answer,) = answers
    if min_version is not None and answer.version < min_version:
        raise Problem("availability-behind", headers=_RETRY, sku=sku, version=answer.version)
    return _response(answer, tag_of(answers), held)


@router.get(
    "/availability",
    dependencies=[PUBLIC, Depends(no_min_version)],
    response_model=AvailabilityListAnswer,
    responses=_UNCHANGED,
)
async def get_availabilities(skus: Skus, wiring: WiringOf, held: IfNoneMatch) -> Response:
    """Tell the same of several skus, such as a cart's, from one look; skus that nobody knows are named."""
    feed = wiring.availability
    view = await feed.look(skus)
    answers, unknown = _told(feed, view, skus)
    now, freshness = time.monotonic(), view.freshness
    late = is_late(freshness, now, feed.budget_ms)
    answer = AvailabilityListAnswer(
        items=tuple(answers),
        unknown=tuple(unknown),
        as_of=freshness.as_of if freshness else None,
        age_ms=freshness.age_ms(now) if freshness else None,
        confirmed_at_checkout=late or any(item.confirmed_at_checkout for item in answers),
    )
    return _response(answer, tag_of(answers, unknown), held)


@router.get(
    "/streams/availability",
    dependencies=[PUBLIC],
    response_class=AvailabilityStream,
    status_code=200,
)
async def stream_availability(skus: Skus, wiring: WiringOf, request: Request) -> Response:
    """Tell the same of several skus now, and of each again whenever it changes, as server-sent events.

    `event: availability` has the answer of one sku as its data and `sku:version` as its id; `event: unknown`
    names a sku that nobody knows. Whatever was told last holds: when a number gets too old to be relied on,
    it is told again with `confirmed_at_checkout`. It ends after about half an hour: whoever comes again is told
    how each sku stands.
    """
    whose = whose_address(request.client.host if request.client else None)
    return AvailabilityStream(wiring.availability, skus, whose)


def _told(
    feed: AvailabilityFeed, view: View, skus: Sequence[str]
) -> tuple[list[AvailabilityAnswer], list[str]]:
    """Divide into answers and unknown skus, both in the order asked."""
    if not view.live:
        raise Problem("projection-unavailable", headers=_RETRY)
    now = time.monotonic()
    answers = [
        answer_of(view.entries[sku], view.freshness, now, feed.budget_ms)
        for sku in skus
        if sku in view.entries
    ]
    return answers, [sku for sku in skus if sku not in view.entries]


def _response(
    answer: AvailabilityAnswer | AvailabilityListAnswer, tag: str, held: str | None
) -> Response:
    """Tell it, or that the caller has it already; its age is told in any case."""
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if answer.as_of is not None:
        headers[AS_OF] = answer.as_of.isoformat().replace("+00:00", "Z")
        headers[AGE] = str(answer.age_ms)
    if names(held, tag):
        return Response(status_code=304, headers=headers)
    return answer.response(headers=headers)
