"""The provider's HTTP calls, as far as they are simulated."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from itertools import islice, takewhile
from typing import Final

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import Response

from payments.simulator import operations, rendering
from payments.simulator.faults import Fault, FaultUnknown, Step
from payments.simulator.forms import Form, parse
from payments.simulator.mischief import Line, named, subjects_of
from payments.simulator.operations import Operation
from payments.simulator.refusals import Refusal, invalid
from payments.simulator.teller import Call, Reply, Teller, refused
from payments.simulator.till import Till

BODY_BYTES_MOST: Final = 64 * 1_024
LIST_DEFAULT: Final = 10
LIST_MOST: Final = 100
CUT: Final = "cut"
"""The name in a request's state of what cuts its connection."""


async def read_form(request: Request) -> Form:
    """Read the body, which may be empty, but not large.

    Raises:
        Refusal: it is large, or no form.

    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES_MOST:
            raise Refusal(413, "The request body is too large.")
    return parse(bytes(body))


def response(reply: Reply) -> Response:
    """Put a reply on the wire."""
    headers = {"Request-Id": f"req_{secrets.token_hex(7)}"}
    if reply.replayed:
        headers["Idempotent-Replayed"] = "true"
    return Response(reply.body, reply.status, headers, "application/json")


async def answer_refusal(_request: Request, no: Exception) -> Response:
    """Answer a refusal that nothing is remembered of."""
    if not isinstance(no, Refusal):
        raise no
    return response(refused(no))


def changing_routes(till: Till, teller: Teller) -> APIRouter:
    """Build the calls that change something."""
    router = APIRouter()

    async def take(request: Request, step: Step, operation: Operation, intent_id: str) -> Response:
        form = await read_form(request)
        # A customer has no API key; the operation compares the client secret.
        if not (step is Step.CONFIRM and form.text("client_secret")):
            teller.admit(request.headers)
        return response(await teller.take(_call(request, step, form, intent_id), operation))

    def _call(request: Request, step: Step, form: Form, intent_id: str | None) -> Call:
        about = form.text("payment_intent") if step is Step.REFUND else intent_id
        intent = till.intents.get(about or "")
        metadata = form.metadata() if step is Step.CREATE else {}
        checkout_id = metadata.get("checkout_id")
        return Call(
            step=step,
            path=request.url.path,
            form=form,
            key=request.headers.get("idempotency-key") or None,
            line=line_of(request),
            subjects=subjects_of(intent) if intent else (checkout_id,) if checkout_id else (),
            faults=_named(metadata),
        )

    @router.post("/v1/payment_intents")
    async def create(request: Request) -> Response:
        return await take(request, Step.CREATE, operations.create, "")

    @router.post("/v1/payment_intents/{intent_id}/confirm")
    async def confirm(request: Request, intent_id: str) -> Response:
        return await take(request, Step.CONFIRM, operations.confirm(intent_id), intent_id)

    @router.post("/v1/payment_intents/{intent_id}/capture")
    async def capture(request: Request, intent_id: str) -> Response:
        return await take(request, Step.CAPTURE, operations.capture(intent_id), intent_id)

    @router.post("/v1/payment_intents/{intent_id}/cancel")
    async def cancel(request: Request, intent_id: str) -> Response:
        return await take(request, Step.CANCEL, operations.cancel(intent_id), intent_id)

    @router.post("/v1/refunds")
    async def refund(request: Request) -> Response:
        return await take(request, Step.REFUND, operations.refund, "")

    return router


def reading_routes(till: Till, teller: Teller) -> APIRouter:
    """Build the calls that only look."""
    router = APIRouter()

    @router.get("/v1/payment_intents/{intent_id}")
    async def retrieve(request: Request, intent_id: str) -> Response:
        form = parse(request.url.query.encode())
        if not form.text("client_secret"):
            teller.admit(request.headers)
        intent = till.intent(intent_id)
        operations.check_client_secret(intent, form)
        expand = "latest_charge" in form.words("expand")
        form.ignore("key")
        form.finish()
        trouble = await teller.look(intent_id, line_of(request))
        if trouble is not None:
            return response(trouble)
        # Asked for anew: it may have changed while the answer was slow.
        return _ok(rendering.payment_intent(till.intents[intent_id], expand_charge=expand))

    @router.get("/v1/payment_intents")
    async def newest(request: Request) -> Response:
        teller.admit(request.headers)
        form = parse(request.url.query.encode())
        limit, since = _limit(form), form.since("created")
        expand = "data.latest_charge" in form.words("expand")
        newest_first = till.newest_intents(form.text("starting_after"))
        recent = takewhile(lambda intent: intent.created >= since, newest_first)
        form.finish()
        rendered = (rendering.payment_intent(intent, expand_charge=expand) for intent in recent)
        return _ok(_page(request.url.path, rendered, limit))

    @router.get("/v1/refunds")
    async def newest_refunds(request: Request) -> Response:
        teller.admit(request.headers)
        form = parse(request.url.query.encode())
        limit, intent_id = _limit(form), form.text("payment_intent")
        form.finish()
        newest_first = reversed(till.refunds.values())
        rendered = (
            rendering.refund(refund)
            for refund in newest_first
            if intent_id in (None, refund.intent_id)
        )
        return _ok(_page(request.url.path, rendered, limit))

    @router.get("/v1/refunds/{refund_id}")
    async def retrieve_refund(request: Request, refund_id: str) -> Response:
        teller.admit(request.headers)
        return _ok(rendering.refund(till.refund(refund_id)))

    @router.get("/healthz")
    async def healthz() -> Response:
        return _ok({"status": "ok"})

    return router


def line_of(request: Request) -> Line:
    """Give the connection on which a request came; one that cannot be cut is left as it is."""

    async def until_hung_up() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    return Line(cut=getattr(request.state, CUT, lambda: None), until_hung_up=until_hung_up)


def _named(metadata: dict[str, str]) -> tuple[Fault, ...]:
    try:
        return named(metadata)
    except FaultUnknown as unknown:
        raise invalid("metadata", f"No such fault: {unknown.word}") from None


def _limit(form: Form) -> int:
    asked = form.integer("limit")
    limit = LIST_DEFAULT if asked is None else asked
    if not 1 <= limit <= LIST_MOST:
        raise invalid("limit", f"Limit must be between 1 and {LIST_MOST}.")
    return limit


def _page(path: str, found: Iterator[rendering.Json], limit: int) -> rendering.Json:
    page = list(islice(found, limit + 1))
    envelope = {"object": "list", "url": path, "data": page[:limit]}
    return {**envelope, "has_more": len(page) > limit}


def _ok(rendered: rendering.Json) -> Response:
    return response(Reply(status=200, body=orjson.dumps(rendered)))
