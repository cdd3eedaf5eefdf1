"""The provider's HTTP calls, as far as they are simulated."""

from __future__ import annotations

import secrets
from itertools import islice
from typing import Final

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import Response

from payments.simulator import operations, rendering
from payments.simulator.forms import Form, parse
from payments.simulator.operations import Operation
from payments.simulator.refusals import Refusal, invalid
from payments.simulator.teller import Reply, Teller, refused
from payments.simulator.till import Till

BODY_BYTES_MOST: Final = 64 * 1_024
LIST_DEFAULT: Final = 10
LIST_MOST: Final = 100


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


def changing_routes(teller: Teller) -> APIRouter:
    """Build the calls that change something."""
    router = APIRouter()

    async def take(request: Request, operation: Operation, *, customer: bool = False) -> Response:
        form = await read_form(request)
        # A customer has no API key; the operation compares the client secret.
        if not (customer and form.text("client_secret")):
            teller.admit(request.headers)
        key = request.headers.get("idempotency-key") or None
        return response(await teller.take(request.url.path, form, key, operation))

    @router.post("/v1/payment_intents")
    async def create(request: Request) -> Response:
        return await take(request, operations.create)

    @router.post("/v1/payment_intents/{intent_id}/confirm")
    async def confirm(request: Request, intent_id: str) -> Response:
        return await take(request, operations.confirm(intent_id), customer=True)

    @router.post("/v1/payment_intents/{intent_id}/capture")
    async def capture(request: Request, intent_id: str) -> Response:
        return await take(request, operations.capture(intent_id))

    @router.post("/v1/payment_intents/{intent_id}/cancel")
    async def cancel(request: Request, intent_id: str) -> Response:
        return await take(request, operations.cancel(intent_id))

    @router.post("/v1/refunds")
    async def refund(request: Request) -> Response:
        return await take(request, operations.refund)

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
        return _ok(rendering.payment_intent(intent, expand_charge=expand))

    @router.get("/v1/payment_intents")
    async def newest(request: Request) -> Response:
        teller.admit(request.headers)
        form = parse(request.url.query.encode())
        asked = form.integer("limit")
        limit = LIST_DEFAULT if asked is None else asked
        if not 1 <= limit <= LIST_MOST:
            raise invalid("limit", f"Limit must be between 1 and {LIST_MOST}.")
        expand = "data.latest_charge" in form.words("expand")
        found = list(islice(till.newest_intents(form.text("starting_after")), limit + 1))
        form.finish()
        page = [rendering.payment_intent(intent, expand_charge=expand) for intent in found[:limit]]
        envelope = {"object": "list", "url": "/v1/payment_intents", "data": page}
        return _ok({**envelope, "has_more": len(found) > limit})

    @router.get("/v1/refunds/{refund_id}")
    async def retrieve_refund(request: Request, refund_id: str) -> Response:
        teller.admit(request.headers)
        return _ok(rendering.refund(till.refund(refund_id)))

    @router.get("/healthz")
    async def healthz() -> Response:
        return _ok({"status": "ok"})

    return router


def _ok(rendered: rendering.Json) -> Response:
    return response(Reply(status=200, body=orjson.dumps(rendered)))
