"""Orders: what happens to a checkout once it is confirmed, other than what the warehouse tells."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from api.access import CallerOf, Scope, requires
from api.answers import CheckoutAnswer
from api.checkout_standing import standing
from api.json_bodies import JsonBody
from api.orders import cancel_order
from api.path_ids import KnownOrderId
from api.short_picks import look_for
from api.warehouse_answers import ShortPickAnswer, ShortPickWaiting
from api.warehouse_requests import ShortPost
from api.wiring import WiringOf
from ledger.checkouts import Status
from ledger.commands import ShortPick

router = APIRouter(tags=["orders"])


@router.post(
    "/orders/{order_id}/cancel",
    dependencies=[requires(Scope.CHECKOUT, Scope.OPERATOR)],
    response_model=CheckoutAnswer,
    responses={202: {"model": CheckoutAnswer}},
)
async def post_order_cancel(order_id: KnownOrderId, wiring: WiringOf, caller: CallerOf) -> Response:
    """Take a paid order back while none of it has left: one's own, or with the scope `operator` anybody's.

    202 while its money is being refunded; the same request again answers 200 once it is.
    """
    checkout = await cancel_order(wiring, caller, order_id)
    return standing(checkout).response(200 if checkout.status is Status.REFUNDED else 202)


@router.post(
    "/orders/{order_id}/short",
    dependencies=[requires(Scope.WAREHOUSE, Scope.OPERATOR)],
    response_model=ShortPickAnswer,
    responses={202: {"model": ShortPickAnswer | ShortPickWaiting}},
)
async def post_order_short(
    order_id: KnownOrderId,
    wiring: WiringOf,
    caller: CallerOf,
    body: Annotated[ShortPost, Depends(JsonBody(ShortPost))],
) -> Response:
    """Tell that paid units were not found: they are looked for, and come from elsewhere or are paid back.

    202 when it is first told, while it waits for its order and while money for it is owed; the same
    request again answers 200 once nothing is.
    """
    pick = ShortPick(
        actor=caller.subject,
        short_id=body.short_id,
        order_id=order_id,
        lines=tuple(line.as_missing() for line in body.lines),
        occurred_at=body.happened_at,
    )
    return await look_for(wiring, pick)
