"""POST /checkouts, from the wish to the decision.

The checkout's row is committed before the engine is asked: from there on the wish cannot be lost, and
the same key gives the same answer for ever.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import orjson

from api.answers import CheckoutOpened
from api.checkout_engine import Asked, EngineAway
from api.decisions import decision_of, is_undecided
from api.problems import Problem, busy, malformed
from api.requests import PRICE_MOST, CheckoutPost
from api.tokens import Caller
from api.wiring import Wiring
from ledger import ids
from ledger.checkouts import CheckoutLine, Status
from ledger.commands import OpenCheckout, merged
from ledger.crash_points import Around
from ledger.errors import KeyConflict, Refused
from ledger.reading.checkouts import StoredCheckout, checkout_of
from ledger.reading.products import Price, prices_of
from workflows.messages import CartLine, CheckoutStart

SUPERSEDING_ROUNDS = 3
"""How often a cart's live checkout is cancelled to make room: others may be opening one as well."""
DECIDE = Around("api.decide")
"""Crash points: when the row is there and the engine not asked, and when it has decided and nobody is told."""
_PAST_FENCE = frozenset({Status.COMMITTING.value, Status.CONFIRMED.value})


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One request for a checkout, checked as far as that goes without looking at the world."""

    checkout_id: str
    owner: str
    body: CheckoutPost
    ttl_seconds: int

    @property
    def quantities(self) -> list[tuple[str, int]]:
        """The lines, added up by sku and in order."""
        return [
            (sku, quantity)
            for sku, quantity in merged(tuple(line.as_quantity() for line in self.body.lines))
        ]

    def fingerprint(self) -> str:
        """Tell two wishes under one key apart, in hex. Prices are not part of a wish."""
        substance = {
            "customer_id": self.body.customer_id,
            "lines": self.quantities,
            "ttl_seconds": self.body.ttl_seconds,
            "cart_id": self.body.cart_id,
        }
        return hashlib.sha256(orjson.dumps(substance, option=orjson.OPT_SORT_KEYS)).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What became of a wish. `decision` is None while there is none yet."""

    checkout_id: str
    replayed: bool
    decision: CheckoutOpened | None = None
    refusal: Problem | None = None
    """A refusal that is remembered: told again on every repetition."""


def wish_of(wiring: Wiring, caller: Caller, key: str, body: CheckoutPost) -> Wish:
    """Check who wishes for whom, and for how long. Raises Problem `other-customer`, `malformed`."""
    if caller.customer_id not in (None, body.customer_id):
        raise Problem("other-customer")
    settings = wiring.checkout
    ttl = settings.ttl_default_seconds if body.ttl_seconds is None else body.ttl_seconds
    if not settings.ttl_min_seconds <= ttl <= settings.ttl_max_seconds:
        bounds = f"{settings.ttl_min_seconds} to {settings.ttl_max_seconds}"
        raise malformed("body.ttl_seconds", f"must be {bounds} seconds")
    return Wish(
        checkout_id=ids.checkout_id(caller.subject, key),
        owner=caller.subject,
        body=body,
        ttl_seconds=ttl,
    )


async def open_checkout(wiring: Wiring, wish: Wish) -> Opening:
    """Open the wish's checkout, or find the one that it opened before, and wait for the decision.

    Raises Problem where the wish is refused before it has a row: that is not remembered.
    """
    checkout = await checkout_of(wiring.database, wish.checkout_id)
    if checkout is not None:
        _refuse_other_wish(wish, checkout)
        return await _decided(wiring, checkout, replayed=True)
    command = await _priced(wiring, wish)
    replayed = await _post(wiring, command)
    return await _decided(wiring, await _row(wiring, wish.checkout_id), replayed=replayed)


def _refuse_other_wish(wish: Wish, checkout: StoredCheckout) -> None:
    again = _command(wish, (), total_minor=checkout.total_minor, currency=checkout.currency)
    if again.fingerprint() != checkout.fingerprint:
        raise Problem("idempotency-key-reused")


