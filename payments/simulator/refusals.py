"""The provider's noes, in its own words: HTTP status, type, code and the parameter at fault."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Decline:
    """Why the customer's bank, or the customer, said no."""

    code: str
    decline_code: str | None
    message: str


class Refusal(Exception):
    """A request that is not carried out.

    `began` tells whether the provider had begun to carry it out: such an answer is kept under the
    request's idempotency key, while one that failed validation is not. `about` is the intent's id.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        kind: str = "invalid_request_error",
        began: bool = False,
        about: str | None = None,
    ) -> None:
        self.status = status
        self.message = message
        self.code = code
        self.param = param
        self.kind = kind
        self.began = began
        self.about = about
        super().__init__(message)


def invalid(param: str, message: str, code: str | None = None) -> Refusal:
    """Refuse a parameter as it stands, whatever the payment's state."""
    return Refusal(400, message, code=code, param=param)


def missing(noun: str, named: str, param: str) -> Refusal:
    """Refuse because there is no such object."""
    message = f"No such {noun}: '{named}'"
    return Refusal(404, message, code="resource_missing", param=param)


def unexpected_state(verb: str, status: str, intent_id: str) -> Refusal:
    """Refuse because of the state that the payment is in."""
    return Refusal(
        400,
        f"You cannot {verb} this PaymentIntent because it has a status of {status}.",
        code="payment_intent_unexpected_state",
        began=True,
        about=intent_id,
    )


def too_large(param: str, amount_minor: int, most_minor: int) -> Refusal:
    """Refuse to take more than was authorized."""
    return Refusal(
        400,
        f"The amount {amount_minor} is greater than the {most_minor} that can be captured.",
        code="amount_too_large",
        param=param,
        began=True,
    )


def unauthorized() -> Refusal:
    """Refuse a request without our API key. The key it came with is not repeated."""
    return Refusal(401, "Invalid API Key provided.")
