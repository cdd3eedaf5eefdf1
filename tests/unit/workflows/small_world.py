"""A shop of one lamp in memory: the real steps over the real rules and the simulator's own decisions.

Only what waits is left out. An attempt can be cut off between two effects; everything is a value.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, cast

from temporalio.exceptions import ApplicationError

from activities.messages import CartLine, StepInput, StepResult
from activities.payments import PaymentSteps
from activities.refunds import RefundSteps
from activities.stock import StockSteps
from activities.strides import Strides
from ledger import ids
from ledger.checkouts import (
    Checkout,
    CheckoutLine,
    Payment,
    PaymentOperation,
    Reservation,
    ReservationState,
    Status,
)
from ledger.commands import Command
from ledger.errors import KeyConflict, LedgerError, Refused
from ledger.posting import Ledger
from ledger.refunds import Refund
from ledger.rules import decide as rule
from ledger.stock import GENESIS_HASH, Stock
from ledger.watch import States, Watch
from ledger.world import Location, World
from payments.errors import PaymentError, PaymentRefused
from payments.provider import PaymentProvider
from payments.simulator.intents import (
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
from tests.unit.workflows.small_orders import owed
from workflows.steps import Command as StepCommand
from workflows.steps import Done, Step

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LAMP, BERLIN, ADA = "brass-lamp", "BER1", "co_ada"
HOLD = ids.reservation_id(ADA)
PRICE = 4_900
LISTENING = (Status.RESERVING, Status.AWAITING_PAYMENT)
GIVEN_BACK = ProviderRefund(
    refund_id="re_1", payment_intent="pi_1", amount_minor=PRICE, state=RefundState.SUCCEEDED
)
PAID_FOR = ("payment_intent.amount_capturable_updated", "payment_intent.succeeded")


class BrokenPromiseError(BaseException):
    """A promise of the house was broken at this very moment. No step can catch it."""


class AttemptCut(Exception):
    """The attempt's worker is gone."""


class Beat:
    """A moment in which an attempt can be cut off."""

    def __await__(self) -> Generator[None]:
        """Stop for a moment."""
        yield


Outcome = tuple[bool, Any]
"""Whether an effect gave a value or an error, and which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Everything that lasts: the ledger's rows and answers, and the provider's."""

    stock: Stock
    checkout: Checkout
    reservations: tuple[Reservation, ...] = ()
    payment: Payment | None = None
    operations: tuple[PaymentOperation, ...] = ()
    refunds: tuple[Refund, ...] = ()
    answers: tuple[tuple[str, str], ...] = ()
    """What was answered under each operation key, as JSON."""
    intent: Intent | None = None
    told: tuple[tuple[str, tuple[Outcome, ...]], ...] = ()
    """What the provider answered under each idempotency key."""
    applied: frozenset[str] = frozenset()

    @property
    def reservation(self) -> Reservation | None:
        """The newest."""
        return self.reservations[-1] if self.reservations else None

    @property
    def held(self) -> ReservationState:
        """Tell where the hold stands."""
        return self.checkout.reservation_state


def opening(*, stock: int = 1) -> Moment:
    """Give the moment in which the row of a checkout of one lamp has been committed."""
    return Moment(
        stock=Stock(sku=LAMP, location=BERLIN, sellable=stock, supply=-stock),
        checkout=Checkout(
            checkout_id=ADA,
            owner="storefront",
            customer_id="ada",
            cart_id=None,
            lines=(CheckoutLine(sku=LAMP, quantity=1, price_minor=PRICE),),
            total_minor=PRICE,
            currency="EUR",
            ttl_seconds=900,
        ),
    )


