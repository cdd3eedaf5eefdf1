"""The provider's test payment methods: what the bank will say to each of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from payments.simulator.refusals import Decline


class Ending(StrEnum):
    """How something that takes a while ends; `NEVER` waits for a person."""

    WELL = "well"
    BADLY = "badly"
    NEVER = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentMethod:
    """One way to pay, approved unless one of `decline`, `challenge` and `settles` is set.

    `challenge`: the customer must first prove who they are. `settles`: a bank debit, which knows no
    authorization: it is processing for a while, and its money is there at once when that ends well.
    `refund`: how its refunds end, being pending (`WELL`) or succeeded (`BADLY`) until then; with
    None they succeed at once.
    """

    name: str
    kind: str = "card"
    decline: Decline | None = None
    challenge: bool = False
    settles: Ending | None = None
    refund: Ending | None = None


def _declined(name: str, code: str, decline_code: str, message: str) -> PaymentMethod:
    return PaymentMethod(
        name=name, decline=Decline(code=code, decline_code=decline_code, message=message)
    )


_DECLINED: Final = "Your card was declined."

PAYMENT_METHODS: Final = {
    method.name: method
    for method in (
        PaymentMethod(name="pm_card_visa"),
        PaymentMethod(name="pm_card_mastercard"),
        PaymentMethod(name="pm_card_amex"),
        _declined("pm_card_chargeDeclined", "card_declined", "generic_decline", _DECLINED),
        _declined("pm_card_visa_chargeDeclined", "card_declined", "generic_decline", _DECLINED),
        _declined(
            "pm_card_chargeDeclinedInsufficientFunds",
            "card_declined",
            "insufficient_funds",
            "Your card has insufficient funds.",
        ),
        _declined(
            "pm_card_visa_chargeDeclinedInsufficientFunds",
            "card_declined",
            "insufficient_funds",
            "Your card has insufficient funds.",
        ),
        _declined(
            "pm_card_chargeDeclinedExpiredCard",
            "expired_card",
            "expired_card",
            "Your card has expired.",
        ),
        _declined(
            "pm_card_chargeDeclinedIncorrectCvc",
            "incorrect_cvc",
            "incorrect_cvc",
            "Your card's security code is incorrect.",
        ),
        _declined(
            "pm_card_chargeDeclinedProcessingError",
            "processing_error",
            "processing_error",
            "An error occurred while processing your card. Try again in a little bit.",
        ),
        PaymentMethod(name="pm_card_authenticationRequired", challenge=True),
        PaymentMethod(name="pm_card_pendingRefund", refund=Ending.WELL),
        PaymentMethod(name="pm_card_refundFail", refund=Ending.BADLY),
        PaymentMethod(name="pm_usBankAccount_success", kind="us_bank_account", settles=Ending.WELL),
        PaymentMethod(
            name="pm_usBankAccount_insufficientFunds", kind="us_bank_account", settles=Ending.BADLY
        ),
        PaymentMethod(
            name="pm_usBankAccount_processing", kind="us_bank_account", settles=Ending.NEVER
        ),
    )
}

AUTHENTICATION_FAILED: Final = Decline(
    code="payment_intent_authentication_failure",
    decline_code=None,
    message="The provided PaymentMethod has failed authentication.",
)
DEBIT_FAILED: Final = Decline(
    code="payment_method_provider_decline",
    decline_code="insufficient_funds",
    message="The customer's account has insufficient funds to cover this payment.",
)
