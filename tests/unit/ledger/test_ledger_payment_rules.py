"""What may be asked of the provider when, and how what it shows is stored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from ledger.checkouts import (
    NOT_DONE,
    PaymentOperationKind,
    PaymentOperationState,
    PaymentState,
    Status,
)
from ledger.commands import Command
from ledger.world import World
from tests.unit.ledger import cast
from tests.unit.ledger.cast import (
    ADA,
    AUTHORIZED,
    CAPTURED,
    PRICE,
    REFUNDED,
    UNPAID,
    VOIDED,
    Seen,
    do,
    record,
    refusal,
    start,
    told,
)
from tests.unit.ledger.holds import Fault

AUTHORIZE, CAPTURE, VOID, REFUND = PaymentOperationKind


def payment_of(shop: World) -> PaymentState:
    """Say what is known of Ada's money; the checkout and the payment always agree."""
    assert shop.checkouts[ADA].payment_state is shop.payments[ADA].state
    return shop.payments[ADA].state


def spoil_payment(**fields: object) -> Fault:
    """Change what is stored of Ada's payment."""

    def spoil(shop: World) -> None:
        if ADA in shop.payments:
            shop.payments[ADA] = replace(shop.payments[ADA], **fields)  # type: ignore[arg-type]

    return spoil


# Asking


def test_what_is_asked_is_written_down_first() -> None:
    """Under a key of the checkout's, with the amount of the whole cart."""
    shop = told([*cast.commands_to_hold(), start(AUTHORIZE)])
    operation = shop.payment_operations[f"{ADA}:authorize:1"]
    assert (operation.state, operation.amount_minor) == (PaymentOperationState.REQUESTED, PRICE)
    assert payment_of(shop) is PaymentState.NONE


def test_a_capture_needs_the_fence_each_time_it_is_asked_for() -> None:
    """Whoever woke up late must not ask for it once more when the stock was given back meanwhile."""
    shop = told([*cast.commands_to_fence(), start(CAPTURE), record(CAPTURED)])
    again = do(shop, start(CAPTURE)).answer
    do(shop, cast.release(ending=Status.DECLINED, compensating=True))
    refused = refusal(shop, start(CAPTURE))
    assert again["asked_before"] is True
    assert (refused.code, refused.facts["status"]) == ("not-now", Status.REFUND_PENDING)


def test_asking_again_answers_the_same_key() -> None:
    """Even after it has succeeded: whoever repeats must not invent a second one."""
    shop = told(cast.commands_to_authorize())
    before = dict(shop.payment_operations)
    change = do(shop, start(AUTHORIZE))
    assert (change.answer["key"], change.answer["state"]) == (f"{ADA}:authorize:1", "succeeded")
    assert change.answer["payment_intent"] == f"pi_{ADA}"
    assert shop.payment_operations == before


@pytest.mark.parametrize(
    ("kind", "before", "payment"),
    [
        (CAPTURE, cast.commands_to_fence(), PaymentState.CAPTURING),
        (VOID, [*cast.commands_to_authorize(), cast.release()], PaymentState.VOIDING),
        (REFUND, [*cast.commands_to_confirm(), cast.cancel_order()], PaymentState.REFUNDING),
    ],
)
def test_money_moves_only_once_the_stock_has(
    kind: PaymentOperationKind, before: list[Command], payment: PaymentState
) -> None:
    """A capture behind the fence; a void or a refund once the stock is given up."""
    shop = told(before)
    do(shop, start(kind))
    assert payment_of(shop) is payment


@pytest.mark.parametrize(
    ("kind", "before"),
    [
        (AUTHORIZE, cast.commands_to_fence()),
        (AUTHORIZE, cast.commands_to_confirm()),
        (CAPTURE, cast.commands_to_hold()),
        (CAPTURE, cast.commands_to_authorize()),
        (CAPTURE, [*cast.commands_to_authorize(), cast.expire()]),
        (CAPTURE, cast.commands_to_confirm()),
        (VOID, cast.commands_to_authorize()),
        (VOID, cast.commands_to_fence()),
        (VOID, cast.commands_to_confirm()),
    ],
)
def test_what_it_is_not_the_time_for_is_refused(
    kind: PaymentOperationKind, before: list[Command]
) -> None:
    """`not-now`, with where both stand."""
    shop = told(before)
    shop.payment_operations.clear()
    refused = refusal(shop, start(kind))
    assert (refused.code, refused.facts["status"]) == ("not-now", shop.checkouts[ADA].status)


