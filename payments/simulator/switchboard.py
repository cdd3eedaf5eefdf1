"""The control call with which faults are switched on and off; the provider itself has none such."""

from __future__ import annotations

import re
from typing import Final

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import Response

from payments.simulator.faults import FaultUnknown, parse, written
from payments.simulator.forms import Form
from payments.simulator.forms import parse as parse_form
from payments.simulator.refusals import invalid
from payments.simulator.routes import read_form, response
from payments.simulator.teller import Reply, Teller
from payments.simulator.till import Posting, Till

ID: Final = re.compile(r"[A-Za-z0-9_/-]{1,255}", re.ASCII)


def fault_routes(till: Till, teller: Teller) -> APIRouter:
    """Build the calls upon one till."""
    router = APIRouter()

    def told(subject: str) -> Response:
        left = written(till.faults.get(subject, ()))
        return response(Reply(status=200, body=orjson.dumps({"of": subject, "faults": left})))

    @router.post("/_faults")
    async def switch(request: Request) -> Response:
        teller.admit(request.headers)
        form = await read_form(request)
        subject = _subject(form)
        try:
            faults = parse(form.text("faults") or "")
        except FaultUnknown as unknown:
            raise invalid("faults", f"No such fault: {unknown.word}") from None
        form.finish()
        till.post(Posting(faults=((subject, faults),)))
        return told(subject)

    @router.get("/_faults")
    async def left(request: Request) -> Response:
        teller.admit(request.headers)
        form = parse_form(request.url.query.encode())
        subject = _subject(form)
        form.finish()
        return told(subject)

    return router


def _subject(form: Form) -> str:
    subject = form.text("payment_intent") or form.required("checkout_id")
    if ID.fullmatch(subject) is None:
        raise invalid("checkout_id", "Invalid checkout_id")
    return subject