async def _priced(wiring: Wiring, wish: Wish) -> OpenCheckout:
    """Price the lines. Raises Problem `unknown-sku`, `mixed-currency`, `total-too-large`."""
    prices = await prices_of(wiring.database, [sku for sku, _ in wish.quantities])
    unknown = [sku for sku, _ in wish.quantities if sku not in prices]
    if unknown:
        raise Problem("unknown-sku", skus=unknown)
    currencies = {price.currency for price in prices.values()}
    if len(currencies) > 1:
        raise Problem("mixed-currency", currencies=sorted(currencies))
    lines = _lines(wish, prices)
    total = sum(line.price_minor * line.quantity for line in lines)
    if total > PRICE_MOST:
        raise Problem("total-too-large", total_minor=total, most_minor=PRICE_MOST)
    return _command(wish, lines, total_minor=total, currency=currencies.pop())


def _lines(wish: Wish, prices: dict[str, Price]) -> tuple[CheckoutLine, ...]:
    return tuple(
        CheckoutLine(sku=sku, quantity=quantity, price_minor=prices[sku].price_minor)
        for sku, quantity in wish.quantities
    )


def _command(
    wish: Wish, lines: tuple[CheckoutLine, ...], *, total_minor: int, currency: str
) -> OpenCheckout:
    return OpenCheckout(
        actor=wish.owner,
        checkout_id=wish.checkout_id,
        owner=wish.owner,
        customer_id=wish.body.customer_id,
        cart_id=wish.body.cart_id,
        lines=lines,
        total_minor=total_minor,
        currency=currency,
        ttl_seconds=wish.ttl_seconds,
        request_fingerprint=wish.fingerprint(),
    )


async def _post(wiring: Wiring, command: OpenCheckout) -> bool:
    """Commit the row, the cart's older checkout cancelled first; tell whether the row was there before.

    Raises Problem `idempotency-key-reused`, `already-committing`, `busy`.
    """
    for rounds_left in reversed(range(SUPERSEDING_ROUNDS + 1)):
        answer = await wiring.ledger.answer(command)
        try:
            answer.accepted()
        except KeyConflict as conflict:
            raise Problem("idempotency-key-reused") from conflict
        except Refused as refusal:
            if refusal.code != "cart-busy":
                raise
            if not rounds_left:
                break
            await _supersede(wiring, refusal.facts, command.checkout_id)
        else:
            return answer.replayed
    raise busy()


async def _supersede(wiring: Wiring, facts: Any, newer: str) -> None:
    """Cancel the cart's older checkout. Where a race kept its id from us, the next round has it."""
    older = facts.get("checkout_id")
    if older is None:
        return
    try:
        await wiring.engine.supersede(older, newer)
    except EngineAway as error:
        raise busy() from error
    checkout = await _row(wiring, older)
    if checkout.status.value in _PAST_FENCE:
        raise Problem("already-committing", checkout_id=older)


async def _decided(wiring: Wiring, checkout: StoredCheckout, *, replayed: bool) -> Opening:
    if is_undecided(checkout):
        async with DECIDE(checkout.checkout_id):
            asked = await wiring.engine.decide(_start(wiring, checkout))
        if asked is Asked.ANSWERED:
            checkout = await _row(wiring, checkout.checkout_id)
        if is_undecided(checkout):
            return Opening(checkout_id=checkout.checkout_id, replayed=replayed)
    try:
        decision = decision_of(checkout, wiring.reservation_tokens)
    except Problem as refusal:
        return Opening(checkout_id=checkout.checkout_id, replayed=replayed, refusal=refusal)
    return Opening(checkout_id=checkout.checkout_id, replayed=replayed, decision=decision)


async def _row(wiring: Wiring, checkout_id: str) -> StoredCheckout:
    checkout = await checkout_of(wiring.database, checkout_id)
    assert checkout is not None  # rows are never deleted
    return checkout


def _start(wiring: Wiring, checkout: StoredCheckout) -> CheckoutStart:
    return CheckoutStart(
        checkout_id=checkout.checkout_id,
        lines=tuple(CartLine(sku=line.sku, quantity=line.quantity) for line in checkout.lines),
        total_minor=checkout.total_minor,
        currency=checkout.currency,
        ttl_seconds=checkout.ttl_seconds,
        payment_attempts=wiring.checkout.payment_attempts,
        step_seconds=wiring.step_seconds,
    )
