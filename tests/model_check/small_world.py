"""A shop of one sort of lamp in memory: the ledger's real rules and the simulator's own decisions.

Only what waits is left out, and everything is a value. It is the shop as one checkout sees it: its own
rows, and a shelf that the other checkout takes from as well. Both think that they are Ada's: the rules
are given the rows of the checkout they are asked about, as the real ledger loads them, and no others.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, cast

from ledger import ids
from ledger.checkouts import (
    LIVE,
    Checkout,
    CheckoutLine,
    Payment,
    PaymentOperation,
    Reservation,
    ReservationState,
    Status,
)
from ledger.commands import Command, OpenCheckout
from ledger.errors import Refused
from ledger.refunds import Refund
from ledger.rules import decide as rule
from ledger.stock import GENESIS_HASH, Stock
from ledger.watch import States
from ledger.world import Location, World
from payments.errors import PaymentRefused
from payments.simulator.intents import (
    CANCELABLE,
    Cancel,
    Capture,
    CaptureMethod,
    GiveBack,
    Intent,
    IntentStatus,
)
from payments.simulator.intents import decide as till
from payments.simulator.refusals import Refusal
from payments.translation import STATE_OF_STATUS
from payments.values import ProviderPayment, ProviderRefund, ProviderState, RefundState
from tests.model_check.effects import Beat, BrokenPromiseError, Effect, Outcome, refuses, replayed
from tests.model_check.small_orders import owed

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LAMP, BERLIN, ADA, RIVAL = "brass-lamp", "BER1", "co_ada", "co_rival"
OWNER, BASKET = "storefront", "basket"
HOLD = ids.reservation_id(ADA)
PRICE = 4_900
LISTENING = (Status.RESERVING, Status.AWAITING_PAYMENT)
REFUND = ProviderRefund(
    refund_id="re_1", payment_intent="pi_1", amount_minor=PRICE, state=RefundState.SUCCEEDED
)
PAID_FOR = ("payment_intent.amount_capturable_updated", "payment_intent.succeeded")
COUNTED_ON = (ReservationState.HELD, ReservationState.COMMITTING)


_OTHER = {ADA: RIVAL, RIVAL: ADA}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """What the checkouts have in common: the lamps, what their customer has claimed, and their cart."""

    stock: Stock
    limit: int | None = None
    """How many one customer may have; both checkouts are the same customer's then."""
    claimed: int = 0
    cart: frozenset[str] = frozenset()
    """The cart's checkouts that may still be paid, seen from this one: `ADA` and the other one."""

    def mirrored(self) -> Shelf:
        """Give it as the other checkout sees it."""
        return replace(self, cart=frozenset(_OTHER[name] for name in self.cart))


@dataclass(frozen=True, kw_only=True)  # without slots: its key is worked out once, and kept
class Moment:
    """Everything that lasts of one checkout: the ledger's rows and answers, and the provider's."""

    checkout: Checkout | None = None
    reservations: tuple[Reservation, ...] = ()
    payment: Payment | None = None
    operations: tuple[PaymentOperation, ...] = ()
    refunds: tuple[Refund, ...] = ()
    answers: tuple[tuple[str, str], ...] = ()
    """What was answered under each operation key, as JSON."""
    intent: Intent | None = None
    told: tuple[tuple[str, Outcome], ...] = ()
    """What the provider answered under each idempotency key."""
    applied: frozenset[str] = frozenset()
    refuses_capture: bool = False
    """The bank will not give what it authorized."""

    @property
    def row(self) -> Checkout:
        """The checkout's row, once it is open."""
        assert self.checkout is not None
        return self.checkout

    @property
    def status(self) -> Status | None:
        """What has become of the checkout."""
        return self.checkout.status if self.checkout else None

    @property
    def reservation(self) -> Reservation | None:
        """The newest."""
        return self.reservations[-1] if self.reservations else None

    @property
    def held(self) -> ReservationState:
        """Tell where the hold stands."""
        return self.checkout.reservation_state if self.checkout else ReservationState.NONE

    @cached_property
    def key(self) -> object:
        """Name what matters of it."""
        intent = self.intent
        seen = intent and (
            intent.status,
            intent.captured_minor,
            intent.refunded_minor,
            intent.payment_method,
            intent.decline is not None,
        )
        # A void that is refused is asked for under a new key, again and again: all the same to us.
        told = frozenset((key.split(":")[1], outcome.well) for key, outcome in self.told)
        asked = frozenset((operation.kind, operation.state) for operation in self.operations)
        answers = tuple((key, refuses(said)) for key, said in self.answers)
        owed = tuple((refund.refund_id, refund.state) for refund in self.refunds)
        rows = (self.checkout, self.reservations, self.payment, asked, owed)
        return (rows, answers, seen, told, self.applied, self.refuses_capture)


def shelf(*, stock: int = 1, limit: int | None = None) -> Shelf:
    """Put lamps on a shelf in Berlin."""
    row = Stock(sku=LAMP, location=BERLIN, sellable=stock, supply=-stock)
    return Shelf(stock=row, limit=limit)


