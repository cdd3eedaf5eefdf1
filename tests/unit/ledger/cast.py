"""The people, the goods and the words of these tests: worlds made by hand, and the commands asked of them."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest

from ledger import ids
from ledger.checkouts import (
    Checkout,
    CheckoutLine,
    PaymentOperationKind,
    PaymentState,
    Reservation,
    ReservationLine,
    ReservationState,
    Status,
)
from ledger.commands import (
    CancelOrder,
    ChangePause,
    Command,
    Confirm,
    DoubtCapture,
    Expire,
    FailPaymentOperation,
    Fence,
    OpenCheckout,
    Quantity,
    Receive,
    RecordPayment,
    RecordRefund,
    Release,
    Reserve,
    SeenPayment,
    StartPaymentOperation,
    StartRefund,
)
from ledger.errors import Refused
from ledger.refunds import WHOLE, ShownRefund
from ledger.rules import decide
from ledger.stock import Stock
from ledger.world import Change, Location, World

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LAMP, TEAPOT, RUG = "brass-lamp", "blue-teapot", "long-rug"
BERLIN, MUNICH = "BER1", "MUC1"
ADA = "co_ada"
"""The checkout most tests are about; the customer behind it is `ada`."""
PRICE = 4_900
CURRENCY = "EUR"
TTL_SECONDS = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the provider shows of a payment, by default without any money in it."""

    state: PaymentState
    authorized: int = 0
    captured: int = 0
    refunded: int = 0
    intent: str | None = None
    amount: int | None = None
    currency: str = CURRENCY


# Goods and places


def stock(sku: str = LAMP, location: str = BERLIN, *, sellable: int = 0, **more: int) -> Stock:
    """Make a row whose units all came from supply, so that its piles sum to zero."""
    inside = sellable + sum(more.values())
    row = Stock(sku=sku, location=location, sellable=sellable, supply=-inside)
    return replace(row, **more)  # type: ignore[arg-type]


def world(*rows: Stock, limits: dict[str, int] | None = None, disabled: str = "") -> World:
    """Make a world of these rows: their skus and locations exist, Berlin serves before Munich."""
    limits = limits or {}
    priorities = {BERLIN: 10, MUNICH: 20}
    return World(
        now=NOON,
        stock={(row.sku, row.location): row for row in rows},
        products={row.sku: limits.get(row.sku) for row in rows},
        locations={
            row.location: Location(
                location=row.location,
                priority=priorities.get(row.location, 100),
                enabled=row.location != disabled,
            )
            for row in rows
        },
    )


def checkout(name: str = ADA, **fields: object) -> Checkout:
    """Make a checkout row as it is when it has just been opened."""
    return Checkout(
        **{
            "checkout_id": name,
            "owner": "storefront",
            "customer_id": name.removeprefix("co_"),
            "cart_id": None,
            "lines": (),
            "total_minor": PRICE,
            "currency": CURRENCY,
            "ttl_seconds": TTL_SECONDS,
            **fields,
        }  # type: ignore[arg-type]
    )


def reservation(
    state: ReservationState, *lines: tuple[str, str, int], of: str = ADA, extension: int = 0
) -> Reservation:
    """Make a reservation in this state."""
    return Reservation(
        reservation_id=f"{of}/1",
        checkout_id=of,
        state=state,
        lines=tuple(ReservationLine(sku=s, location=p, quantity=q) for s, p, q in lines),
        extension=extension,
        expires_at=NOON,
    )


# Asking


def do(world_: World, command: Command) -> Change:
    """Decide and carry out."""
    change = decide(world_, command)
    world_.apply(change)
    return change


def refusal(world_: World, command: Command) -> Refused:
    """Give the no, raised or remembered as an answer, and see that asking changed nothing."""
    before = copy.deepcopy((world_.stock, world_.checkouts, world_.reservations, world_.payments))
    try:
        change = decide(world_, command)
    except Refused as refused:
        assert before == (world_.stock, world_.checkouts, world_.reservations, world_.payments)
        return refused
    if change.refusal is None:
        pytest.fail(f"accepted: {command}")
    return change.refusal


# Commands


def receive(
    quantity: int,
    sku: str = LAMP,
    location: str = BERLIN,
    *,
    receipt: str = "r-1",
    actor: str = "dock",
    occurred_at: datetime | None = None,
) -> Receive:
    """Goods of one sku come in."""
    return Receive(
        actor=actor,
        receipt_id=receipt,
        location=location,
        lines=(Quantity(sku=sku, quantity=quantity),),
        occurred_at=occurred_at,
    )


def pause(sku: str = LAMP, location: str = BERLIN, reason: str = "operator") -> ChangePause:
    """Stop the sale of a row."""
    return ChangePause(actor="olga", sku=sku, location=location, reason=reason, paused=True)


def resume(sku: str = LAMP, location: str = BERLIN, reason: str = "operator") -> ChangePause:
    """Take one reason away."""
    return ChangePause(actor="olga", sku=sku, location=location, reason=reason, paused=False)


def open_checkout(
    name: str = ADA,
    *,
    customer: str | None = None,
    cart: str | None = None,
    lines: dict[str, int] | None = None,
    actor: str = "storefront",
    body: str = "the body",
) -> OpenCheckout:
    """Begin a checkout of one lamp, or of these lines."""
    wanted = lines or {LAMP: 1}
    return OpenCheckout(
        actor=actor,
        checkout_id=name,
        owner="storefront",
        customer_id=customer or name.removeprefix("co_"),
        cart_id=cart,
        lines=tuple(
            CheckoutLine(sku=sku, quantity=quantity, price_minor=PRICE)
            for sku, quantity in wanted.items()
        ),
        total_minor=PRICE * sum(wanted.values()),
        currency=CURRENCY,
        ttl_seconds=TTL_SECONDS,
        request_fingerprint=body,
    )


