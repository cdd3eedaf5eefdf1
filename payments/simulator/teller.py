"""The one way in which anything changes here: admit, replay or carry out, keep, answer."""

from __future__ import annotations

import base64
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import orjson

from payments.simulator import rendering
from payments.simulator.faults import Fault, Kind, Step, met
from payments.simulator.forms import Form
from payments.simulator.idempotency import Answer, KeysInFlight, earlier_answer, fingerprint
from payments.simulator.intents import EventKind, Intent
from payments.simulator.mischief import (
    Line,
    Mischief,
    spoilt,
    subjects_of,
    suffered,
    with_other_amounts,
)
from payments.simulator.operations import Operation, Outcome, new_id
from payments.simulator.refusals import Refusal, unauthorized
from payments.simulator.till import Notice, Posting, Till


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What goes back over the wire."""

    status: int
    body: bytes
    replayed: bool = False


BROKEN: Final = Reply(
    status=500,
    body=b'{"error": {"type": "api_error", "message": "Something went wrong on our end."}}',
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request that changes something.

    `subjects` is what its faults are kept under, the payment first where there is one already;
    `faults` are those that it names itself.
    """

    step: Step
    path: str
    form: Form
    key: str | None
    line: Line
    subjects: tuple[str, ...]
    faults: tuple[Fault, ...] = ()


class Teller:
    """Serves requests on one till. `tells`: whether anybody wants webhooks; if not, none are made.

    `take` is where faults are met: before `_carry_out` (a delay, a request swallowed), around it
    (another outcome, a 500 kept for the key), and after `post` (the reply is lost though all is kept).
    """

    def __init__(self, till: Till, *, api_key: str, tells: bool) -> None:
        self._till = till
        self._api_key = api_key.encode()
        self._tells = tells
        self._in_flight = KeysInFlight()
        self._mischief = Mischief(till)

    def admit(self, headers: Mapping[str, str]) -> None:
        """Check the API key, as Bearer token or Basic user name.

        Raises:
            Refusal: 401.

        """
        scheme, _, said = headers.get("authorization", "").partition(" ")
        key = _basic_user(said) if scheme.lower() == "basic" else said.encode()
        if not hmac.compare_digest(key, self._api_key):
            raise unauthorized()

    async def take(self, call: Call, operation: Operation) -> Reply:
        """Carry out an operation once under its idempotency key, and keep it before it is answered.

        Raises:
            Refusal: nothing was carried out, and nothing is remembered of it.

        """
        key, asked = call.key, fingerprint(call.path, call.form)
        with self._in_flight.hold(key):
            before = earlier_answer(self._till.answers, key, asked)
            if before is not None:
                return Reply(status=before.status, body=before.body.encode(), replayed=True)
            fault, _ = met(call.faults, call.step)
            fault = fault or self._mischief.meet(call.step, call.subjects)
            if not await suffered(fault, call.line):
                return BROKEN
            # From here to `post` nothing may wait: another request would decide on the same state.
            now = int(time.time())
            reply, posting = self._carry_out(call, operation, fault, now)
            if key is not None:
                body = reply.body.decode()
                answer = Answer(fingerprint=asked, status=reply.status, body=body, created=now)
                posting = replace(posting, answer=(key, answer))
            self._till.post(posting)
            if fault is not None and fault.kind is Kind.REPLY_LOST:
                call.line.cut()
            return reply

    async def look(self, intent_id: str, line: Line) -> Reply | None:
        """Give what is answered instead when a payment is looked up; None is the truth."""
        fault = self._mischief.meet_at(Step.RETRIEVE, intent_id)
        if not await suffered(fault, line):
            return BROKEN
        match fault.kind if fault else None:
            case Kind.ERROR:
                return BROKEN
            case Kind.REPLY_LOST:
                line.cut()
        return None

    def _carry_out(
        self, call: Call, operation: Operation, fault: Fault | None, now: int
    ) -> tuple[Reply, Posting]:
        kind = fault.kind if fault else None
        if kind is Kind.ERROR:
            return BROKEN, Posting()
        before = self._till.intents.get(call.subjects[0]) if call.subjects else None
        try:
            outcome = spoilt(operation(self._till, call.form, now), fault, before)
        except Refusal as no:
            if not no.began:
                raise
            about = self._till.intents.get(no.about or "")
            return refused(no, about), Posting()
        posting = self._posting(outcome, call.key, now)
        if call.step is Step.CREATE:
            left = tuple(fault for fault in call.faults if fault.step is not Step.CREATE)
            posting = replace(posting, faults=((outcome.intent.intent_id, left),))
        return BROKEN if kind is Kind.ERROR_ACTED else _reply(outcome), posting

    def change(self, outcome: Outcome) -> None:
        """Keep what came about without a request: a bank's late word, a person on the page."""
        self._till.post(self._posting(outcome, None, int(time.time())))

    def _posting(self, outcome: Outcome, key: str | None, now: int) -> Posting:
        told = [self._notice(kind, outcome, key, now) for kind in outcome.events if self._tells]
        notices = tuple(notice for notice in told if notice is not None)
        return Posting(intent=outcome.intent, refund=outcome.refund, notices=notices)

    def _notice(
        self, kind: EventKind, outcome: Outcome, key: str | None, now: int
    ) -> Notice | None:
        refund, intent = outcome.refund, outcome.intent
        about = rendering.refund(refund) if refund else rendering.payment_intent(intent)
        event_id = new_id("evt")

        def body(said: rendering.Json) -> str:
            return orjson.dumps(rendering.event(event_id, kind, now, said, key)).decode()

        notice = Notice(
            event_id=event_id, created=now, body=body(about), intent_id=intent.intent_id
        )
        fault = self._mischief.meet(Step.WEBHOOK, subjects_of(intent))
        match fault.kind if fault else None:
            case Kind.MISSING:
                return None
            case Kind.DUPLICATED:
                return replace(notice, more=(notice.body,))
            case Kind.OTHER_AMOUNT:
                return replace(notice, body=body(with_other_amounts(about)))
            case Kind.CONFLICTING:
                return replace(notice, more=(body(with_other_amounts(about)),))
            case Kind.DELAYED | Kind.REORDERED as late if fault is not None:
                reordered = late is Kind.REORDERED
                return replace(notice, after_seconds=fault.seconds, reordered=reordered)
            case _:
                return notice


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
