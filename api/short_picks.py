"""Short picks: booked, seen to, and told with the order as it stands."""

from __future__ import annotations

from starlette.responses import Response

from api.answers import OrderAnswer
from api.orders import see_to_refunds
from api.warehouse_answers import RefundAnswer, ShortPickAnswer, ShortPickWaiting
from api.wiring import Wiring
from ledger.commands import ShortPick
from ledger.documents.values import DocumentState
from ledger.reading.checkouts import checkout_of
from ledger.reading.refunds import refund_of
from ledger.refunds import RefundState, of_short_pick
from workflows.starting_refunds import short_pick_id


async def look_for(wiring: Wiring, pick: ShortPick) -> Response:
    """Book a short pick, have what it owes paid, and tell where it stands. Raises what the ledger refuses."""
    told = await wiring.ledger.answer(pick)
    answer = told.accepted()
    if answer["status"] == DocumentState.WAITING:
        waiting = ShortPickWaiting(
            short_id=pick.short_id, order_id=pick.order_id, status=answer["status"]
        )
        return waiting.response(202)
    owed = await refund_of(wiring.database, pick.order_id, of_short_pick(pick.short_id))
    settled = owed is None or owed[0] is RefundState.DONE
    if not settled:
        await see_to_refunds(wiring, short_pick_id(pick.short_id), pick.order_id)
    checkout = await checkout_of(wiring.database, pick.order_id)
    assert checkout is not None
    standing = ShortPickAnswer(
        short_id=pick.short_id,
        order_id=pick.order_id,
        status=checkout.status.value,
        order=OrderAnswer(state=checkout.order_state.value),
        lines=answer["lines"],
        replaced=answer["replaced"],
        refunded=answer["refunded"],
        refund=RefundAnswer(state=owed[0].value, amount_minor=owed[1]) if owed else None,
    )
    return standing.response(200 if told.replayed and settled else 202)