def test_a_refund_of_money_never_taken_is_refused() -> None:
    """The status alone does not say that there is money to return."""
    shop = told([*cast.commands_to_confirm(), cast.cancel_order()])
    spoil_payment(state=PaymentState.REFUNDED)(shop)
    assert refusal(shop, start(REFUND)).facts["payment"] is PaymentState.REFUNDED


@pytest.mark.parametrize(
    "command",
    [start(CAPTURE), cast.doubt(), cast.fail(CAPTURE), record(AUTHORIZED)],
    ids=["start", "doubt", "fail", "record"],
)
def test_money_of_an_unknown_checkout_is_refused(command: Command) -> None:
    """Every rule of money refuses this first."""
    assert refusal(World(), command).code == "unknown-checkout"


def test_nobody_is_asked_to_pay_without_a_hold() -> None:
    """No customer is charged without stock, and `reserving` with a payment is in no table."""
    shop = told([cast.open_checkout()])
    assert refusal(shop, start(AUTHORIZE)).code == "not-now"


# Failing


def test_a_capture_that_was_refused_leaves_the_authorization() -> None:
    """And the operation keeps the provider's reason."""
    shop = told([*cast.commands_to_fence(), start(CAPTURE)])
    do(shop, cast.fail(CAPTURE))
    operation = shop.payment_operations[f"{ADA}:capture:1"]
    assert (operation.state, operation.code) == (PaymentOperationState.FAILED, "card_declined")
    assert payment_of(shop) is PaymentState.AUTHORIZED


@pytest.mark.parametrize(
    ("kind", "before", "payment"),
    [
        (VOID, [*cast.commands_to_authorize(), cast.release()], PaymentState.VOIDING),
        (REFUND, [*cast.commands_to_confirm(), cast.cancel_order()], PaymentState.CAPTURED),
    ],
)
def test_a_refused_void_or_refund_leaves_the_money_where_it_was(
    kind: PaymentOperationKind, before: list[Command], payment: PaymentState
) -> None:
    """To be asked for again: what must be voided goes on being voided, what was taken is still with us."""
    shop = told([*before, start(kind)])
    do(shop, cast.fail(kind))
    assert payment_of(shop) is payment


def test_an_operation_that_succeeded_does_not_fail_later() -> None:
    """A late answer of an earlier try says nothing against a proved success."""
    shop = told(cast.commands_to_capture())
    do(shop, cast.fail(CAPTURE))
    operation = shop.payment_operations[f"{ADA}:capture:1"]
    assert operation.state is PaymentOperationState.SUCCEEDED
    assert payment_of(shop) is PaymentState.CAPTURED


@pytest.mark.parametrize("kind", [CAPTURE, VOID, REFUND])
def test_what_was_never_asked_cannot_fail(kind: PaymentOperationKind) -> None:
    """Refused, so that a slip in a caller is seen."""
    assert refusal(told(cast.commands_to_authorize()), cast.fail(kind)).code == "unknown-operation"


# Not knowing


def test_a_capture_whose_answer_was_lost_is_unknown_until_it_is_shown() -> None:
    """The hold stays; asked again it is the same capture; what is shown then counts."""
    shop = told([*cast.commands_to_fence(), start(CAPTURE), cast.doubt()])
    unknown = payment_of(shop)
    again = do(shop, start(CAPTURE)).answer
    do(shop, record(CAPTURED, proves=CAPTURE))
    assert unknown is PaymentState.UNKNOWN
    assert (again["key"], again["asked_before"]) == (f"{ADA}:capture:1", True)
    assert shop.checkouts[ADA].status is Status.COMMITTING
    assert payment_of(shop) is PaymentState.CAPTURED


def test_an_authorization_still_shown_does_not_end_the_doubt() -> None:
    """The capture may be on its way; only a proof that it was not done does."""
    shop = told([*cast.commands_to_fence(), start(CAPTURE), cast.doubt()])
    do(shop, record(AUTHORIZED))
    shown = payment_of(shop)
    do(shop, cast.fail(CAPTURE))
    assert (shown, payment_of(shop)) == (PaymentState.UNKNOWN, PaymentState.AUTHORIZED)


