"""The simulator's wire: what a client of the provider relies on beyond our own few questions."""

from __future__ import annotations

import asyncio
import base64
from itertools import count
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

if TYPE_CHECKING:
    from tests.integration.payments.conftest import SimulatorProcess

CREATE = "/v1/payment_intents"
LAMP = {"amount": "4900", "currency": "eur", "capture_method": "manual"}
_keys = count()


def fresh_key() -> str:
    """Make an idempotency key that no other test uses."""
    return f"wire-test-{next(_keys)}"


async def lamp(simulator: SimulatorProcess, **more: str) -> dict[str, Any]:
    """Open a payment for a lamp."""
    status, intent, _ = await simulator.post(CREATE, {**LAMP, **more})
    assert status == 200, intent
    assert isinstance(intent, dict)
    return intent


async def get(simulator: SimulatorProcess, path: str, auth: str | None = None) -> tuple[int, Any]:
    """Read a path as it is."""
    authorization = auth or f"Bearer {simulator.key}"
    async with (
        aiohttp.ClientSession(headers={"Authorization": authorization}) as session,
        session.get(simulator.url + path) as reply,
    ):
        return reply.status, await reply.json()


async def test_a_repeated_request_gets_the_first_answer_and_is_told_so(
    simulator: SimulatorProcess,
) -> None:
    """Status and body are kept, and a header tells that nothing was carried out."""
    key = fresh_key()

    first, again = [await simulator.post(CREATE, LAMP, key=key) for _ in range(2)]

    assert first[:2] == again[:2]
    assert "Idempotent-Replayed" not in first[2]
    assert again[2]["Idempotent-Replayed"] == "true"


async def test_the_order_of_parameters_does_not_make_another_request(
    simulator: SimulatorProcess,
) -> None:
    """Parameters are compared, not bytes."""
    key = fresh_key()

    _, first, _ = await simulator.post(CREATE, LAMP, key=key)
    _, again, _ = await simulator.post(CREATE, dict(reversed(LAMP.items())), key=key)

    assert first == again


async def test_a_decline_is_kept_under_its_key(simulator: SimulatorProcess) -> None:
    """Trying again under the same key asks the bank nothing: the answer is 402 as before."""
    intent = await lamp(simulator)
    path, key = f"{CREATE}/{intent['id']}/confirm", fresh_key()
    form = {"payment_method": "pm_card_chargeDeclined"}

    first, again = [await simulator.post(path, form, key=key) for _ in range(2)]

    assert first[0] == again[0] == 402
    assert first[1] == again[1]
    assert again[2]["Idempotent-Replayed"] == "true"


async def test_a_refused_state_is_kept_under_its_key(simulator: SimulatorProcess) -> None:
    """The provider had begun; so a capture refused too early stays refused under its key."""
    intent = await lamp(simulator)
    path, key = f"{CREATE}/{intent['id']}/capture", fresh_key()
    status, _, _ = await simulator.post(path, {}, key=key)
    assert status == 400
    await simulator.confirm(intent["id"])

    again = await simulator.post(path, {}, key=key)
    other = await simulator.post(path, {}, key=fresh_key())

    assert (again[0], again[2]["Idempotent-Replayed"]) == (400, "true")
    assert other[0] == 200


async def test_a_request_that_failed_validation_is_not_kept(simulator: SimulatorProcess) -> None:
    """It never began: the key is free for the corrected request."""
    key = fresh_key()

    refused, _, _ = await simulator.post(CREATE, {**LAMP, "amount": "0"}, key=key)
    accepted, _, _ = await simulator.post(CREATE, LAMP, key=key)

    assert (refused, accepted) == (400, 200)


