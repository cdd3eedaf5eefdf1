"""Wishes about sales and money, and what comes next in a sale where nothing goes wrong."""

from __future__ import annotations

from collections.abc import Sequence

from ledger.checkouts import NOT_DONE, CheckoutLine, PaymentOperationKind, PaymentState, Status
from ledger.commands import (
    CancelOrder,
    Command,
    Confirm,
    DoubtCapture,
    Expire,
    FailPaymentOperation,
    Fence,
    OpenCheckout,
    Quantity,
    RecordPayment,
    RecordRefund,
    Release,
    Reserve,
    SeenPayment,
    StartPaymentOperation,
    StartRefund,
)
from ledger.refunds import ShownRefund
from tests.simulation.model.books import Books
from tests.simulation.wishes.dice import CHECKOUTS, CUSTOMERS, SKUS, UNKNOWN_SKU, Dice

PRICE = 4_900
AUTHORIZE, CAPTURE, VOID, REFUND = PaymentOperationKind


def _one(books: Books, dice: Dice, states: Sequence[str], again: int = 3) -> str:
    """Name a checkout whose hold is in one of these states, if there is one, as a rule."""
    fitting = [
        name for name in CHECKOUTS if name in books.sales and books.hold_state(name) in states
    ]
    if fitting and not dice.one_in(again):
        return dice.of(fitting)
    return dice.of(CHECKOUTS)


def open_checkout(books: Books, dice: Dice, name: str) -> OpenCheckout:
    """Say that a cart is brought to the till, and now and then twice."""
    unopened = [name for name in CHECKOUTS if name not in books.sales]
    checkout = dice.of(unopened) if unopened and not dice.one_in(6) else dice.of(CHECKOUTS)
    lines = dice.cart()
    return opening(
        checkout, dice.of(CUSTOMERS), lines, dice.of((None, "c1", "c1", "c2", None)), dice
    )


def opening(
    checkout: str, customer: str, lines: dict[str, int], cart: str | None, dice: Dice
) -> OpenCheckout:
    """Write an opening, with lines as bad as the dice say."""
    wanted = list(lines.items())
    if dice.one_in(15):
        wanted = dice.of(([], [*wanted, *wanted], [(wanted[0][0], 0)]))
    return OpenCheckout(
        actor="storefront",
        checkout_id=checkout,
        owner="storefront",
        customer_id=customer,
        cart_id=cart,
        lines=tuple(CheckoutLine(sku=sku, quantity=n, price_minor=PRICE) for sku, n in wanted),
        total_minor=PRICE * max(1, sum(units for _, units in wanted)),
        currency="EUR",
        ttl_seconds=900,
        request_fingerprint="the body",
    )


def reserve(books: Books, dice: Dice, name: str) -> Reserve:
    """Units are held, as a rule for a checkout that has none."""
    waiting = [name for name, sale in sorted(books.sales.items()) if sale.status == "reserving"]
    unheld = [name for name in waiting if not books.sales[name].ordinal]
    checkout = dice.of(unheld) if unheld and not dice.one_in(5) else dice.of(CHECKOUTS)
    lines = dice.split(dice.cart())
    if dice.one_in(6):
        lines = dice.of(((Quantity(sku=UNKNOWN_SKU, quantity=1),), (), (*lines, *lines, *lines)))
    ordinal = dice.of((1, 1, 1, 1, 1, 2))
    return Reserve(actor="workflow", reservation_id=f"{checkout}/{ordinal}", lines=lines)


def release(books: Books, dice: Dice, name: str) -> Release | None:
    """Give a hold back; not while the money's fate is open."""
    checkout = _one(books, dice, dice.of((("held", "committing"), ("none",), ("held",))))
    return giving_back(books, dice, f"{checkout}/{dice.of((1, 1, 1, 1, 1, 2))}")


def giving_back(books: Books, dice: Dice, reservation: str) -> Release | None:
    """Write the end of a hold that fits its money; None while nobody knows where that is."""
    paid = books.paid(reservation.partition("/")[0])
    if paid in ("capturing", "unknown"):
        return None
    ending = dice.of((Status.CANCELLED, Status.DECLINED))
    return Release(
        actor="workflow",
        reservation_id=reservation,
        ending=Status.REFUND_PENDING if paid == "captured" else ending,
        reason="customer",
        compensating=dice.of((False, True)),
    )


