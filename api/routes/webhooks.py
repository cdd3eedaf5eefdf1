"""Webhooks of the payment provider: verified, stored once, and answered before anybody acts on them."""

from __future__ import annotations

import time

import structlog
from fastapi import APIRouter
from prometheus_client import Counter
from starlette.requests import Request
from starlette.responses import Response

from api.access import SIGNED
from api.answers import Received
from api.problems import Problem
from api.wiring import WiringOf
from ledger.crash_points import Around
from ledger.inbox import InboxEvent, Stored, store
from payments.webhooks import WebhookEvent, WebhookRejected, verify

PROVIDER = "stripe"

router = APIRouter(prefix="/webhooks", tags=["webhooks"])
log = structlog.get_logger()

STORE = Around("webhook.store")
"""Crash points: before the event is stored, and when it is committed but not yet answered."""

CONFLICTS = Counter(
    "onhand_webhook_conflicts_total", "Webhooks with a known id and another body than the first"
)


@router.post("/stripe", dependencies=[SIGNED], response_model=Received)
async def post_stripe_event(request: Request, wiring: WiringOf) -> Response:
    """Take one event. Stored means 200, a duplicate and a payment nobody knows too."""
    body = await request.body()
    signature = ",".join(request.headers.getlist("stripe-signature"))
    try:
        event = verify(body, signature, wiring.webhook_secrets, time.time())
    except WebhookRejected as rejection:
        log.warning("webhook_rejected", code=rejection.code)
        raise _rejected(rejection) from None
    async with STORE(event.event_id):
        stored = await store(wiring.inbox, _of_inbox(event))
    if stored is Stored.CONFLICT:
        # The first counts. A provider does not do this; somebody with its secret may.
        CONFLICTS.inc()
        log.error("webhook_conflict", event_id=event.event_id, payment_intent=event.payment_intent)
    return Received().response()


def _rejected(rejection: WebhookRejected) -> Problem:
    return Problem("malformed-event" if rejection.code == "malformed" else rejection.code)


def _of_inbox(event: WebhookEvent) -> InboxEvent:
    return InboxEvent(
        provider=PROVIDER,
        event_id=event.event_id,
        kind=event.kind,
        payment_intent=event.payment_intent,
        body_sha256=event.body_sha256,
    )
