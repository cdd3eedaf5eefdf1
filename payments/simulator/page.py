"""The page on which a person pays: what the provider's own pages do in production."""

from __future__ import annotations

import base64
import hashlib
from html import escape
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from payments.simulator.intents import (
    PAYABLE,
    Authenticate,
    Confirm,
    Intent,
    IntentStatus,
    Settle,
    decide,
)
from payments.simulator.intents import Request as Asked
from payments.simulator.operations import Outcome, new_id
from payments.simulator.payment_methods import PAYMENT_METHODS
from payments.simulator.refusals import invalid
from payments.simulator.routes import read_form
from payments.simulator.teller import Teller
from payments.simulator.till import Till

STYLE: Final = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 28rem; margin: 4rem auto; padding: 0 1rem }
button { font: inherit; padding: .5rem 1rem; margin-right: .5rem; cursor: pointer }
dt { color: #555 } dd { margin: 0 0 .75rem; font-weight: 600 }
"""
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
HEADERS: Final = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Pay {amount}</title>
<style>{style}</style>
</head>
<body>
<h1>Pay {amount}</h1>
<p>A simulated payment: no money moves.</p>
<dl><dt>Payment</dt><dd>{intent_id}</dd><dt>State</dt><dd>{status}</dd>{decline}</dl>
<form method="post">{buttons}</form>
</body>
</html>
"""
# The words on the buttons, by what a person may do in each state.
PAY: Final = {"pay": "Pay", "decline": "Have the card declined"}
CHOICES: Final = {
    **dict.fromkeys(PAYABLE, PAY),
    IntentStatus.REQUIRES_ACTION: {"prove": "It is me", "fail": "Fail authentication"},
    IntentStatus.PROCESSING: {"settle": "Let the bank pay", "bounce": "Let the bank refuse"},
}
# Currencies without a hundredth: their minor unit is the whole.
WHOLE: Final = {"clp", "huf", "isk", "jpy", "krw", "vnd"}


def page_routes(till: Till, teller: Teller) -> APIRouter:
    """Build the page upon one till."""
    router = APIRouter()

    @router.get("/pay/{intent_id}")
    async def show(intent_id: str) -> Response:
        return HTMLResponse(page(till.intent(intent_id)), headers=HEADERS)

    @router.post("/pay/{intent_id}")
    async def choose(request: Request, intent_id: str) -> Response:
        form = await read_form(request)
        change = decide(till.intent(intent_id), _request(form.text("choice")))
        teller.change(Outcome(intent=change.intent, events=change.events))
        return RedirectResponse(f"/pay/{intent_id}", status_code=303)

    return router


def page(intent: Intent) -> str:
    """Write the page for an intent as it is."""
    choices = CHOICES.get(intent.status, {})
    said = "" if intent.decline is None else escape(intent.decline.message)
    return PAGE.format(
        amount=escape(amount(intent)),
        style=STYLE,
        intent_id=escape(intent.intent_id),
        status=escape(intent.status.replace("_", " ")),
        decline=f"<dt>Last attempt</dt><dd>{said}</dd>" if said else "",
        buttons="".join(
            f'<button name="choice" value="{value}">{escape(words)}</button>'
            for value, words in choices.items()
        ),
    )


def amount(intent: Intent) -> str:
    """Write an amount for people, e.g. `12.34 EUR`."""
    if intent.currency in WHOLE:
        return f"{intent.amount_minor} {intent.currency.upper()}"
    return f"{intent.amount_minor // 100}.{intent.amount_minor % 100:02} {intent.currency.upper()}"


def _request(choice: str | None) -> Asked:
    charge_id = new_id("ch")
    match choice:
        case "pay":
            return Confirm(method=PAYMENT_METHODS["pm_card_visa"], charge_id=charge_id)
        case "decline":
            return Confirm(method=PAYMENT_METHODS["pm_card_chargeDeclined"], charge_id=charge_id)
        case "prove" | "fail":
            return Authenticate(passed=choice == "prove", charge_id=charge_id)
        case "settle" | "bounce":
            return Settle(paid=choice == "settle")
        case _:
            raise invalid("choice", "Invalid choice")
