"""POST /checkouts/{id}/extend: while it is held, twice at most, and by whoever holds the reservation's token."""

from __future__ import annotations

from api.checkout_cancelling import gone_on, held_by, own_checkout
from api.checkout_engine import EngineAway
from api.problems import Problem, busy, malformed
from api.requests import ExtendPost
from api.tokens import Caller
from api.wiring import Wiring
from ledger.checkouts import Status
from ledger.crash_points import Around
from ledger.reading.checkouts import StoredCheckout
from workflows.messages import ExtendRequest

EXTEND = Around("api.extend")
_REFUSALS = frozenset({"key-reused", "not-the-next", "too-many-extensions"})


async def extend_checkout(
    wiring: Wiring, caller: Caller, checkout_id: str, token: str | None, body: ExtendPost
) -> StoredCheckout:
    """Let a hold last longer, and give the checkout as it is then. Repeated, it answers the same.

    Raises Problem, in this order: `unknown-checkout`; `reservation-token-invalid`; `malformed` for more
    seconds than the shop allows; `too-late` from the fence on and `already-…` after an ending, unless
    it had been extended so far before; `not-the-next`; `key-reused` for the same extension by other
    seconds; `busy` where the engine did not answer.
    """
    checkout = await held_by(wiring, caller, checkout_id, token)
    most = wiring.checkout.extension_max_seconds
    if body.seconds > most:
        raise malformed("body.seconds", f"must be 1 to {most} seconds")
    if checkout.status is Status.AWAITING_PAYMENT:
        await _ask(wiring, checkout_id, body)
        checkout = await own_checkout(wiring, caller, checkout_id)
    if checkout.reservation is not None and checkout.reservation.extension >= body.extension:
        return checkout
    if checkout.status in (Status.RESERVING, Status.AWAITING_PAYMENT):
        raise busy()
    raise gone_on(checkout)


async def _ask(wiring: Wiring, checkout_id: str, body: ExtendPost) -> None:
    """Ask the workflow. Where it would not, or did not answer, the row says what came of it."""
    request = ExtendRequest(extension=body.extension, seconds=body.seconds)
    try:
        async with EXTEND(checkout_id):
            answer = await wiring.engine.extend(checkout_id, request)
    except EngineAway:
        return
    if answer is not None and answer.code in _REFUSALS:
        raise Problem(answer.code)
