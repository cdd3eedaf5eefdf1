"""Products, locations and what of a row may be sold: what a shop decides."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from api.access import CallerOf, Scope, requires
from api.answers import LocationAnswer, ProductAnswer, RowPolicyAnswer
from api.json_bodies import JsonBody
from api.path_ids import KnownSku, NewLocation, NewSku
from api.requests import LocationPut, PausePut, ProductPut, SafetyStockPut
from api.wiring import WiringOf
from ledger.commands import ChangePause, SetSafetyStock
from ledger.policies import Location, Product, Put, put_location, put_product

router = APIRouter(tags=["policies"])

OPERATOR_PAUSE = "operator"
"""The reason under which a person pauses a row; feeds and disabled locations have reasons of their own."""
_STATUS = {Put.CREATED: 201, Put.CHANGED: 200, Put.UNCHANGED: 200}


@router.put(
    "/products/{sku}",
    dependencies=[requires(Scope.STOCK_WRITE)],
    response_model=ProductAnswer,
    responses={201: {"model": ProductAnswer}},
)
async def set_product(
    sku: NewSku, wiring: WiringOf, body: Annotated[ProductPut, Depends(JsonBody(ProductPut))]
) -> Response:
    """Create a product, or change it for the checkouts to come."""
    product = Product(sku=sku, **body.model_dump())
    put = await put_product(wiring.database, product)
    return ProductAnswer(sku=sku, **body.model_dump()).response(_STATUS[put])


@router.put(
    "/locations/{location}",
    dependencies=[requires(Scope.STOCK_WRITE)],
    response_model=LocationAnswer,
    responses={201: {"model": LocationAnswer}},
)
async def set_location(
    location: NewLocation,
    wiring: WiringOf,
    caller: CallerOf,
    body: Annotated[LocationPut, Depends(JsonBody(LocationPut))],
) -> Response:
    """Create a location or change it. Disabled, nothing there may be sold; what is held stays held."""
    wanted = Location(location=location, **body.model_dump())
    put = await put_location(wiring.database, wanted, caller.subject)
    return LocationAnswer(location=location, **body.model_dump()).response(_STATUS[put])


@router.put(
    "/stock/{sku}/safety-stock",
    dependencies=[requires(Scope.STOCK_WRITE)],
    response_model=RowPolicyAnswer,
)
async def set_safety_stock(
    sku: KnownSku,
    wiring: WiringOf,
    caller: CallerOf,
    body: Annotated[SafetyStockPut, Depends(JsonBody(SafetyStockPut))],
) -> Response:
    """Say how many units at a location are promised to nobody. What is reserved already stays reserved."""
    command = SetSafetyStock(
        actor=caller.subject, sku=sku, location=body.location, quantity=body.quantity
    )
    return RowPolicyAnswer.model_validate(await wiring.ledger.post(command)).response()


@router.put(
    "/stock/{sku}/pause",
    dependencies=[requires(Scope.STOCK_WRITE)],
    response_model=RowPolicyAnswer,
)
async def set_pause(
    sku: KnownSku,
    wiring: WiringOf,
    caller: CallerOf,
    body: Annotated[PausePut, Depends(JsonBody(PausePut))],
) -> Response:
    """Keep a sku at a location out of sale, or end that. Where another reason pauses it too, that one stays."""
    command = ChangePause(
        actor=caller.subject,
        sku=sku,
        location=body.location,
        reason=OPERATOR_PAUSE,
        paused=body.paused,
    )
    return RowPolicyAnswer.model_validate(await wiring.ledger.post(command)).response()
