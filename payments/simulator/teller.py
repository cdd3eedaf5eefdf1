"""The one way in which anything changes here: admit, replay or carry out, keep, answer."""

from __future__ import annotations

import base64
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

import orjson

from payments.simulator import rendering
from payments.simulator.forms import Form
from payments.simulator.idempotency import Answer, KeysInFlight, earlier_answer, fingerprint
from payments.simulator.intents import EventKind, Intent
from payments.simulator.operations import Operation, Outcome, new_id
from payments.simulator.refusals import Refusal, unauthorized
from payments.simulator.till import Notice, Posting, Till


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What goes back over the wire."""

    status: int
    body: bytes
    replayed: bool = False


class Teller:
    """Serves requests on one till. `tells`: whether anybody wants webhooks; if not, none are made.

    `take` is where faults would be switched in, per payment: before `_carry_out` (a delay, a hang),
    around it (another outcome: a decline at capture, a 500 kept for the key), and after `post` (the
    reply is lost though all is kept).
    """

    def __init__(self, till: Till, *, api_key: str, tells: bool) -> None:
        self._till = till
        self._api_key = api_key.encode()
        self._tells = tells
        self._in_flight = KeysInFlight()

    def admit(self, headers: Mapping[str, str]) -> None:
        """Check the API key, as Bearer token or Basic user name.

        Raises:
            Refusal: 401.

        """
        scheme, _, said = headers.get("authorization", "").partition(" ")
        key = _basic_user(said) if scheme.lower() == "basic" else said.encode()
        if not hmac.compare_digest(key, self._api_key):
            raise unauthorized()

    async def take(self, path: str, form: Form, key: str | None, operation: Operation) -> Reply:
        """Carry out an operation once under its idempotency key, and keep it before it is answered.

        Raises:
            Refusal: nothing was carried out, and nothing is remembered of it.

        """
        asked = fingerprint(path, form)
        with self._in_flight.hold(key):
            before = earlier_answer(self._till.answers, key, asked)
            if before is not None:
                return Reply(status=before.status, body=before.body.encode(), replayed=True)
            # From here to `post` nothing may wait: another request would decide on the same state.
            now = int(time.time())
            reply, posting = self._carry_out(form, operation, key, now)
            if key is not None:
                body = reply.body.decode()
                answer = Answer(fingerprint=asked, status=reply.status, body=body, created=now)
                posting = replace(posting, answer=(key, answer))
            self._till.post(posting)
            return reply

    def _carry_out(
        self, form: Form, operation: Operation, key: str | None, now: int
    ) -> tuple[Reply, Posting]:
        try:
            outcome = operation(self._till, form, now)
        except Refusal as no:
            if not no.began:
                raise
            about = self._till.intents.get(no.about or "")
            return refused(no, about), Posting()
        return _reply(outcome), self._posting(outcome, key, now)

    def change(self, outcome: Outcome) -> None:
        """Keep what came about without a request: a bank's late word, a person on the page."""
        self._till.post(self._posting(outcome, None, int(time.time())))

    def _posting(self, outcome: Outcome, key: str | None, now: int) -> Posting:
        notices = [self._notice(kind, outcome, key, now) for kind in outcome.events if self._tells]
        return Posting(intent=outcome.intent, refund=outcome.refund, notices=tuple(notices))

    def _notice(self, kind: EventKind, outcome: Outcome, key: str | None, now: int) -> Notice:
        refund = outcome.refund
        about = rendering.refund(refund) if refund else rendering.payment_intent(outcome.intent)
        event_id = new_id("evt")
        body = orjson.dumps(rendering.event(event_id, kind, now, about, key))
        return Notice(event_id=event_id, created=now, body=body.decode())


def refused(no: Refusal, intent: Intent | None = None) -> Reply:
    """Answer a no."""
    return Reply(status=no.status, body=orjson.dumps(rendering.refusal(no, intent)))


def _reply(outcome: Outcome) -> Reply:
    if outcome.decline is not None:
        declined = rendering.declined(outcome.intent, outcome.decline)
        return Reply(status=402, body=orjson.dumps(declined))
    if outcome.refund is not None:
        return Reply(status=200, body=orjson.dumps(rendering.refund(outcome.refund)))
    intent = rendering.payment_intent(outcome.intent, expand_charge=outcome.expand_charge)
    return Reply(status=200, body=orjson.dumps(intent))


def _basic_user(said: str) -> bytes:
    try:
        return base64.b64decode(said, validate=True).partition(b":")[0]
    except ValueError:
        return b""
