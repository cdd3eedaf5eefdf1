"""Checkouts: opened, read, extended and cancelled."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from api.access import CallerOf, Scope, requires
from api.answers import CheckoutAnswer, CheckoutOpened, CheckoutUndecided
from api.checkout_cancelling import cancel_checkout
from api.checkout_extending import extend_checkout
from api.checkout_opening import Opening, open_checkout, wish_of
from api.checkout_standing import standing, visible_checkout
from api.headers import IdempotencyKey, ReservationToken
from api.json_bodies import JsonBody
from api.path_ids import KnownCheckoutId
from api.problems import RETRY_SECONDS
from api.requests import CheckoutPost, ExtendPost
from api.wiring import WiringOf
from ledger.checkouts import Status

router = APIRouter(tags=["checkouts"])


@router.post(
    "/checkouts",
    dependencies=[requires(Scope.CHECKOUT)],
    status_code=201,
    response_model=CheckoutOpened,
    responses={202: {"model": CheckoutUndecided}},
)
async def post_checkout(
    wiring: WiringOf,
    caller: CallerOf,
    key: IdempotencyKey,
    body: Annotated[CheckoutPost, Depends(JsonBody(CheckoutPost))],
) -> Response:
    """Reserve the lines and ask for the payment; the same key and body give the same answer for ever."""
    return _told(await open_checkout(wiring, wish_of(wiring, caller, key, body)))


@router.get(
    "/checkouts/{checkout_id}",
    dependencies=[requires(Scope.CHECKOUT, Scope.OPERATOR)],
    response_model=CheckoutAnswer,
)
async def get_checkout(
    checkout_id: KnownCheckoutId, wiring: WiringOf, caller: CallerOf
) -> Response:
    """Tell how a checkout stands: one's own, or with the scope `operator` anybody's."""
    return standing(await visible_checkout(wiring, caller, checkout_id)).response()


@router.post(
    "/checkouts/{checkout_id}/cancel",
    dependencies=[requires(Scope.CHECKOUT)],
    response_model=CheckoutAnswer,
)
async def post_cancel(
    checkout_id: KnownCheckoutId, wiring: WiringOf, caller: CallerOf, token: ReservationToken
) -> Response:
    """Let go of the reservation and the payment, while nothing is captured. Repeated, it answers the same."""
    return standing(await cancel_checkout(wiring, caller, checkout_id, token)).response()


@router.post(
    "/checkouts/{checkout_id}/extend",
    dependencies=[requires(Scope.CHECKOUT)],
    response_model=CheckoutAnswer,
)
async def post_extend(
    checkout_id: KnownCheckoutId,
    wiring: WiringOf,
    caller: CallerOf,
    token: ReservationToken,
    body: Annotated[ExtendPost, Depends(JsonBody(ExtendPost))],
) -> Response:
    """Let the reservation last longer, twice at most. Repeated, it answers the same."""
    return standing(await extend_checkout(wiring, caller, checkout_id, token, body)).response()


def _told(opening: Opening) -> Response:
    replayed = {"Idempotency-Replayed": "true"} if opening.replayed else {}
    if opening.refusal is not None:
        opening.refusal.headers.update(replayed)
        return opening.refusal.response()
    place = {"Location": f"/checkouts/{opening.checkout_id}"}
    if opening.decision is not None:
        return opening.decision.response(201, replayed | place)
    # Not remembered, and so not replayed: the same request later learns the decision.
    undecided = CheckoutUndecided(checkout_id=opening.checkout_id, status=Status.RESERVING.value)
    return undecided.response(202, place | {"Retry-After": str(RETRY_SECONDS)})