def reserve(
    name: str = ADA, lines: dict[str, int] | None = None, *, actor: str = "workflow"
) -> Reserve:
    """Hold one lamp, or these lines."""
    wanted = lines or {LAMP: 1}
    return Reserve(
        actor=actor,
        reservation_id=f"{name}/1",
        lines=tuple(Quantity(sku=sku, quantity=quantity) for sku, quantity in wanted.items()),
    )


def release(
    name: str = ADA,
    *,
    ending: Status = Status.CANCELLED,
    compensating: bool = False,
    actor: str = "workflow",
    reason: str = "customer",
) -> Release:
    """Give the hold back."""
    return Release(
        actor=actor,
        reservation_id=f"{name}/1",
        ending=ending,
        reason=reason,
        compensating=compensating,
    )


def expire(name: str = ADA, extension: int = 0, actor: str = "reaper") -> Expire:
    """Say that the time is over."""
    return Expire(actor=actor, reservation_id=f"{name}/1", extension=extension)


def fence(name: str = ADA) -> Fence:
    """Commit the hold to the sale."""
    return Fence(actor="workflow", reservation_id=f"{name}/1")


def confirm(name: str = ADA) -> Confirm:
    """Place the order."""
    return Confirm(actor="workflow", reservation_id=f"{name}/1")


def cancel_order(name: str = ADA) -> CancelOrder:
    """Take the paid order back."""
    return CancelOrder(actor="ada", order_id=name, reason="customer")


def start(kind: PaymentOperationKind, name: str = ADA) -> StartPaymentOperation | StartRefund:
    """Write down what the provider will be asked: of a refund, for all that is owed."""
    if kind is PaymentOperationKind.REFUND:
        return StartRefund(actor="workflow", checkout_id=name)
    return StartPaymentOperation(actor="workflow", checkout_id=name, kind=kind)


def refund(
    shown: ShownRefund, name: str = ADA, *, part: str = WHOLE, ordinal: int = 1, escalate: int = 0
) -> RecordRefund:
    """Say what the provider shows of a refund."""
    failed = shown is ShownRefund.FAILED
    return RecordRefund(
        actor="workflow",
        checkout_id=name,
        refund_id=part,
        operation_key=ids.refund_key(name, part, ordinal),
        shown=shown,
        provider_refund=None if failed else f"re_{name}",
        code="expired_or_canceled_card" if failed else None,
        escalate_after=escalate,
    )


def fail(
    kind: PaymentOperationKind, name: str = ADA, *, code: str = "card_declined"
) -> FailPaymentOperation | RecordRefund:
    """Say that the provider proved it did not do it."""
    if kind is PaymentOperationKind.REFUND:
        return refund(ShownRefund.FAILED, name)
    return FailPaymentOperation(actor="workflow", checkout_id=name, kind=kind, code=code)


def doubt(name: str = ADA) -> DoubtCapture:
    """Say that the answer to the capture was lost."""
    return DoubtCapture(actor="workflow", checkout_id=name)


def record(
    seen: Seen,
    name: str = ADA,
    *,
    proves: PaymentOperationKind | None = None,
    events: tuple[str, ...] = (),
) -> RecordPayment | RecordRefund:
    """Store what the provider shows; what proves a refund is shown of the refund itself."""
    if proves is PaymentOperationKind.REFUND:
        return refund(ShownRefund.SUCCEEDED, name)
    return RecordPayment(
        actor="provider",
        checkout_id=name,
        seen=SeenPayment(
            payment_intent=seen.intent or f"pi_{name}",
            state=seen.state,
            amount_minor=PRICE if seen.amount is None else seen.amount,
            currency=seen.currency,
            authorized_minor=seen.authorized,
            captured_minor=seen.captured,
            refunded_minor=seen.refunded,
        ),
        proves=proves,
        webhook_events=events,
    )


# Chapters of the story


UNPAID = Seen(state=PaymentState.REQUIRES_PAYMENT)
AUTHORIZED = Seen(state=PaymentState.AUTHORIZED, authorized=PRICE)
CAPTURED = Seen(state=PaymentState.CAPTURED, authorized=PRICE, captured=PRICE)
REFUNDED = Seen(state=PaymentState.REFUNDED, authorized=PRICE, captured=PRICE, refunded=PRICE)
VOIDED = Seen(state=PaymentState.VOIDED, authorized=PRICE)

_A, _C = PaymentOperationKind.AUTHORIZE, PaymentOperationKind.CAPTURE


def commands_to_hold(name: str = ADA) -> list[Command]:
    """Open and hold one lamp."""
    return [open_checkout(name), reserve(name)]


def commands_to_authorize(name: str = ADA) -> list[Command]:
    """And then the customer authorizes the payment."""
    return [*commands_to_hold(name), start(_A, name), record(AUTHORIZED, name, proves=_A)]


def commands_to_fence(name: str = ADA) -> list[Command]:
    """And then the final validation."""
    return [*commands_to_authorize(name), fence(name)]


def commands_to_capture(name: str = ADA) -> list[Command]:
    """And then the money is taken."""
    return [*commands_to_fence(name), start(_C, name), record(CAPTURED, name, proves=_C)]


def commands_to_confirm(name: str = ADA) -> list[Command]:
    """And then the order is placed."""
    return [*commands_to_capture(name), confirm(name)]


def told(commands: list[Command], quantity: int = 3) -> World:
    """Give the world after these commands, that began with some lamps in Berlin."""
    shop = world(stock(sellable=quantity))
    for command in commands:
        do(shop, command)
    return shop