@pytest.mark.parametrize(
    ("form", "param"),
    [
        ({"amount": "12.5"}, "amount"),
        ({"amount": "-1"}, "amount"),
        ({"amount": ""}, "amount"),
        ({"amount": "0x10"}, "amount"),
        ({"amount": "١٢"}, "amount"),
        ({"amount": "100000000"}, "amount"),
        ({"amount[value]": "1"}, "amount"),
        ({"currency": "xxx"}, "currency"),
        ({"currency": "e"}, "currency"),
        ({"capture_method": "later"}, "capture_method"),
        ({"confirm": "yes"}, "confirm"),
        ({"payment_method": "pm_card_unheardof"}, "payment_method"),
        ({"metadata[" + "k" * 41 + "]": "v"}, "metadata"),
        ({"metadata[k]": "v" * 501}, "metadata"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_a_malformed_parameter_is_named(
    simulator: SimulatorProcess, form: dict[str, str], param: str
) -> None:
    """Amounts are positive whole numbers up to a bound; nothing unknown is ignored."""
    plain = {name: value for name, value in LAMP.items() if f"{name}[value]" not in form}

    status, body, _ = await simulator.post(CREATE, {**plain, **form})

    assert status in {400, 404}
    assert (body["error"]["type"], body["error"]["param"]) == ("invalid_request_error", param)


@pytest.mark.parametrize("body", [b"%zz=1", b"a" * 70_000, b"\xff\xfe=1", b"=", b"&&&", b"a[=1"])
async def test_a_body_that_is_no_form_is_refused(simulator: SimulatorProcess, body: bytes) -> None:
    """Refused as the client's mistake, whatever the bytes."""
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {simulator.key}"}) as session,
        session.post(simulator.url + CREATE, data=body) as reply,
    ):
        assert reply.status in {400, 413}
        assert "error" in await reply.json()


async def test_a_customer_pays_with_the_client_secret_alone(simulator: SimulatorProcess) -> None:
    """A browser holds no API key; the secret is the right to pay this one payment."""
    intent = await lamp(simulator)
    path = f"{CREATE}/{intent['id']}/confirm"
    form = {"payment_method": "pm_card_visa", "client_secret": intent["client_secret"]}

    status, paid, _ = await simulator.post(path, form, api_key=None)

    assert (status, paid["status"]) == (200, "requires_capture")


async def test_a_wrong_client_secret_pays_nothing(simulator: SimulatorProcess) -> None:
    """Neither another payment's secret nor none at all will do, not even beside the API key."""
    intent, other = await lamp(simulator), await lamp(simulator)
    path = f"{CREATE}/{intent['id']}/confirm"
    form = {"payment_method": "pm_card_visa", "client_secret": other["client_secret"]}

    assert (await simulator.post(path, form, api_key=None))[0] == 400
    assert (await simulator.post(path, form))[0] == 400
    nothing = {"payment_method": "pm_card_visa"}
    assert (await simulator.post(path, nothing, api_key=None))[0] == 401
    capture = f"{CREATE}/{intent['id']}/capture"
    secret = {"client_secret": intent["client_secret"]}
    assert (await simulator.post(capture, secret, api_key=None))[0] == 401


async def test_the_api_key_may_come_as_basic_user(simulator: SimulatorProcess) -> None:
    """As with the provider's own examples: the key as user name, no password."""
    good = base64.b64encode(f"{simulator.key}:".encode()).decode()
    bad = base64.b64encode(b"sk_other:").decode()

    assert (await get(simulator, CREATE, f"Basic {good}"))[0] == 200
    assert (await get(simulator, CREATE, f"Basic {bad}"))[0] == 401
    assert (await get(simulator, CREATE, "Basic %%%"))[0] == 401
    assert (await get(simulator, CREATE, "Bearer é"))[0] == 401


async def test_intents_are_listed_newest_first_by_pages(simulator: SimulatorProcess) -> None:
    """What a reconciliation walks through."""
    made = [(await lamp(simulator))["id"] for _ in range(3)]

    _, first = await get(simulator, f"{CREATE}?limit=2")
    _, second = await get(simulator, f"{CREATE}?limit=1&starting_after={made[1]}")

    assert [intent["id"] for intent in first["data"]] == [made[2], made[1]]
    assert first["has_more"]
    assert [intent["id"] for intent in second["data"]] == [made[0]]
    assert (await get(simulator, f"{CREATE}?limit=0"))[0] == 400
    assert (await get(simulator, f"{CREATE}?limit=101"))[0] == 400


async def test_automatic_capture_takes_the_money_at_confirmation(
    simulator: SimulatorProcess,
) -> None:
    """What methods without authorization do."""
    form = {"amount": "4900", "currency": "eur", "payment_method": "pm_card_visa"}

    _, intent, _ = await simulator.post(CREATE, {**form, "confirm": "true"})

    assert (intent["status"], intent["amount_received"]) == ("succeeded", 4_900)


async def test_a_payment_method_may_be_chosen_before_confirming(
    simulator: SimulatorProcess,
) -> None:
    """The confirmation then needs no method of its own; without either it is refused."""
    chosen = await lamp(simulator, payment_method="pm_card_amex")
    assert chosen["status"] == "requires_confirmation"

    paid, _, _ = await simulator.post(f"{CREATE}/{chosen['id']}/confirm", {})
    open_intent = await lamp(simulator)
    refused, body, _ = await simulator.post(f"{CREATE}/{open_intent['id']}/confirm", {})

    assert (paid, refused) == (200, 400)
    assert body["error"]["code"] == "payment_intent_unexpected_state"


async def test_twenty_captures_at_once_take_the_money_once(simulator: SimulatorProcess) -> None:
    """Under twenty different keys: one is carried out, the others are refused by the state."""
    intent = await lamp(simulator)
    await simulator.confirm(intent["id"])
    path = f"{CREATE}/{intent['id']}/capture"

    answers = await asyncio.gather(*(simulator.post(path, {}, key=fresh_key()) for _ in range(20)))

    assert sorted(status for status, _, _ in answers) == [200] + [400] * 19