@pytest.mark.parametrize(
    ("before", "state"),
    [
        (cast.commands_to_capture(), PaymentState.CAPTURED),
        ([*cast.commands_to_fence(), start(CAPTURE), cast.fail(CAPTURE)], PaymentState.AUTHORIZED),
    ],
)
def test_what_is_known_is_not_doubted(before: list[Command], state: PaymentState) -> None:
    """The lost answer was to an earlier try."""
    shop = told([*before, cast.doubt()])
    assert payment_of(shop) is state


def test_a_capture_never_asked_for_cannot_be_doubted() -> None:
    """Refused, so that a slip in a caller is seen."""
    assert refusal(told(cast.commands_to_fence()), cast.doubt()).code == "unknown-operation"


@pytest.mark.parametrize(
    ("kind", "before"),
    [
        (AUTHORIZE, cast.commands_to_hold()),
        (CAPTURE, cast.commands_to_fence()),
        (VOID, [*cast.commands_to_authorize(), cast.release()]),
    ],
)
def test_what_was_never_begun_is_asked_again_under_another_key(
    kind: PaymentOperationKind, before: list[Command]
) -> None:
    """A provider answers the same error to the same key for ever."""
    shop = told([*before, start(kind), cast.fail(kind, code=NOT_DONE)])
    again = do(shop, start(kind)).answer
    assert (again["key"], again["asked_before"]) == (f"{ADA}:{kind}:2", False)


def test_a_capture_that_was_declined_is_not_asked_again() -> None:
    """The bank has said no: another key would be another try at the customer's money."""
    shop = told([*cast.commands_to_fence(), start(CAPTURE), cast.fail(CAPTURE)])
    again = do(shop, start(CAPTURE)).answer
    assert (again["key"], again["state"]) == (f"{ADA}:capture:1", "failed")


# Recording


RECORD_FAULTS: list[tuple[str, Fault]] = [
    ("unknown-checkout", lambda shop: shop.checkouts.clear()),
    ("unknown-payment", lambda shop: shop.payments.clear()),
    ("other-payment", spoil_payment(payment_intent="pi_of_eve")),
    ("amount-mismatch", spoil_payment(amount_minor=PRICE + 1)),
    ("payment-voided", lambda _: None),
]


@pytest.mark.parametrize("index", range(len(RECORD_FAULTS)), ids=[c for c, _ in RECORD_FAULTS])
def test_recording_refuses_in_its_documented_order(index: int) -> None:
    """The first fault in the list answers, whatever comes behind it."""
    shop = told([*cast.commands_to_hold(), start(AUTHORIZE), record(UNPAID)])
    for _, spoil in reversed(RECORD_FAULTS[index:]):
        spoil(shop)
    assert refusal(shop, record(VOIDED)).code == RECORD_FAULTS[index][0]


def test_another_currency_is_another_amount() -> None:
    """4900 of something else is not what we asked for."""
    shop = told([*cast.commands_to_hold(), start(AUTHORIZE)])
    odd = replace(AUTHORIZED, currency="JPY")
    assert refusal(shop, record(odd)).code == "amount-mismatch"


def test_the_first_sight_of_a_payment_opens_the_time_to_pay() -> None:
    """From here the customer is asked."""
    shop = told([*cast.commands_to_hold(), start(AUTHORIZE), record(UNPAID, proves=AUTHORIZE)])
    assert shop.checkouts[ADA].status is Status.AWAITING_PAYMENT
    assert shop.payment_operations[f"{ADA}:authorize:1"].state is PaymentOperationState.SUCCEEDED


@pytest.mark.parametrize(
    ("before", "late"),
    [
        (cast.commands_to_authorize(), UNPAID),
        (cast.commands_to_authorize(), Seen(state=PaymentState.PROCESSING)),
        ([*cast.commands_to_fence(), start(CAPTURE)], AUTHORIZED),
        (cast.commands_to_confirm(), AUTHORIZED),
        (cast.commands_to_confirm(), VOIDED),
        ([*cast.commands_to_confirm(), cast.cancel_order(), start(REFUND)], CAPTURED),
        ([*cast.commands_to_confirm(), cast.cancel_order(), record(REFUNDED)], CAPTURED),
        ([*cast.commands_to_authorize(), cast.expire(), record(VOIDED)], AUTHORIZED),
    ],
)
def test_news_from_the_past_changes_no_state(before: list[Command], late: Seen) -> None:
    """Webhooks arrive late, twice and out of order; the ledger only goes forward."""
    shop = told(before)
    payment, checkout = payment_of(shop), shop.checkouts[ADA]
    do(shop, record(late))
    assert payment_of(shop) is payment
    assert shop.checkouts[ADA] == checkout


