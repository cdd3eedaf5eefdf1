"""What a person says about a row: corrections with a reason, safety stock, pauses and closed places."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import psycopg
import pytest

from ledger.commands import SetFeedBuffer
from tests.integration.api.front_door import FrontDoor, bearer, lines

WRITE = bearer("stock:write", subject="olga")


async def adjust(
    front_door: FrontDoor, sku: str, name: str, quantity: int, **rest: Any
) -> httpx2.Response:
    """Correct a row in Berlin."""
    body = {
        "adjustment_id": name,
        "location": "BER1",
        "quantity": quantity,
        "reason": "counted",
    } | rest
    return await front_door.http.post(f"/stock/{sku}/adjustments", json=body, headers=WRITE)


async def put(front_door: FrontDoor, sku: str, policy: str, **body: Any) -> httpx2.Response:
    """Set a policy of a row in Berlin."""
    return await front_door.http.put(
        f"/stock/{sku}/{policy}", json={"location": "BER1"} | body, headers=WRITE
    )


def refusal(response: httpx2.Response) -> tuple[int, str]:
    """Say who was refused, and why."""
    return response.status_code, response.json()["code"]


async def test_every_kind_corrects_its_pile(front_door: FrontDoor) -> None:
    """Found and missing, broken, mended, and thrown away."""
    await front_door.stocked("KINDS", BER1=10)
    steps: list[tuple[int, str | None]] = [
        (3, None),
        (-2, "adjust"),
        (4, "damage"),
        (1, "regrade"),
        (2, "write_off"),
    ]
    for number, (quantity, kind) in enumerate(steps):
        named = {} if kind is None else {"kind": kind}
        answer = await adjust(front_door, "KINDS", f"kinds-{number}", quantity, **named)
        assert (answer.status_code, answer.json()) == (
            200,
            {
                "adjustment_id": f"kinds-{number}",
                "sku": "KINDS",
                "location": "BER1",
                "kind": kind or "adjust",
                "quantity": quantity,
                "status": "applied",
                "review_id": None,
                "missing": 0,
                "version": number + 2,
            },
        )
    numbers = await front_door.stock("KINDS")
    assert (numbers["on_hand"], numbers["damaged"], numbers["version"]) == (8, 1, 6)
    assert {name: numbers["totals"][name] for name in ("adjusted", "damaged", "restocked")} == {
        "adjusted": -1,
        "damaged": 4,
        "restocked": 1,
    }


async def test_a_correction_counts_once(front_door: FrontDoor) -> None:
    """The same again is the same bytes, whatever else is said about it; other units are a conflict."""
    await front_door.stocked("TALLY", BER1=5)
    first = await adjust(front_door, "TALLY", "tally", -1, expected_version=1)
    again = await adjust(
        front_door, "TALLY", "tally", -1, expected_version=1, reason="other", note="Sorry!"
    )
    assert first.status_code == again.status_code == 200
    assert first.content == again.content
    changes: list[dict[str, Any]] = [
        {"quantity": -2},
        {"location": "MUC1"},
        {"kind": "damage", "quantity": 1},
    ]
    for change in changes:
        units: dict[str, Any] = {"quantity": -1} | change
        assert refusal(await adjust(front_door, "TALLY", "tally", **units)) == (409, "key-reused")
    await front_door.put_product("TALLY-2")
    assert refusal(await adjust(front_door, "TALLY-2", "tally", -1)) == (409, "key-reused")
    assert (await front_door.stock("TALLY"))["on_hand"] == 4


async def test_a_correction_of_what_has_changed_since_is_refused(front_door: FrontDoor) -> None:
    """The version is the location's, and 0 where nothing has ever happened there."""
    await front_door.stocked("STALE", BER1=5)
    fresh = await adjust(front_door, "STALE", "stale-1", 1, expected_version=1)
    stale = await adjust(front_door, "STALE", "stale-2", 1, expected_version=1)
    assert (fresh.status_code, fresh.json()["version"]) == (200, 2)
    assert refusal(stale) == (409, "stale-version")
    assert (stale.json()["expected"], stale.json()["version"]) == (1, 2)
    assert (await adjust(front_door, "STALE", "stale-2", 1, expected_version=2)).status_code == 200
    await front_door.put_location("MUC1", priority=2)
    unborn = await adjust(front_door, "STALE", "stale-3", 1, location="MUC1", expected_version=0)
    assert (unborn.status_code, unborn.json()["version"]) == (200, 1)


