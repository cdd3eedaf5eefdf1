"""Documents of the warehouse: idempotent by their own id, and in any order.

A document whose predecessor is missing is kept and answered with 202; the worker books it when the
predecessor has come. The same document again tells what has become of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.responses import Response

from api.access import CallerOf, Scope, requires
from api.answers import Answer
from api.json_bodies import JsonBody
from api.orders import see_to_return
from api.path_ids import NamedReturn, NamedTransfer
from api.warehouse_answers import (
    InspectionAnswer,
    InspectionWaiting,
    ReceiptAnswer,
    ReturnAnswer,
    ReturnWaiting,
    ShipmentAnswer,
    ShipmentWaiting,
    TransferAnswer,
    TransferReceiptAnswer,
    TransferReceiptWaiting,
)
from api.warehouse_requests import (
    InspectionPost,
    ReceiptPost,
    ReturnPost,
    ShipmentPost,
    TransferPost,
    TransferReceiptPost,
)
from api.wiring import Wiring, WiringOf
from ledger.commands import (
    DocumentCommand,
    Inspect,
    Receive,
    ReceiveTransfer,
    SendTransfer,
    Ship,
    TakeBack,
)
from ledger.documents.values import DocumentState

router = APIRouter(prefix="/warehouse", tags=["warehouse"])


@router.post(
    "/receipts",
    dependencies=[requires(Scope.WAREHOUSE)],
    status_code=201,
    response_model=ReceiptAnswer,
)
async def post_receipt(
    wiring: WiringOf,
    caller: CallerOf,
    body: Annotated[ReceiptPost, Depends(JsonBody(ReceiptPost))],
) -> Response:
    """Book goods that came in. The same receipt again gives the same answer and adds nothing."""
    receipt = Receive(
        actor=caller.subject,
        receipt_id=body.receipt_id,
        location=body.location,
        lines=body.quantities,
        occurred_at=body.happened_at,
    )
    return ReceiptAnswer.model_validate(await wiring.ledger.post(receipt)).response(201)


@router.post(
    "/shipments",
    dependencies=[requires(Scope.WAREHOUSE)],
    status_code=201,
    response_model=ShipmentAnswer,
    responses={202: {"model": ShipmentWaiting}},
)
async def post_shipment(
    wiring: WiringOf,
    caller: CallerOf,
    body: Annotated[ShipmentPost, Depends(JsonBody(ShipmentPost))],
) -> Response:
    """Book units of an order that left. One that comes before its order is confirmed waits for that."""
    shipment = Ship(
        actor=caller.subject,
        shipment_id=body.shipment_id,
        order_id=body.order_id,
        location=body.location,
        lines=body.quantities,
        occurred_at=body.happened_at,
    )
    return await _booked(wiring, shipment, ShipmentAnswer, ShipmentWaiting)


@router.post(
    "/returns",
    dependencies=[requires(Scope.WAREHOUSE)],
    status_code=201,
    response_model=ReturnAnswer,
    responses={202: {"model": ReturnWaiting}},
)
async def post_return(
    wiring: WiringOf,
    caller: CallerOf,
    body: Annotated[ReturnPost, Depends(JsonBody(ReturnPost))],
) -> Response:
    """Book units that came back, wherever they left. They wait for inspection; this waits for its shipments."""
    returned = TakeBack(
        actor=caller.subject,
        return_id=body.return_id,
        order_id=body.order_id,
        location=body.location,
        lines=body.quantities,
        occurred_at=body.happened_at,
    )
    answer = await wiring.ledger.post(returned)
    if answer["status"] == DocumentState.APPLIED:
        await see_to_return(wiring, body.return_id, body.order_id)
    return _told(returned, answer, ReturnAnswer, ReturnWaiting)


@router.post(
    "/returns/{return_id}/inspections",
    dependencies=[requires(Scope.WAREHOUSE)],
    status_code=201,
    response_model=InspectionAnswer,
    responses={202: {"model": InspectionWaiting}},
)
async def post_inspection(
    return_id: NamedReturn,
    wiring: WiringOf,
    caller: CallerOf,
    body: Annotated[InspectionPost, Depends(JsonBody(InspectionPost))],
) -> Response:
    """Book what came of returned units: for sale again, or damaged. It waits for its return."""
    inspection = Inspect(
        actor=caller.subject,
        inspection_id=body.inspection_id,
        return_id=return_id,
        lines=tuple(line.as_inspected() for line in body.lines),
        occurred_at=body.happened_at,
    )
    answer = await wiring.ledger.post(inspection)
    if answer["status"] == DocumentState.APPLIED:
        await see_to_return(wiring, return_id, answer["order_id"], inspected=True)
    return _told(inspection, answer, InspectionAnswer, InspectionWaiting)


@router.post(
    "/transfers",
    dependencies=[requires(Scope.WAREHOUSE)],
    status_code=201,
    response_model=TransferAnswer,
)
async def post_transfer(
    wiring: WiringOf,
    caller: CallerOf,
    body: Annotated[TransferPost, Depends(JsonBody(TransferPost))],
) -> Response:
    """Send sellable units to another location. Until they arrive they are in transit, and nobody's to sell."""
    transfer = SendTransfer(
        actor=caller.subject,
        transfer_id=body.transfer_id,
        source=body.source,
        target=body.target,
        lines=body.quantities,
        occurred_at=body.happened_at,
    )
    return TransferAnswer.model_validate(await wiring.ledger.post(transfer)).response(201)


@router.post(
    "/transfers/{transfer_id}/receipts",
    dependencies=[requires(Scope.WAREHOUSE)],
    status_code=201,
    response_model=TransferReceiptAnswer,
    responses={202: {"model": TransferReceiptWaiting}},
)
async def post_transfer_receipt(
    transfer_id: NamedTransfer,
    wiring: WiringOf,
    caller: CallerOf,
    body: Annotated[TransferReceiptPost, Depends(JsonBody(TransferReceiptPost))],
) -> Response:
    """Book what arrived of a transfer; the rest goes on travelling. It waits for its transfer."""
    arrival = ReceiveTransfer(
        actor=caller.subject,
        receipt_id=body.receipt_id,
        transfer_id=transfer_id,
        lines=body.quantities,
        occurred_at=body.happened_at,
    )
    return await _booked(wiring, arrival, TransferReceiptAnswer, TransferReceiptWaiting)


async def _booked(
    wiring: Wiring, document: DocumentCommand, booked: type[Answer], waiting: type[Answer]
) -> Response:
    return _told(document, await wiring.ledger.post(document), booked, waiting)


def _told(
    document: DocumentCommand,
    answer: Mapping[str, Any],
    booked: type[Answer],
    waiting: type[Answer],
) -> Response:
    if answer["status"] == DocumentState.WAITING:
        return waiting.model_validate({**document.body(), **answer}).response(202)
    return booked.model_validate(answer).response(201)
