"""Documents of the warehouse: idempotent by their own id."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from api.access import CallerOf, Scope, requires
from api.answers import ReceiptAnswer
from api.json_bodies import JsonBody
from api.requests import ReceiptPost, read_moment
from api.wiring import WiringOf
from ledger.commands import Receive

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
        lines=tuple(line.as_quantity() for line in body.lines),
        occurred_at=read_moment(body.occurred_at) if body.occurred_at else None,
    )
    return ReceiptAnswer.model_validate(await wiring.ledger.post(receipt)).response(201)