async def test_of_two_who_saw_the_same_version_one_corrects(front_door: FrontDoor) -> None:
    """Two people count one shelf; the second must look again before anything is taken twice."""
    await front_door.stocked("COUNTED", BER1=9)
    answers = await asyncio.gather(
        *(
            adjust(front_door, "COUNTED", f"counted-{number}", -2, expected_version=1)
            for number in range(6)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 5
    assert {refusal(answer)[1] for answer in answers if answer.status_code == 409} == {
        "stale-version"
    }
    assert (await front_door.stock("COUNTED"))["on_hand"] == 7


async def test_a_shortfall_asks_for_a_review(front_door: FrontDoor) -> None:
    """What is for sale is taken; who counts on the rest is named for a person, and nothing is negative."""
    await front_door.stocked("SHORT", BER1=3)
    held = await front_door.order("short", lines=lines(SHORT=2))
    await front_door.reserve(held.json()["checkout_id"])
    answer = await adjust(front_door, "SHORT", "short", -3)
    again = await adjust(front_door, "SHORT", "short", -3)
    told = answer.json()
    assert answer.status_code == again.status_code == 202
    assert answer.content == again.content
    assert (told["status"], told["quantity"], told["missing"]) == ("review", -1, 2)
    assert told["review_id"] == "shortfall-short"
    numbers = await front_door.stock("SHORT")
    assert (numbers["on_hand"], numbers["reserved"], numbers["available"]) == (2, 2, 0)


@pytest.mark.parametrize(
    ("kind", "pile"),
    [("regrade", "damaged"), ("write_off", "damaged"), ("lost_in_transit", "transit")],
)
async def test_no_more_is_taken_than_there_is(front_door: FrontDoor, kind: str, pile: str) -> None:
    """Where nobody can be counting on it, it is a mistake, and the numbers are told."""
    sku = f"PILE-{kind}"
    await front_door.stocked(sku, BER1=3)
    answer = await adjust(front_door, sku, sku, 2, kind=kind)
    assert refusal(answer) == (409, "pile-too-small")
    assert {name: answer.json()[name] for name in ("pile", "wanted", "there")} == {
        "pile": pile,
        "wanted": 2,
        "there": 0,
    }


async def test_nothing_is_taken_where_nothing_is(front_door: FrontDoor) -> None:
    """An empty row has nobody who counts on it, so there is nothing to review."""
    await front_door.put_product("BARE")
    for quantity, kind in ((-1, "adjust"), (1, "damage")):
        answer = await adjust(front_door, "BARE", "bare", quantity, kind=kind)
        assert refusal(answer) == (409, "pile-too-small")
        assert answer.json()["there"] == 0
    assert (await front_door.stock("BARE"))["locations"] == []


async def test_a_note_is_kept_and_told_nowhere(
    front_door: FrontDoor, capsys: pytest.CaptureFixture[str]
) -> None:
    """It may name people: not in the answer, the movements, the events or the log, but beside them."""
    note = "Ms. Nightingale dropped it"
    await front_door.stocked("NOTED", BER1=3)
    answer = await adjust(front_door, "NOTED", "noted", 1, kind="damage", note=note)
    bad = await adjust(front_door, "NOTED", "noted-2", 1, kind="damage", note=f"{note}\0")
    stale = await adjust(front_door, "NOTED", "noted-3", 1, note=note, expected_version=99)
    assert [answer.status_code, bad.status_code, stale.status_code] == [200, 422, 409]
    assert "Nightingale" not in answer.text + bad.text + stale.text
    written = capsys.readouterr()
    # The search sees something.
    assert "/stock/{sku}/adjustments" in written.out + written.err
    assert "Nightingale" not in written.out + written.err
    with psycopg.connect(front_door.database_url, autocommit=True) as connection:
        assert connection.execute(
            "SELECT text FROM note WHERE operation_key = 'adjustment/noted'"
        ).fetchall() == [(note,)]
        tables = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'note'"
        ).fetchall()
        for (table,) in tables:
            assert connection.execute(
                f"SELECT count(*) FROM {table} AS r WHERE r::text LIKE '%Nightingale%'"  # noqa: S608
            ).fetchone() == (0,), table


async def test_safety_stock_is_kept_out_of_sale(front_door: FrontDoor) -> None:
    """Up to all that is there; set again it changes nothing, and may be more than there is."""
    await front_door.stocked("SAFE", BER1=5)
    answer = await put(front_door, "SAFE", "safety-stock", quantity=2)
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "sku": "SAFE",
            "location": "BER1",
            "safety_stock": 2,
            "feed_buffer": 0,
            "paused": [],
            "available": 3,
            "version": 2,
        },
    )
    again = await put(front_door, "SAFE", "safety-stock", quantity=2)
    assert again.content == answer.content
    numbers = await front_door.stock("SAFE")
    assert (numbers["safety_stock"], numbers["held_back"], numbers["available"]) == (2, 2, 3)
    more = await put(front_door, "SAFE", "safety-stock", quantity=1_000_000)
    assert (more.status_code, more.json()["available"]) == (200, 0)
    assert (await front_door.stock("SAFE"))["held_back"] == 5
    none = await put(front_door, "SAFE", "safety-stock", quantity=0)
    assert none.json()["available"] == 5


