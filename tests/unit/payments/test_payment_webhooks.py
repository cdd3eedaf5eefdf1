"""Webhook verification: what is genuine, and that no bytes upset it."""

from __future__ import annotations

import hashlib
import json
import time
from typing import Any

import orjson
import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as some

from payments.webhooks import WebhookEvent, WebhookRejected, sign, verify

SECRET = "whsec_till"
NOW = 1_790_000_000
EVENT = {
    "id": "evt_lamp",
    "object": "event",
    "created": NOW - 5,
    "type": "payment_intent.succeeded",
    "data": {"object": {"id": "pi_lamp", "object": "payment_intent"}},
}


def signed(body: bytes, *, at: int = NOW, secret: str = SECRET) -> str:
    """Sign as the provider does."""
    return f"t={at},v1={sign(str(at).encode() + b'.' + body, secret).decode()}"


def body_of(**changes: Any) -> bytes:
    """Write the event, changed."""
    return orjson.dumps({**EVENT, **changes})


def rejection(body: bytes, signature: str, secrets: tuple[str, ...] = (SECRET,)) -> str:
    """Return the code with which it is rejected."""
    with pytest.raises(WebhookRejected) as rejected:
        verify(body, signature, secrets, NOW)
    assert rejected.value.__cause__ is None
    return rejected.value.code


def test_a_genuine_event_is_reduced_to_its_facts() -> None:
    """Which event, of what kind, about which payment, when, and a digest of all of it."""
    body = body_of()

    assert verify(body, signed(body), [SECRET], NOW) == WebhookEvent(
        event_id="evt_lamp",
        kind="payment_intent.succeeded",
        payment_intent="pi_lamp",
        created=NOW - 5,
        body_sha256=hashlib.sha256(body).hexdigest(),
    )


@pytest.mark.parametrize(
    ("kind", "subject", "payment_intent"),
    [
        ("refund.updated", {"id": "re_1", "payment_intent": "pi_lamp"}, "pi_lamp"),
        ("refund.failed", {"id": "re_1", "payment_intent": {"id": "pi_lamp"}}, "pi_lamp"),
        ("charge.dispute.created", {"id": "dp_1", "payment_intent": "pi_lamp"}, "pi_lamp"),
        ("refund.created", {"id": "re_1", "payment_intent": None}, None),
        ("customer.created", {"id": "cus_1"}, None),
    ],
)
def test_the_payment_is_found_where_the_kind_keeps_it(
    kind: str, subject: dict[str, Any], payment_intent: str | None
) -> None:
    """A refund's own id is no payment."""
    body = body_of(type=kind, data={"object": subject})

    assert verify(body, signed(body), [SECRET], NOW).payment_intent == payment_intent


def test_either_secret_is_good_while_they_are_exchanged() -> None:
    """Both ways: our list holds two secrets, or the provider signs with two."""
    body = body_of()
    old, new = signed(body, secret="whsec_old"), signed(body, secret="whsec_new")

    assert verify(body, new, ["whsec_old", "whsec_new"], NOW)
    assert verify(body, f"{old},{new.partition(',')[2]}", ["whsec_new"], NOW)
    assert rejection(body, old, ("whsec_new",)) == "bad-signature"


def test_the_sdk_agrees_on_what_is_signed() -> None:
    """Our check replaces the SDK's; the SDK is the judge of it."""
    body = body_of()
    now = int(time.time())

    assert stripe.Webhook.construct_event(body, signed(body, at=now), SECRET).id == "evt_lamp"


@pytest.mark.parametrize(
    ("skew", "good"), [(-301, False), (-300, True), (0, True), (300, True), (301, False)]
)
def test_a_signature_is_good_for_five_minutes_either_way(skew: int, *, good: bool) -> None:
    """A recording is refused when it is old, and so is one made for the future."""
    body = body_of()

    if good:
        assert verify(body, signed(body, at=NOW + skew), [SECRET], NOW)
    else:
        assert rejection(body, signed(body, at=NOW + skew)) == "stale-signature"


