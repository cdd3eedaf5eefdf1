"""Products and locations: what a shop decides."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from api.access import CallerOf, Scope, requires
from api.answers import LocationAnswer, ProductAnswer
from api.json_bodies import JsonBody
from api.path_ids import NewLocation, NewSku
from api.requests import LocationPut, ProductPut
from api.wiring import WiringOf
from ledger.policies import Location, Product, Put, put_location, put_product

router = APIRouter(tags=["policies"])

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