def opening(*, cart: str | None = None, common: Shelf | None = None) -> tuple[Moment, Shelf]:
    """Commit the row of a checkout of one lamp. Raises Refused where its cart is busy."""
    shop = Shop(Moment(), common or shelf())
    shop.posted(
        OpenCheckout(
            actor=OWNER,
            checkout_id=ADA,
            owner=OWNER,
            customer_id="ada",
            cart_id=cart,
            lines=(CheckoutLine(sku=LAMP, quantity=1, price_minor=PRICE),),
            total_minor=PRICE,
            currency="EUR",
            ttl_seconds=900,
            request_fingerprint="a lamp",
        )
    )
    return shop.now, shop.shelf


class Shop:
    """One attempt's way to the ledger and the provider, from a moment on."""

    def __init__(self, now: Moment, common: Shelf, tape: tuple[Outcome, ...] = ()) -> None:
        self.now = now
        self.shelf = common
        self.tape = list(tape)
        """What the attempt has seen already, where it goes on after a pause."""
        self.next: Effect | None = None

    async def effect(self, of: str, work: Callable[[], Any]) -> Any:
        """Do something, or be told what came of it before; with a moment before it is done."""
        if self.tape:
            outcome = self.tape.pop(0)
        else:
            self.next = Effect(of=of, work=work)
            await Beat()
            outcome = self.next.carried_out()
        if outcome.well:
            return outcome.value
        raise outcome.value

    # The ledger

    async def post(self, command: Command) -> Any:
        """Post one command, as `Ledger.post` does."""
        return await self.effect("ledger", lambda: self.posted(command))

    async def states(self, _checkout_id: str) -> States:
        """Tell where the checkout stands, as `Watch.states` does."""
        return cast("States", await self.effect("ledger", self._states))

    def _states(self) -> States:
        row, payment = self.now.row, self.now.payment
        return States(
            status=row.status,
            reservation=row.reservation_state,
            payment=row.payment_state,
            payment_intent=payment.payment_intent if payment else None,
            payment_asked_for=any(
                operation.kind == "authorize" and operation.state != "failed"
                for operation in self.now.operations
            ),
        )

    def posted(self, command: Command) -> Any:
        """Answer a command as before, or decide it now. Raises Refused, KeyConflict or Broken."""
        key = command.key
        before = dict(self.now.answers).get(key or "")
        if before is not None:
            return replayed(command, json.loads(before))
        world = _world(self.now, self.shelf)
        try:
            change = rule(world, command)
        except Refused as refused:
            if command.remembers_refusal:
                self._remember(command, {"code": refused.code, "facts": refused.facts})
            raise
        world.apply(change)
        self._keep(world, frozenset(change.webhook_events))
        if change.refusal is not None:
            self._remember(command, {"code": change.refusal.code, "facts": change.refusal.facts})
            raise change.refusal
        self._remember(command, {"body": change.answer})
        return change.answer

    def _remember(self, command: Command, said: dict[str, Any]) -> None:
        if command.key is not None:
            said["print"] = command.fingerprint().hex()
            answers = {**dict(self.now.answers), command.key: json.dumps(said)}
            self.now = replace(self.now, answers=tuple(sorted(answers.items())))

    def _keep(self, world: World, events: frozenset[str]) -> None:
        before = self.now.held
        row = replace(world.stock[LAMP, BERLIN], sequence=0, hash=GENESIS_HASH, recorded_at=None)
        after = replace(
            self.now,
            checkout=world.checkouts[ADA],
            reservations=tuple(row for _, row in sorted(world.reservations.items())),
            payment=world.payments.get(ADA),
            operations=tuple(world.payment_operations.values()),
            refunds=tuple(world.refunds.values()),
            applied=self.now.applied | events,
        )
        ended = (ReservationState.RELEASED, ReservationState.EXPIRED)
        taken = self.now.intent is not None and self.now.intent.status is IntentStatus.SUCCEEDED
        if before is ReservationState.COMMITTING and after.held in ended and taken:
            raise BrokenPromiseError("stock given back though the money was taken")
        begun = after.row.status in LIVE and self.now.status not in LIVE
        if begun and RIVAL in self.shelf.cart and after.row.cart_id is not None:
            raise BrokenPromiseError("a cart may be paid by two checkouts")
        self.now = after
        self.shelf = replace(
            self.shelf,
            stock=row,
            claimed=world.claimed.get(("ada", LAMP), 0),
            cart=frozenset(world.live_carts.get((OWNER, BASKET), ())),
        )

    # The provider

    async def authorize(self, *, idempotency_key: str, **_asked: Any) -> ProviderPayment:
        """Open the payment."""
        return await self._asked(idempotency_key, self._opened)

    async def capture(self, *, idempotency_key: str, **_asked: Any) -> ProviderPayment:
        """Take the money; never without the fence."""
        return await self._asked(idempotency_key, self._taken)

    async def void(self, *, idempotency_key: str, **_asked: Any) -> ProviderPayment:
        """Give the authorization up; never while stock counts on it."""
        return await self._asked(idempotency_key, self._voided)

    async def refund(self, *, idempotency_key: str, **_asked: Any) -> ProviderRefund:
        """Give the money back; never while stock is on its way to the customer."""
        await self._asked(idempotency_key, self._refunded)
        return REFUND

    async def find_refund(self, *, idempotency_key: str, **_asked: Any) -> ProviderRefund | None:
        """Show what was refunded under a key, if anything was."""

        def found() -> ProviderRefund | None:
            told = dict(self.now.told).get(idempotency_key)
            return REFUND if told is not None and told.well else None

        return cast("ProviderRefund | None", await self.effect("provider", found))

    async def look_up_refund(self, **_asked: Any) -> ProviderRefund:
        """Show it as done."""
        return cast("ProviderRefund", await self.effect("provider", lambda: REFUND))

    async def look_up(self, **_asked: Any) -> ProviderPayment:
        """Show how things stand."""
        return cast("ProviderPayment", await self.effect("provider", self._shown))

    async def _asked(self, key: str, work: Callable[[], ProviderPayment]) -> ProviderPayment:
        """Answer the same under the same key, yes and no alike."""

        def once() -> ProviderPayment:
            told = dict(self.now.told)
            if key not in told:
                try:
                    told[key] = Outcome.of(True, work())
                except Refusal as no:
                    told[key] = Outcome.of(False, PaymentRefused(no.code or "refused"))
                self.now = replace(self.now, told=tuple(told.items()))
            if told[key].well:
                return cast("ProviderPayment", told[key].value)
            raise told[key].value

        return cast("ProviderPayment", await self.effect("provider", once))

    def _opened(self) -> ProviderPayment:
        if self.now.intent is not None:
            raise BrokenPromiseError("a second payment")
        intent = Intent(
            intent_id="pi_1",
            client_secret="pi_1_secret",
            created=0,
            amount_minor=PRICE,
            currency="eur",
            capture_method=CaptureMethod.MANUAL,
            metadata={},
        )
        self.now = replace(self.now, intent=intent)
        return self._shown()

    def _taken(self) -> ProviderPayment:
        intent = self.now.intent
        there = intent is not None and intent.status is IntentStatus.REQUIRES_CAPTURE
        if there and self.now.held is not ReservationState.COMMITTING:
            raise BrokenPromiseError("captured without the fence")
        if any(key.split(":")[1] == "capture" for key, _ in self.now.told):
            raise BrokenPromiseError("captured under a second key")
        if there and self.now.refuses_capture:
            raise Refusal(402, "The bank says no.", code="card_declined")
        return self._decided(Capture(amount_minor=PRICE))

    def _voided(self) -> ProviderPayment:
        intent = self.now.intent
        there = intent is not None and intent.status in CANCELABLE
        if there and self.now.held in COUNTED_ON:
            raise BrokenPromiseError("voided while the stock counts on it")
        return self._decided(Cancel(at=0, reason=None))

    def _refunded(self) -> ProviderPayment:
        if self.now.held in COUNTED_ON:
            raise BrokenPromiseError("refunded while the stock counts on it")
        return self._decided(GiveBack(amount_minor=PRICE))

    def _decided(self, request: Any) -> ProviderPayment:
        assert self.now.intent is not None
        self.now = replace(self.now, intent=till(self.now.intent, request).intent)
        return self._shown()

    def _shown(self) -> ProviderPayment:
        intent = self.now.intent
        if intent is None:
            raise PaymentRefused("resource_missing")
        state = STATE_OF_STATUS[intent.status.value]
        declined = intent.decline is not None and state is ProviderState.REQUIRES_PAYMENT
        return ProviderPayment(
            payment_intent=intent.intent_id,
            checkout_id=ADA,
            state=state,
            amount_minor=intent.amount_minor,
            currency=intent.currency.upper(),
            authorized_minor=intent.authorized_minor if state is not ProviderState.VOIDED else 0,
            captured_minor=intent.captured_minor,
            refunded_minor=intent.refunded_minor,
            client_secret=intent.client_secret,
            decline_code="card_declined" if declined else None,
        )


def _world(now: Moment, common: Shelf) -> World:
    return World(
        now=NOON,
        stock={(LAMP, BERLIN): common.stock},
        products={LAMP: common.limit},
        locations={BERLIN: Location(location=BERLIN, priority=1, enabled=True)},
        checkouts={ADA: now.checkout} if now.checkout else {},
        reservations={row.reservation_id: row for row in now.reservations},
        order_lines=owed(now.reservation),
        payments={ADA: now.payment} if now.payment else {},
        payment_operations={operation.key: operation for operation in now.operations},
        refunds={refund.identity: refund for refund in now.refunds},
        live_carts={(OWNER, BASKET): set(common.cart)} if common.cart else {},
        claimed={} if common.limit is None else {("ada", LAMP): common.claimed},
    )