@dataclass
class Shop:
    """One attempt's way to the ledger and the provider, from a moment on."""

    now: Moment
    tape: list[Outcome] = field(default_factory=list)
    """What the attempt has seen already, where it goes on after a pause."""
    seen: list[Outcome] = field(default_factory=list)

    async def effect(self, work: Callable[[], Any]) -> Any:
        """Do something, with a moment before it and one before its answer is there."""
        if self.tape:
            outcome = self.tape.pop(0)
            self.seen.append(outcome)
        else:
            await Beat()
            try:
                outcome = (True, work())
            except (LedgerError, PaymentError) as error:
                outcome = (False, error)
            self.seen.append(outcome)
            await Beat()
        if outcome[0]:
            return outcome[1]
        raise outcome[1]

    # The ledger

    async def post(self, command: Command) -> Any:
        """Post one command, as `Ledger.post` does."""
        return await self.effect(lambda: self._posted(command))

    async def states(self, _checkout_id: str) -> States:
        """Tell where the checkout stands, as `Watch.states` does."""
        return cast("States", await self.effect(self._states))

    def _states(self) -> States:
        row, payment = self.now.checkout, self.now.payment
        return States(
            status=row.status,
            reservation=row.reservation_state,
            payment=row.payment_state,
            payment_intent=payment.payment_intent if payment else None,
            payment_asked_for=any(
                operation.kind == "authorize" for operation in self.now.operations
            ),
        )

    def _posted(self, command: Command) -> Any:
        key = command.key
        before = dict(self.now.answers).get(key or "")
        if before is not None:
            return self._replayed(command, json.loads(before))
        world = _world(self.now)
        change = rule(world, command)
        world.apply(change)
        self._keep(world, frozenset(change.webhook_events))
        if key is not None:
            refused = change.refusal
            said: dict[str, Any] = {"code": refused.code} if refused else {"body": change.answer}
            said["print"] = command.fingerprint().hex()
            answers = {**dict(self.now.answers), key: json.dumps(said)}
            self.now = replace(self.now, answers=tuple(sorted(answers.items())))
        if change.refusal is not None:
            raise change.refusal
        return change.answer

    def _replayed(self, command: Command, said: dict[str, Any]) -> Any:
        if said["print"] != command.fingerprint().hex():
            raise KeyConflict("key-reused", key=command.key)
        if "code" in said:
            raise Refused(said["code"])
        return said["body"]

    def _keep(self, world: World, events: frozenset[str]) -> None:
        before = self.now.held
        row = replace(world.stock[LAMP, BERLIN], sequence=0, hash=GENESIS_HASH, recorded_at=None)
        after = replace(
            self.now,
            stock=row,
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
        self.now = after

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
        return GIVEN_BACK

    async def look_up_refund(self, **_asked: Any) -> ProviderRefund:
        """Show it as done."""
        return cast("ProviderRefund", await self.effect(lambda: GIVEN_BACK))

    async def look_up(self, **_asked: Any) -> ProviderPayment:
        """Show how things stand."""
        return cast("ProviderPayment", await self.effect(self._shown))

    async def _asked(self, key: str, work: Callable[[], ProviderPayment]) -> ProviderPayment:
        """Answer the same under the same key, yes and no alike."""

        def once() -> ProviderPayment:
            told = dict(self.now.told)
            if key not in told:
                try:
                    outcome: Outcome = (True, work())
                except Refusal as no:
                    outcome = (False, PaymentRefused(no.code or "refused"))
                told[key] = (outcome,)
                self.now = replace(self.now, told=tuple(told.items()))
            ((well, said),) = told[key]
            if well:
                return cast("ProviderPayment", said)
            raise said

        return cast("ProviderPayment", await self.effect(once))

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
        if self.now.held is not ReservationState.COMMITTING:
            raise BrokenPromiseError("captured without the fence")
        return self._decided(Capture(amount_minor=PRICE))

    def _voided(self) -> ProviderPayment:
        if self.now.held in (ReservationState.HELD, ReservationState.COMMITTING):
            raise BrokenPromiseError("voided while the stock counts on it")
        return self._decided(Cancel(at=0, reason=None))

    def _refunded(self) -> ProviderPayment:
        if self.now.held in (ReservationState.HELD, ReservationState.COMMITTING):
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


def _world(now: Moment) -> World:
    return World(
        now=NOON,
        stock={(LAMP, BERLIN): now.stock},
        products={LAMP: None},
        locations={BERLIN: Location(location=BERLIN, priority=1, enabled=True)},
        checkouts={ADA: now.checkout},
        reservations={row.reservation_id: row for row in now.reservations},
        order_lines=owed(now.reservation),
        payments={ADA: now.payment} if now.payment else {},
        payment_operations={operation.key: operation for operation in now.operations},
        refunds={refund.identity: refund for refund in now.refunds},
    )


# Steps


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt of a step, as far as it has come: what it has seen so far."""

    command: StepCommand
    tape: tuple[Outcome, ...] = ()
    gone: bool = False
    """True where its worker died: it will not go on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What an attempt left behind. `done` is None where it failed or was cut off."""

    now: Moment
    done: Done | None = None
    rest: Attempt | None = None
    """The attempt as it would go on, where it was cut off."""


def attempt(
    now: Moment, begun: Attempt, *, beats: int | None = None, strides: bool = True
) -> Tried:
    """Run an attempt to its end or, with `beats`, only that far. Raises AttemptCut past its end.

    Without `strides` a step never goes on to the next, as where something is in its way.
    """
    shop = Shop(now, tape=list(begun.tape))
    running = _coroutine(shop, begun.command, strides=strides)
    left = beats
    try:
        while True:
            running.send(None)
            if left is not None:
                left -= 1
                if left == 0:
                    running.close()
                    rest = Attempt(command=begun.command, tape=tuple(shop.seen))
                    return Tried(now=shop.now, rest=rest)
    except StopIteration as end:
        if left is not None:
            raise AttemptCut from None
        return Tried(now=shop.now, done=_done(begun.command, end.value))
    except ApplicationError:
        if left is not None:
            raise AttemptCut from None
        return Tried(now=shop.now)


def _coroutine(
    shop: Shop, command: StepCommand, *, strides: bool
) -> Coroutine[Any, Any, StepResult]:
    ledger, watch = cast("Ledger", shop), cast("Watch", shop)
    provider = cast("PaymentProvider", shop)
    stock, money = StockSteps(ledger, watch), PaymentSteps(ledger, watch, provider)
    back = RefundSteps(ledger, provider, escalate_after=0)
    alone = {Step.RESERVE_STOCK: stock.reserve_stock, Step.ACCEPT_PAYMENT: money.accept_payment}
    hands = (Strides(stock, money), stock, money, back)
    (step, *_) = [named for hand in hands if (named := getattr(hand, command.step.value, None))]
    if not strides:
        step = alone.get(command.step, step)
    wants = command.step in (Step.RESERVE_STOCK, Step.REACQUIRE_STOCK)
    lines = (CartLine(sku=LAMP, quantity=1),) if wants else ()
    told = StepInput(
        checkout_id=ADA,
        lines=lines,
        ending=command.ending,
        reason=command.reason,
        compensating=command.compensating,
        extension=command.extension,
        seconds=command.seconds,
        ordinal=command.ordinal,
        rescuing=command.rescuing,
        webhook_events=command.webhook_events,
    )
    return cast("Coroutine[Any, Any, StepResult]", step(told))


def _done(command: StepCommand, result: StepResult) -> Done:
    return Done(
        step=command.step,
        status=Status(result.status),
        code=result.code,
        reservation=ReservationState(result.reservation) if result.reservation else None,
        declined=result.declined,
        extension=result.extension,
        asks_too=command.step is Step.RESERVE_STOCK and result.status == Status.RESERVING,
    )
