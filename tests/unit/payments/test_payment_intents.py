"""The simulator's rules of money: no sequence of requests makes or loses any."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import example, find, given
from hypothesis import strategies as some

from payments.simulator.intents import (
    Authenticate,
    Cancel,
    Capture,
    CaptureMethod,
    Confirm,
    EventKind,
    GiveBack,
    Intent,
    IntentStatus,
    Request,
    Settle,
    TakeBackRefund,
    decide,
)
from payments.simulator.payment_methods import PAYMENT_METHODS
from payments.simulator.refusals import Refusal

LAMP_MINOR = 4_900
VISA = Confirm(method=PAYMENT_METHODS["pm_card_visa"], charge_id="ch_visa")
DECLINED = Confirm(method=PAYMENT_METHODS["pm_card_chargeDeclined"], charge_id="ch_declined")
CHALLENGED = Confirm(
    method=PAYMENT_METHODS["pm_card_authenticationRequired"], charge_id="ch_challenged"
)

FOLLOWS = {
    IntentStatus.REQUIRES_PAYMENT_METHOD: set(IntentStatus) - {IntentStatus.REQUIRES_CONFIRMATION},
    IntentStatus.REQUIRES_ACTION: {
        IntentStatus.REQUIRES_PAYMENT_METHOD,
        IntentStatus.REQUIRES_CAPTURE,
        IntentStatus.SUCCEEDED,
        IntentStatus.CANCELED,
    },
    IntentStatus.PROCESSING: {IntentStatus.SUCCEEDED, IntentStatus.REQUIRES_PAYMENT_METHOD},
    IntentStatus.REQUIRES_CAPTURE: {IntentStatus.SUCCEEDED, IntentStatus.CANCELED},
    IntentStatus.SUCCEEDED: {IntentStatus.SUCCEEDED},
    IntentStatus.CANCELED: set(),
}
TOLD_ON = {
    IntentStatus.REQUIRES_PAYMENT_METHOD: EventKind.FAILED,
    IntentStatus.REQUIRES_CAPTURE: EventKind.AUTHORIZED,
    IntentStatus.SUCCEEDED: EventKind.SUCCEEDED,
    IntentStatus.CANCELED: EventKind.CANCELED,
    IntentStatus.PROCESSING: EventKind.PROCESSING,
}

# Around the bounds: amounts at large would hardly ever be a little too much.
amounts = some.sampled_from([1, 2_000, LAMP_MINOR - 1, LAMP_MINOR, LAMP_MINOR + 1])
requests = some.one_of(
    some.builds(
        Confirm,
        method=some.sampled_from(list(PAYMENT_METHODS.values())),
        charge_id=some.just("ch_any"),
    ),
    some.builds(Authenticate, passed=some.booleans(), charge_id=some.just("ch_any")),
    some.builds(Settle, paid=some.booleans()),
    some.builds(Capture, amount_minor=some.none() | amounts),
    some.builds(Cancel, at=some.just(1), reason=some.none()),
    some.builds(GiveBack, amount_minor=some.none() | amounts),
)
# Requests at random rarely get as far as a capture; most histories begin with one or two that do.
histories = some.builds(
    lambda beginning, rest: [*beginning, *rest],
    some.sampled_from([[], [VISA], [CHALLENGED], [VISA, Capture(amount_minor=2_000)]]),
    some.lists(requests, max_size=20),
)


def lamp(capture_method: CaptureMethod = CaptureMethod.MANUAL) -> Intent:
    """Open a payment for a lamp."""
    return Intent(
        intent_id="pi_lamp",
        client_secret="pi_lamp_secret",
        created=0,
        amount_minor=LAMP_MINOR,
        currency="eur",
        capture_method=capture_method,
        metadata={},
    )


def after(*asked: Request) -> Intent:
    """Carry out requests that must all succeed."""
    intent = lamp()
    for request in asked:
        intent = decide(intent, request).intent
    return intent


@example(CaptureMethod.MANUAL, [VISA, Capture(amount_minor=LAMP_MINOR + 1)])
@example(CaptureMethod.MANUAL, [VISA, Capture(amount_minor=2_000), GiveBack(amount_minor=2_001)])
@given(capture_method=some.sampled_from(CaptureMethod), asked=histories)
def test_money_adds_up_after_every_request(
    capture_method: CaptureMethod, asked: list[Request]
) -> None:
    """At every prefix: captured <= authorized, refunded <= captured, and only legal next states."""
    intent = lamp(capture_method)
    for request in asked:
        before = intent
        try:
            change = decide(intent, request)
        except Refusal as refusal:
            assert refusal.began  # noqa: PT017 - either is right
            continue
        intent = change.intent
        assert 0 <= intent.refunded_minor <= intent.captured_minor <= intent.authorized_minor
        assert intent.authorized_minor in {0, LAMP_MINOR}
        assert intent.captured_minor >= before.captured_minor
        assert (intent.captured_minor > 0) == (intent.status is IntentStatus.SUCCEEDED)
        assert intent.status in FOLLOWS[before.status]
        if intent.status is not before.status or change.decline is not None:
            expected = TOLD_ON.get(intent.status)
            assert change.events == (() if expected is None else (expected,))
        assert intent.amount_minor == LAMP_MINOR


@pytest.mark.parametrize("status", set(IntentStatus) - {IntentStatus.REQUIRES_CONFIRMATION})
def test_the_requests_tried_reach_every_state(status: IntentStatus) -> None:
    """Else the test above would prove nothing."""

    def reached(asked: list[Request]) -> bool:
        intent = lamp()
        for request in asked:
            with suppress(Refusal):
                intent = decide(intent, request).intent
        return intent.status is status

    assert len(find(some.lists(requests, max_size=6), reached)) <= 2


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ([VISA, Capture(amount_minor=LAMP_MINOR + 1)], "amount_too_large"),
        ([VISA, Capture(amount_minor=2_000), GiveBack(amount_minor=2_001)], None),
        (
            [VISA, Capture(amount_minor=9), GiveBack(amount_minor=9), GiveBack(amount_minor=1)],
            "charge_already_refunded",
        ),
    ],
)
def test_the_last_of_these_asks_for_too_much(asked: list[Request], code: str | None) -> None:
    """What was released by a partial capture cannot be given back either."""
    intent = after(*asked[:-1])

    with pytest.raises(Refusal) as refused:
        decide(intent, asked[-1])

    assert (refused.value.status, refused.value.code) == (400, code)


@pytest.mark.parametrize(
    "asked",
    [
        [Capture(amount_minor=None)],
        [VISA, VISA],
        [VISA, Capture(amount_minor=None), Capture(amount_minor=None)],
        [VISA, Capture(amount_minor=None), Cancel(at=1, reason=None)],
        [VISA, Cancel(at=1, reason=None), Capture(amount_minor=None)],
        [VISA, Cancel(at=1, reason=None), Cancel(at=1, reason=None)],
        [VISA, GiveBack(amount_minor=1)],
        [CHALLENGED, VISA],
        [DECLINED, Authenticate(passed=True, charge_id="ch")],
        [VISA, Settle(paid=True)],
        [VISA, TakeBackRefund(amount_minor=1)],
    ],
)
def test_the_last_of_these_is_refused_by_the_state(asked: list[Request]) -> None:
    """And says so by the provider's own code, with the intent that it is about."""
    intent = after(*asked[:-1])

    with pytest.raises(Refusal) as refused:
        decide(intent, asked[-1])

    assert refused.value.code == "payment_intent_unexpected_state"
    assert (refused.value.status, refused.value.about) == (400, "pi_lamp")


def test_a_decline_is_forgotten_once_another_card_pays() -> None:
    """The last error speaks of the last attempt."""
    declined = after(DECLINED)
    assert declined.decline is not None
    assert declined.payment_method is None

    paid = decide(declined, VISA).intent

    assert (paid.decline, paid.charge_id) == (None, "ch_visa")


def test_a_debit_under_way_cannot_be_called_back() -> None:
    """A cancel refused at the end of the TTL: that checkout is a late payment."""
    debit = Confirm(method=PAYMENT_METHODS["pm_usBankAccount_success"], charge_id="ch_debit")

    with pytest.raises(Refusal, match="processing"):
        decide(after(debit), Cancel(at=1, reason=None))


def test_a_refund_that_failed_can_be_given_again() -> None:
    """Its money came back to us."""
    whole = after(VISA, Capture(amount_minor=None), GiveBack(amount_minor=None))
    assert whole.refunded_minor == LAMP_MINOR

    back = decide(whole, TakeBackRefund(amount_minor=LAMP_MINOR)).intent

    assert decide(back, GiveBack(amount_minor=None)).intent.refunded_minor == LAMP_MINOR