@pytest.mark.parametrize("secrets", [(), ("",)])
def test_without_a_secret_nothing_is_genuine(secrets: tuple[str, ...]) -> None:
    """A setting left empty must not make everybody the provider."""
    body = body_of()

    assert rejection(body, signed(body, secret=""), secrets) == "bad-signature"


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "t=,v1=",
        f"t={NOW}",
        f"v1={'0' * 64}",
        f"t={NOW},v1={'0' * 64}",
        f"t={NOW},t={NOW},v1={'0' * 64}",
        "t=1e9,v1=0",
        f"t={'9' * 5_000},v1=0",
        f"t={NOW},v1=\udcff",
        "t=١٢٣,v1=0",
    ],
)
def test_a_header_that_proves_nothing_is_a_bad_signature(signature: str) -> None:
    """Whatever is wrong with it."""
    assert rejection(body_of(), signature) == "bad-signature"


def test_a_body_changed_in_one_byte_is_a_bad_signature() -> None:
    """Each byte counts."""
    body = body_of()
    signature = signed(body)

    for at in range(len(body)):
        changed = body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
        assert rejection(changed, signature) == "bad-signature"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x00",
        b"\xff\xfe",
        b"null",
        b"[]",
        b"[" * 100_000,
        b'{"a":' * 2_000 + b"1" + b"}" * 2_000,
        b"1" * 5_000,
        body_of(id="evt_\x00"),
        body_of(id="evt/../admin"),
        body_of(id="e" * 256),
        body_of(id="évt"),
        body_of(id="evt_1\n"),
        body_of(id=""),
        body_of(id=7),
        body_of(type="Payment Intent"),
        body_of(type=None),
        body_of(created=True),
        body_of(created=-1),
        body_of(created=1.5),
        body_of(created=2**60),
        body_of(data=None),
        body_of(data=[]),
        body_of(data={"object": {}}),
        body_of(data={"object": "pi_lamp"}),
        body_of(data={"object": {"id": {"id": "pi_lamp"}}}),
        body_of(type="refund.updated", data={"object": {"payment_intent": "a b"}}),
        body_of(type="refund.updated", data={"object": {"payment_intent": {}}}),
        body_of().replace(b'"created":', b'"created":1' + b"0" * 400 + b',"x":'),
    ],
)
def test_a_genuine_body_that_is_no_event_is_malformed(body: bytes) -> None:
    """Ids become keys, URLs and workflow ids: what does not look like one is not let in."""
    assert rejection(body, signed(body)) == "malformed"


def test_of_a_key_written_twice_one_is_taken() -> None:
    """Which one does not matter: only the provider can sign it, and only our reading is used."""
    body = body_of().replace(b'"id":"evt_lamp"', b'"id":"evt_first","id":"evt_lamp"')

    assert verify(body, signed(body), [SECRET], NOW).event_id == "evt_lamp"


@given(body=some.binary(), signature=some.text())
def test_no_stranger_gets_anything_but_a_bad_signature(body: bytes, signature: str) -> None:
    """Nothing of the body is read before it is proved genuine."""
    assert rejection(body, signature) == "bad-signature"


anything = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(),
    lambda inner: some.lists(inner) | some.dictionaries(some.text(), inner),
)
event_like = some.fixed_dictionaries(
    {},
    optional={
        "id": anything | some.just("evt_lamp"),
        "type": anything | some.sampled_from(["payment_intent.succeeded", "refund.updated"]),
        "created": anything | some.just(NOW),
        "data": anything
        | some.fixed_dictionaries(
            {},
            optional={
                "object": anything
                | some.fixed_dictionaries({}, optional={"id": anything, "payment_intent": anything})
            },
        ),
    },
)


@given(body=some.binary() | (anything | event_like).map(lambda value: json.dumps(value).encode()))
def test_whatever_the_provider_signs_is_an_event_or_malformed(body: bytes) -> None:
    """No bytes at all make it raise anything else."""
    try:
        event = verify(body, signed(body), [SECRET], NOW)
    except WebhookRejected as rejected:
        assert rejected.code == "malformed"  # noqa: PT017 - either is right
    else:
        assert event.event_id.isascii()
        assert 0 < len(event.event_id) <= 255
