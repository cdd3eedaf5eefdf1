"""What no warehouse should send: every document and correction, wrong in one thing, is refused and not kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.integration.api.front_door import FrontDoor, bearer

JSON = {"Content-Type": "application/json"}
ALLOWED = bearer("warehouse", "stock:write")
LINE = {"sku": "GLOBE", "quantity": 1}
LOOK = {"sku": "GLOBE", "restock": 1, "damaged": 0}
Call = tuple[str, str, dict[str, Any]]
DOCUMENTS: dict[str, Call] = {
    "shipment": (
        "POST",
        "/warehouse/shipments",
        {"shipment_id": "bad", "order_id": "co_bad", "location": "BER1", "lines": [LINE]},
    ),
    "return": (
        "POST",
        "/warehouse/returns",
        {"return_id": "bad", "order_id": "co_bad", "location": "BER1", "lines": [LINE]},
    ),
    "short pick": (
        "POST",
        f"/orders/co_{'a' * 26}/short",
        {"short_id": "bad", "lines": [LINE]},
    ),
    "transfer": (
        "POST",
        "/warehouse/transfers",
        {"transfer_id": "bad", "from": "BER1", "to": "MUC1", "lines": [LINE]},
    ),
    "arrival": (
        "POST",
        "/warehouse/transfers/bad/receipts",
        {"receipt_id": "bad", "lines": [LINE]},
    ),
}
INSPECTION: Call = (
    "POST",
    "/warehouse/returns/bad/inspections",
    {"inspection_id": "bad", "lines": [LOOK]},
)
ADJUSTMENT: Call = (
    "POST",
    "/stock/GLOBE/adjustments",
    {"adjustment_id": "bad", "location": "BER1", "quantity": 1, "reason": "found"},
)
SAFETY_STOCK: Call = ("PUT", "/stock/GLOBE/safety-stock", {"location": "BER1", "quantity": 1})
PAUSE: Call = ("PUT", "/stock/GLOBE/pause", {"location": "BER1", "paused": True})
CALLS = DOCUMENTS | {
    "inspection": INSPECTION,
    "adjustment": ADJUSTMENT,
    "safety stock": SAFETY_STOCK,
    "pause": PAUSE,
}
BAD_NUMBERS: list[Any] = [1.0, 1.5, "1", True, None, [], {}, 10**30, 10_001]
BAD_IDS: list[Any] = [
    "",
    "a b",
    "a/b",
    "a.b",
    "-a",
    "bad\n",
    "b\0d",
    "bäd",
    "a" * 129,
    7,
    True,
    None,
]
IDS = (
    "shipment_id",
    "return_id",
    "order_id",
    "transfer_id",
    "receipt_id",
    "inspection_id",
    "short_id",
)


@pytest.fixture(scope="session")
async def globe(front_door: FrontDoor) -> FrontDoor:
    """Give the API with something that the documents could be about."""
    await front_door.stocked("GLOBE", BER1=5)
    await front_door.put_location("MUC1", priority=2)
    return front_door


@pytest.fixture
def unchanged(globe: FrontDoor) -> Iterator[FrontDoor]:
    """Give the API, and see that the test stored nothing."""
    before = globe.counts()
    yield globe
    assert globe.counts() == before


async def send(front_door: FrontDoor, call: Call, **change: Any) -> httpx2.Response:
    """Make a call with a change in its body."""
    method, path, body = call
    return await send_bytes(front_door, (method, path, {}), json.dumps(body | change).encode())


async def send_bytes(
    front_door: FrontDoor, call: Call, content: bytes, headers: dict[str, str] | None = None
) -> httpx2.Response:
    """Make a call with these bytes."""
    return await front_door.http.request(
        call[0], call[1], content=content, headers=ALLOWED | JSON | (headers or {})
    )


def is_malformed(response: httpx2.Response) -> bool:
    """Tell whether the call was refused for its shape, without repeating what was sent."""
    body = response.json()
    assert response.headers["content-type"] == "application/problem+json"
    assert "secret" not in response.text
    return (response.status_code, body["code"]) == (422, "malformed")


@pytest.mark.parametrize("name", DOCUMENTS)
async def test_lines_are_of_whole_units(unchanged: FrontDoor, name: str) -> None:
    """Integers from 1 to 10,000, in 1 to 100 lines that say nothing else."""
    call = DOCUMENTS[name]
    for quantity in [*BAD_NUMBERS, 0, -1]:
        assert is_malformed(await send(unchanged, call, lines=[LINE | {"quantity": quantity}]))
    for lines in (
        [],
        [LINE] * 101,
        LINE,
        None,
        "GLOBE",
        [LINE | {"secret": 1}],
        [{"sku": "GLOBE"}],
    ):
        assert is_malformed(await send(unchanged, call, lines=lines))
    for sku in [*BAD_IDS, "a" * 65]:
        assert is_malformed(await send(unchanged, call, lines=[LINE | {"sku": sku}]))


@pytest.mark.parametrize(
    "change",
    [
        *({"restock": number} for number in [*BAD_NUMBERS, -1]),
        *({"damaged": number} for number in [*BAD_NUMBERS, -1]),
        *({"refund": number} for number in [-1, 1.0, "1", True, 20_001, 2]),
        {"restock": 0},
        {"restock": 0, "refund": 0},
        {"quantity": 1},
        {"sku": "a.b"},
    ],
    ids=str,
)
async def test_an_inspection_names_units_and_pays_back_no_more(
    unchanged: FrontDoor, change: dict[str, Any]
) -> None:
    """At least one unit a line; both numbers are said, since forgetting one is easy."""
    assert is_malformed(await send(unchanged, INSPECTION, lines=[LOOK | change]))


@pytest.mark.parametrize("missing", ["sku", "restock", "damaged"])
async def test_an_inspection_says_both_numbers(unchanged: FrontDoor, missing: str) -> None:
    """What is not said is not nothing."""
    line = {name: value for name, value in LOOK.items() if name != missing}
    assert is_malformed(await send(unchanged, INSPECTION, lines=[line]))


@pytest.mark.parametrize(
    "change",
    [
        *({"quantity": number} for number in [*BAD_NUMBERS, 0, -10_001]),
        *({"kind": kind, "quantity": -1} for kind in ("damage", "regrade", "write_off")),
        {"kind": "lost_in_transit", "quantity": 0},
        *({"kind": kind} for kind in ("", "sell", None, 1)),
        *({"reason": reason} for reason in ("", "Broken", "a b", "1st", "a\n", "x" * 65, None, 7)),
        *({"note": note} for note in ("", "a\nb", "a\0b", "\ud800", "x" * 2_001, 7)),
        *({"expected_version": version} for version in (-1, 1.0, "1", True, 2**63)),
        {"sku": "GLOBE"},
    ],
    ids=ascii,
)
async def test_adjustments_are_strict(unchanged: FrontDoor, change: dict[str, Any]) -> None:
    """Something is corrected, for a reason that is a code; only `adjust` has a sign."""
    assert is_malformed(await send(unchanged, ADJUSTMENT, **change))


@pytest.mark.parametrize("quantity", [-1, 1_000_001, 1.0, "1", True, None, 10**30], ids=str)
async def test_safety_stock_is_a_whole_number(unchanged: FrontDoor, quantity: Any) -> None:
    """From none to a million."""
    assert is_malformed(await send(unchanged, SAFETY_STOCK, quantity=quantity))


@pytest.mark.parametrize("paused", [1, 0, "true", None, []], ids=repr)
async def test_a_pause_is_a_yes_or_a_no(unchanged: FrontDoor, paused: Any) -> None:
    """And nothing that could be read as one."""
    assert is_malformed(await send(unchanged, PAUSE, paused=paused))


async def test_a_transfer_goes_elsewhere(unchanged: FrontDoor) -> None:
    """From one place to another, named as the contract names them."""
    transfer = DOCUMENTS["transfer"]
    assert is_malformed(await send(unchanged, transfer, to="BER1"))
    assert is_malformed(await send(unchanged, transfer, source="BER1"))
    without = {name: value for name, value in transfer[2].items() if name != "from"}
    renamed = json.dumps(without | {"source": "BER1"}).encode()
    assert is_malformed(await send_bytes(unchanged, transfer, renamed))


@pytest.mark.parametrize("name", CALLS)
async def test_ids_keep_to_their_alphabet(unchanged: FrontDoor, name: str) -> None:
    """Every id of every body; places are as short as skus."""
    call = CALLS[name]
    for member in call[2]:
        if member in (*IDS, "adjustment_id"):
            for bad in BAD_IDS:
                assert is_malformed(await send(unchanged, call, **{member: bad}))
        if member in ("location", "from", "to"):
            for bad in [*BAD_IDS, "a" * 65]:
                assert is_malformed(await send(unchanged, call, **{member: bad}))


@pytest.mark.parametrize("name", CALLS)
async def test_bodies_are_strict_json(unchanged: FrontDoor, name: str) -> None:
    """One object, no member twice, none unknown, none missing."""
    call = CALLS[name]
    assert is_malformed(await send(unchanged, call, secret="secret"))
    for member in call[2]:
        short = {other: value for other, value in call[2].items() if other != member}
        assert is_malformed(await send_bytes(unchanged, call, json.dumps(short).encode()))
        twice = json.dumps(call[2])[:-1] + f', "{member}": {json.dumps(call[2][member])}}}'
        assert is_malformed(await send_bytes(unchanged, call, twice.encode()))
    for content in (b"", b"{", b"[]", b"null", b'"secret"', b"\xff", b"[" * 60_000):
        assert is_malformed(await send_bytes(unchanged, call, content))


@pytest.mark.parametrize("name", CALLS)
async def test_bodies_are_json_and_small(unchanged: FrontDoor, name: str) -> None:
    """64 KiB is the most."""
    call = CALLS[name]
    large = await send_bytes(unchanged, call, b" " * (64 * 1_024 + 1))
    fits = await send_bytes(unchanged, call, b" " * 64 * 1_024)
    text = await send_bytes(unchanged, call, b"{}", {"Content-Type": "text/plain"})
    assert [large.status_code, fits.status_code, text.status_code] == [413, 422, 415]


@pytest.mark.parametrize("name", [name for name in CALLS if name not in ("safety stock", "pause")])
@pytest.mark.parametrize("moment", ["yesterday", "2026-11-22T10:00:00", "1999-12-31T23:59:59Z", 7])
async def test_times_have_a_zone_and_are_of_our_days(
    unchanged: FrontDoor, name: str, moment: Any
) -> None:
    """For every document that may come late."""
    assert is_malformed(await send(unchanged, CALLS[name], occurred_at=moment))


@pytest.mark.parametrize("path", ["a b", "a%0A", "a.b", "%00", "a" * 129, "%FF", "GL%C3%96BE"])
async def test_ids_in_addresses(unchanged: FrontDoor, path: str) -> None:
    """A predecessor may yet come, so a name that none can have is malformed; a sku is unknown."""
    for call, place in (
        (INSPECTION, f"/warehouse/returns/{path}/inspections"),
        (DOCUMENTS["arrival"], f"/warehouse/transfers/{path}/receipts"),
    ):
        assert is_malformed(await send(unchanged, (call[0], place, call[2])))
    for call, place in (
        (ADJUSTMENT, f"/stock/{path}/adjustments"),
        (SAFETY_STOCK, f"/stock/{path}/safety-stock"),
        (PAUSE, f"/stock/{path}/pause"),
    ):
        response = await send(unchanged, (call[0], place, call[2]))
        assert (response.status_code, response.json()["code"]) == (404, "unknown-sku")


async def test_the_longest_of_everything_is_taken(front_door: FrontDoor) -> None:
    """The bounds themselves are inside."""
    name = "x" * 128
    await front_door.stocked("GLOBE", BER1=5)
    for call, change in (
        (DOCUMENTS["shipment"], {"shipment_id": name, "order_id": name, "lines": [LINE] * 100}),
        (DOCUMENTS["return"], {"return_id": name, "order_id": name}),
        (INSPECTION, {"inspection_id": name, "lines": [LOOK | {"restock": 10_000}]}),
        (DOCUMENTS["arrival"], {"receipt_id": name, "lines": [LINE | {"quantity": 10_000}]}),
    ):
        assert (await send(front_door, call, **change)).status_code == 202
    longest = {"adjustment_id": name, "reason": "x" * 64, "note": "\U0001f4a1" * 2_000}
    assert (await send(front_door, ADJUSTMENT, **longest, quantity=10_000)).status_code == 200