async def test_a_feeds_buffer_is_held_back_too(front_door: FrontDoor) -> None:
    """What is held back is both together, and never more than there is."""
    await front_door.stocked("BUFFER", BER1=5)
    await put(front_door, "BUFFER", "safety-stock", quantity=2)
    buffer = SetFeedBuffer(
        actor="feed", sku="BUFFER", location="BER1", quantity=1, reason="feed-silent"
    )
    await front_door.wiring.ledger.post(buffer)
    numbers = await front_door.stock("BUFFER")
    assert (numbers["safety_stock"], numbers["held_back"], numbers["available"]) == (2, 3, 2)
    assert (await put(front_door, "BUFFER", "safety-stock", quantity=2)).json()["feed_buffer"] == 1
    await put(front_door, "BUFFER", "safety-stock", quantity=9)
    assert (await front_door.stock("BUFFER"))["held_back"] == 5


async def test_a_pause_keeps_a_row_out_of_sale(front_door: FrontDoor) -> None:
    """All of it is held back; the reasons of others stay when the operator's goes."""
    await front_door.stocked("STILL", BER1=5)
    await front_door.stocked("STILL-2", **{"STILL-PLACE": 4})
    paused = await put(front_door, "STILL", "pause", paused=True)
    again = await put(front_door, "STILL", "pause", paused=True)
    assert (paused.status_code, paused.json()["paused"]) == (200, ["operator"])
    assert paused.content == again.content
    numbers = await front_door.stock("STILL")
    assert (numbers["held_back"], numbers["available"]) == (5, 0)
    resumed = await put(front_door, "STILL", "pause", paused=False)
    assert (resumed.json()["paused"], resumed.json()["available"]) == ([], 5)
    at = {"location": "STILL-PLACE"}
    await put(front_door, "STILL-2", "pause", paused=True, **at)
    await front_door.put_location("STILL-PLACE", enabled=False)
    left = await put(front_door, "STILL-2", "pause", paused=False, **at)
    assert (left.json()["paused"], left.json()["available"]) == (["location-disabled"], 0)
    await front_door.put_location("STILL-PLACE")
    assert (await front_door.stock("STILL-2"))["available"] == 4


async def test_rows_that_begin_at_a_closed_place_are_not_for_sale(front_door: FrontDoor) -> None:
    """Whatever they begin with; opening the place sells them all."""
    skus = [
        f"CLOSED-{name}" for name in ("RECEIPT", "RETURN", "TRANSFER", "FOUND", "SAFE", "PAUSE")
    ]
    for sku in skus:
        await front_door.stocked(sku, BER1=2)
    await front_door.put_location("CLOSED", enabled=False, priority=9)
    receipt, returned, transfer, found, safe, pause = skus
    order_id = await front_door.sold("closed", **{returned: 1})
    ordered = {"order_id": order_id, "lines": lines(**{returned: 1})}
    at = {"location": "CLOSED"}
    await front_door.tell("/shipments", shipment_id="closed", location="BER1", **ordered)
    await front_door.tell("/returns", return_id="closed", **at, **ordered)
    looked = [{"sku": returned, "restock": 1, "damaged": 0}]
    await front_door.tell("/returns/closed/inspections", inspection_id="closed", lines=looked)
    sent: dict[str, Any] = {"from": "BER1", "to": "CLOSED", "lines": lines(**{transfer: 1})}
    await front_door.tell("/transfers", transfer_id="closed", **sent)
    arrived = {"receipt_id": "closed", "lines": lines(**{transfer: 1})}
    await front_door.tell("/transfers/closed/receipts", **arrived)
    await adjust(front_door, found, "closed", 1, **at)
    await put(front_door, safe, "safety-stock", quantity=0, **at)
    await put(front_door, safe, "safety-stock", quantity=1, **at)
    await put(front_door, pause, "pause", paused=True, **at)
    await front_door.receive("closed", "CLOSED", **{receipt: 1, safe: 2, pause: 1})
    for sku in skus:
        row = _at(await front_door.stock(sku), "CLOSED")
        assert row["on_hand"] >= 1, sku
        assert row["available"] == 0, sku
        assert "location-disabled" in row["paused"], sku
    await front_door.put_location("CLOSED", priority=9)
    available = [_at(await front_door.stock(sku), "CLOSED")["available"] for sku in skus]
    assert available == [1, 1, 1, 1, 1, 0]


async def test_a_row_is_named_by_what_exists(front_door: FrontDoor) -> None:
    """An unknown sku or place is 404 for every call, and leaves no trace."""
    await front_door.put_product("NAMED")
    before = front_door.counts()
    for sku, location, code in (
        ("NOSUCH", "BER1", "unknown-sku"),
        ("NAMED", "NOWHERE", "unknown-location"),
        ("a.b", "BER1", "unknown-sku"),
    ):
        at = {"location": location}
        for answer in (
            await adjust(front_door, sku, "named", 1, **at),
            await put(front_door, sku, "safety-stock", quantity=1, **at),
            await put(front_door, sku, "pause", paused=True, **at),
        ):
            assert refusal(answer) == (404, code)
    assert front_door.counts() == before


def _at(numbers: Any, location: str) -> Any:
    (row,) = [row for row in numbers["locations"] if row["location"] == location]
    return row