def test_amounts_never_shrink() -> None:
    """A late picture of the authorization does not un-take the money."""
    shop = told([*cast.commands_to_confirm(), record(AUTHORIZED)])
    payment = shop.payments[ADA]
    assert (payment.authorized_minor, payment.captured_minor) == (PRICE, PRICE)


@pytest.mark.parametrize(
    "ending", [cast.expire(), cast.release(), cast.release(ending=Status.DECLINED)]
)
def test_money_that_comes_after_the_end_is_owed(ending: Command) -> None:
    """A late payment: nothing revives the hold."""
    shop = told([*cast.commands_to_authorize(), ending])
    do(shop, record(CAPTURED))
    assert shop.checkouts[ADA].status is Status.REFUND_PENDING


def test_a_returned_payment_ends_the_story() -> None:
    """Of a cancelled order, all of it."""
    shop = told([*cast.commands_to_confirm(), cast.cancel_order(), start(REFUND)])
    do(shop, record(REFUNDED, proves=REFUND))
    assert shop.checkouts[ADA].status is Status.REFUNDED


@pytest.mark.parametrize(
    "before", [cast.commands_to_authorize(), cast.commands_to_fence()], ids=["held", "committing"]
)
def test_a_lapsed_authorization_cannot_be_stored_under_a_living_hold(
    before: list[Command],
) -> None:
    """The checkout must be ended first, or it would wait for money that cannot come."""
    assert refusal(told(before), record(VOIDED)).code == "payment-voided"


def test_only_what_was_asked_is_proved() -> None:
    """A picture that settles an operation nobody wrote down settles nothing."""
    shop = told([*cast.commands_to_hold(), start(AUTHORIZE)])
    do(shop, record(AUTHORIZED, proves=CAPTURE))
    assert {o.state for o in shop.payment_operations.values()} == {PaymentOperationState.REQUESTED}


def test_applied_webhooks_are_told_from_waiting_ones() -> None:
    """The delivery loop repeats until the database shows it."""
    shop = told([*cast.commands_to_hold(), start(AUTHORIZE)])
    do(shop, record(AUTHORIZED, events=("evt_1", "evt_2")))
    assert shop.applied_events == {"evt_1": "applied", "evt_2": "applied"}


BACKWARDS: list[Callable[[], Seen]] = [
    lambda: Seen(state=PaymentState.NONE),
    lambda: Seen(state=PaymentState.FAILED),
]


@pytest.mark.parametrize("seen", BACKWARDS)
def test_an_unpaid_checkout_survives_whatever_the_provider_shows(
    seen: Callable[[], Seen],
) -> None:
    """A picture is stored or dropped or refused with a reason; it must not break the writer."""
    do(told([*cast.commands_to_hold(), start(AUTHORIZE), record(UNPAID)]), record(seen()))


def test_a_late_payment_first_seen_when_it_is_already_returned_is_refunded() -> None:
    """Taken after the end and given back by hand at the provider, before any word of it came through."""
    shop = told([*cast.commands_to_authorize(), cast.expire()])
    do(shop, record(REFUNDED))
    assert shop.checkouts[ADA].status is Status.REFUNDED


def test_a_void_that_failed_can_be_asked_again() -> None:
    """Otherwise the customer's money stays blocked until the authorization lapses."""
    shop = told([*cast.commands_to_authorize(), cast.release(), start(VOID)])
    do(shop, cast.fail(VOID))
    assert do(shop, start(VOID)).answer["state"] == "requested"


def test_a_capture_of_another_amount_places_no_order() -> None:
    """Somebody took one cent in the provider's dashboard: that does not buy a lamp."""
    shop = told(cast.commands_to_authorize())
    a_cent = Seen(state=PaymentState.CAPTURED, authorized=PRICE, captured=1)
    assert refusal(shop, record(a_cent)).code == "amount-mismatch"
