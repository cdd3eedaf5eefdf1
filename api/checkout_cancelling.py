"""POST /checkouts/{id}/cancel: before the fence, and by whoever holds the reservation's token."""

from __future__ import annotations

from api.checkout_engine import EngineAway
from api.problems import Problem, busy
from api.tokens import Caller
from api.wiring import Wiring
from ledger import ids
from ledger.checkouts import Status
from ledger.crash_points import Around
from ledger.reading.checkouts import StoredCheckout, checkout_of

CANCEL = Around("api.cancel")
_BEFORE_FENCE = frozenset({Status.RESERVING, Status.AWAITING_PAYMENT})


async def own_checkout(wiring: Wiring, caller: Caller, checkout_id: str) -> StoredCheckout:
    """Read a checkout of the caller's. Raises Problem `unknown-checkout` for another's as for none."""
    checkout = await checkout_of(wiring.database, checkout_id)
    if checkout is None or checkout.owner != caller.subject:
        raise Problem("unknown-checkout")
    return checkout


async def held_by(
    wiring: Wiring, caller: Caller, checkout_id: str, token: str | None
) -> StoredCheckout:
    """Read the caller's checkout for whoever holds its reservation's token.

    Raises Problem `unknown-checkout`, `reservation-token-invalid`.
    """
    checkout = await own_checkout(wiring, caller, checkout_id)
    reservation_id = ids.reservation_id(checkout_id)
    if token is None or not wiring.reservation_tokens.fits(token, reservation_id, checkout.owner):
        raise Problem("reservation-token-invalid")
    return checkout


async def cancel_checkout(
    wiring: Wiring, caller: Caller, checkout_id: str, token: str | None
) -> StoredCheckout:
    """Cancel a checkout, and give it as it is then.

    Raises Problem, in this order: `unknown-checkout`; `reservation-token-invalid`; `too-late` from the
    fence on; `already-…` after another ending; `busy` where it is open and the engine did not answer.
    """
    checkout = await held_by(wiring, caller, checkout_id, token)
    if checkout.status in _BEFORE_FENCE:
        await _ask(wiring, checkout_id)
        checkout = await own_checkout(wiring, caller, checkout_id)
    _refuse_uncancelled(checkout)
    return checkout


async def _ask(wiring: Wiring, checkout_id: str) -> None:
    """Ask the workflow; what came of it stands in the row, whatever was answered."""
    try:
        async with CANCEL(checkout_id):
            await wiring.engine.cancel(checkout_id)
    except EngineAway:
        return


def _refuse_uncancelled(checkout: StoredCheckout) -> None:
    if checkout.status is Status.CANCELLED:
        return
    if checkout.status in _BEFORE_FENCE:
        raise busy()
    raise gone_on(checkout)


def gone_on(checkout: StoredCheckout) -> Problem:
    """Say that a checkout has gone on: `too-late` from the fence on, `already-…` after an ending."""
    if checkout.status is Status.COMMITTING:
        return Problem("too-late", checkout_status=checkout.status.value)
    code = f"already-{checkout.status.value.replace('_', '-')}"
    return Problem(code, checkout_status=checkout.status.value)
