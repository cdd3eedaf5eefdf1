"""Corrections of stock by a person, each with its reason."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from api.access import CallerOf, Scope, requires
from api.answers import AdjustmentAnswer
from api.json_bodies import JsonBody
from api.path_ids import KnownSku
from api.requests import AdjustmentPost
from api.wiring import WiringOf
from ledger.commands import Adjust, AdjustmentKind

router = APIRouter(tags=["stock"])


@router.post(
    "/stock/{sku}/adjustments",
    dependencies=[requires(Scope.STOCK_WRITE)],
    response_model=AdjustmentAnswer,
    responses={202: {"model": AdjustmentAnswer}},
)
async def post_adjustment(
    sku: KnownSku,
    wiring: WiringOf,
    caller: CallerOf,
    body: Annotated[AdjustmentPost, Depends(JsonBody(AdjustmentPost))],
) -> Response:
    """Correct a row. 202 where others count on units that are gone: what there was is taken, a review asks on.

    The same adjustment again gives the same answer and corrects nothing. Its note is kept for people to
    read, and told nowhere else.
    """
    adjustment = Adjust(
        actor=caller.subject,
        adjustment_id=body.adjustment_id,
        kind=AdjustmentKind(body.kind),
        sku=sku,
        location=body.location,
        quantity=body.quantity,
        reason=body.reason,
        note=body.note,
        occurred_at=body.happened_at,
        expected_version=body.expected_version,
    )
    answer = AdjustmentAnswer.model_validate(await wiring.ledger.post(adjustment))
    return answer.response(202 if answer.status == "review" else 200)