def expire(books: Books, dice: Dice, name: str) -> Expire:
    """Say that a hold's time is over, as somebody remembers it."""
    checkout = _one(books, dice, ("held",))
    return Expire(actor="reaper", reservation_id=f"{checkout}/1", extension=dice.of((0, 0, 0, 1)))


def fence(books: Books, dice: Dice, name: str) -> Fence:
    """Ask for the final validation."""
    return Fence(actor="workflow", reservation_id=f"{_one(books, dice, ('held',))}/1")


def confirm(books: Books, dice: Dice, name: str) -> Confirm:
    """Say that the order is placed."""
    return Confirm(actor="workflow", reservation_id=f"{_one(books, dice, ('committing',))}/1")


def cancel_order(books: Books, dice: Dice, name: str) -> CancelOrder:
    """Say that the order is taken back."""
    order = _one(books, dice, ("confirmed",))
    return CancelOrder(actor="ada", order_id=order, reason="customer")


def start_payment(books: Books, dice: Dice, name: str) -> StartPaymentOperation | StartRefund:
    """Something is going to be asked of the provider: mostly what fits."""
    checkout = _one(books, dice, ("held", "committing", "released", "expired", "confirmed"))
    kind = dice.of(tuple(PaymentOperationKind))
    status = books.sales[checkout].status if checkout in books.sales else ""
    fitting = {"committing": CAPTURE, "refund_pending": REFUND, "reserving": AUTHORIZE}
    ended = VOID if status in ("declined", "cancelled", "expired") else kind
    if not dice.one_in(4):
        kind = fitting.get(status, ended)
    if kind is REFUND and not dice.one_in(8):
        return StartRefund(actor="workflow", checkout_id=checkout)
    return StartPaymentOperation(actor="workflow", checkout_id=checkout, kind=kind)


def fail_payment(books: Books, dice: Dice, name: str) -> FailPaymentOperation | RecordRefund:
    """Say that the provider did not do what it was asked last."""
    asked = [name for name in CHECKOUTS if name in books.money and books.money[name].asked]
    if not asked or dice.one_in(8):
        checkout, kind = dice.of(CHECKOUTS), dice.of(tuple(PaymentOperationKind))
    else:
        checkout = dice.of(asked)
        kind = PaymentOperationKind(books.money[checkout].asked[-1][0])
    of_a_debt = not dice.one_in(8) if kind is REFUND else dice.one_in(12)
    if of_a_debt:
        return refund(books, checkout, dice.of((ShownRefund.FAILED, ShownRefund.PENDING)))
    code = dice.of(("card_declined", NOT_DONE))
    return FailPaymentOperation(actor="workflow", checkout_id=checkout, kind=kind, code=code)


def doubt_capture(books: Books, dice: Dice, name: str) -> DoubtCapture:
    """Say that the answer to a capture was lost."""
    return DoubtCapture(actor="workflow", checkout_id=_one(books, dice, ("committing",)))


_PICTURES = {
    AUTHORIZE: (PaymentState.AUTHORIZED, PaymentState.REQUIRES_PAYMENT, PaymentState.PROCESSING),
    CAPTURE: (PaymentState.CAPTURED,),
    VOID: (PaymentState.VOIDED,),
    REFUND: (PaymentState.REFUNDED,),
}


def refund(books: Books, checkout: str, shown: ShownRefund) -> RecordRefund:
    """Say what the provider shows of the refund it was asked for last."""
    asked = books.money[checkout].asked if checkout in books.money else []
    ordinal = max(1, [kind for kind, _ in asked].count("refund"))
    return RecordRefund(
        actor="workflow",
        checkout_id=checkout,
        operation_key=f"{checkout}:refund:{ordinal}",
        shown=shown,
        code="declined" if shown is ShownRefund.FAILED else None,
    )


