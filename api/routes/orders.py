"""Orders: what happens to a checkout once it is confirmed, other than what the warehouse tells."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from api.access import CallerOf, Scope, requires
from api.answers import CheckoutAnswer
from api.checkout_standing import standing
from api.orders import cancel_order
from api.path_ids import KnownOrderId
from api.wiring import WiringOf
from ledger.checkouts import Status

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