def record_payment(books: Books, dice: Dice, name: str) -> RecordPayment | RecordRefund:
    """Say that the provider shows what came of what it was asked last, or what was so some time ago."""
    asked = [name for name in CHECKOUTS if name in books.money]
    if not asked or dice.one_in(10):
        # Also of one that nobody knows; never money that nobody asked for.
        open_to_it = [name for name in CHECKOUTS if _may_be_authorized(books, name)]
        return seen(books, dice.of(open_to_it or ["co_nobody"]), PaymentState.AUTHORIZED)
    checkout = dice.of(asked)
    kinds = [PaymentOperationKind(kind) for kind, _ in books.money[checkout].asked]
    late, instant = dice.one_in(3), dice.one_in(12)
    kind = dice.of(kinds) if late else kinds[-1]
    state = dice.of(_PICTURES[kind])
    if instant and kind is AUTHORIZE:
        state = PaymentState.CAPTURED
    if kind is REFUND and not late:
        return refund(books, checkout, ShownRefund.SUCCEEDED)
    strange = dice.of(("", "", "", "", "", "", "", "amount", "intent", "lapsed"))
    return seen(
        books,
        checkout,
        PaymentState.VOIDED if strange == "lapsed" else state,
        proves=None if late else kind,
        short=int(strange == "amount"),
        intent="pi_other" if strange == "intent" else None,
    )


def _may_be_authorized(books: Books, checkout: str) -> bool:
    return checkout not in books.money or AUTHORIZE in [k for k, _ in books.money[checkout].asked]


def seen(
    books: Books,
    checkout: str,
    state: PaymentState,
    *,
    proves: PaymentOperationKind | None = None,
    short: int = 0,
    intent: str | None = None,
) -> RecordPayment:
    """Write what the provider shows: all of the amount, or nothing of it."""
    amount = (books.sales[checkout].total if checkout in books.sales else PRICE) - short
    taken = state in (PaymentState.CAPTURED, PaymentState.REFUNDED)
    return RecordPayment(
        actor="provider",
        checkout_id=checkout,
        proves=proves,
        seen=SeenPayment(
            payment_intent=intent or f"pi_{checkout}",
            state=state,
            amount_minor=amount,
            currency="EUR",
            authorized_minor=amount if taken or state is PaymentState.AUTHORIZED else 0,
            captured_minor=amount if taken else 0,
            refunded_minor=amount if state is PaymentState.REFUNDED else 0,
        ),
    )


def next_chapter(  # noqa: PLR0911 - a story has as many chapters as it has
    books: Books, checkout: str, dice: Dice
) -> Command | None:
    """Say what comes next in a sale where nothing goes wrong; None where it has ended."""
    sale = books.sales.get(checkout)
    if sale is None:
        cart = {sku: 1 for sku in SKUS if dice.one_in(2)} or {SKUS[0]: 2}
        return opening(checkout, dice.of(CUSTOMERS), cart, None, Dice([0]))
    reservation, hold, paid = f"{checkout}/1", books.hold_state(checkout), books.paid(checkout)
    asked = [kind for kind, _ in books.money[checkout].asked] if checkout in books.money else []
    if hold == "none" and sale.status == "reserving":
        there = {sku: sum(books.shelves[sku, p].available for p in books.places) for sku in SKUS}
        known = [sku for sku in SKUS if there[sku]]
        first = dice.of(range(len(SKUS)))
        sold = (known[first:] + known[:first])[: dice.of((1, 2, 3))]
        # All there is comes from every place that has some; one more is where a wrong ledger shows.
        lines = {sku: dice.of((1, 2, there[sku], 1, 2, there[sku] + 1)) for sku in sold}
        lines = lines or {SKUS[0]: 1}
        return Reserve(actor="workflow", reservation_id=reservation, lines=dice.split(lines))
    if hold == "held" and paid in ("none", "requires_payment", "processing"):
        if not asked:
            return StartPaymentOperation(actor="workflow", checkout_id=checkout, kind=AUTHORIZE)
        return seen(books, checkout, PaymentState.AUTHORIZED, proves=AUTHORIZE)
    if hold == "held":
        return Fence(actor="workflow", reservation_id=reservation)
    if hold == "committing" and paid == "authorized" and "capture" not in asked:
        return StartPaymentOperation(actor="workflow", checkout_id=checkout, kind=CAPTURE)
    if hold == "committing" and paid in ("authorized", "capturing", "unknown"):
        return seen(books, checkout, PaymentState.CAPTURED, proves=CAPTURE)
    if hold == "committing":
        return Confirm(actor="workflow", reservation_id=reservation)
    return None
