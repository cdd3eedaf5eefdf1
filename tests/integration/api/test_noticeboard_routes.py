"""The warehouse board and analytics over HTTP: filled from a shop's ledger, and read page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from api.noticeboards.pages import page_token
from ledger.database import Role, engine
from ledger.errors import Refused
from projections.analytics.analytics import Analytics
from projections.board.board import Board
from projections.dead_letters import DeadLetter, DeadLetters
from projections.generations import Generations
from projections.reading import MOST_COUNTED
from tests.copies import Database
from tests.integration.api.front_door import FrontDoor, bearer, lines, open_front_door

BOARD, ANALYTICS = "/warehouse/board", "/analytics/stock"


@pytest.fixture
async def door(database: Database) -> AsyncIterator[FrontDoor]:
    """Give a shop of its own, with two warehouses and nothing to read yet."""
    async with open_front_door(database.application_url) as opened:
        for location in ("BER1", "MUC1"):
            await opened.put_location(location)
        yield opened


async def filled(database: Database) -> None:
    """Fill both noticeboards, and have them read."""
    pool = engine(database.application_url, pool_size=2, role=Role.PROJECTIONS)
    generations = Generations(pool)
    for noticeboard in (Board(pool), Analytics(pool)):
        number = await generations.begin(noticeboard.name, stream="none")
        await noticeboard.build(number, lambda _done, _of: None)
        as_of = datetime.now(UTC) - timedelta(seconds=3)
        await generations.promote(noticeboard.name, number, as_of=as_of, position=0)
    await pool.dispose()


async def put_aside(database: Database, name: str, number: int) -> None:
    """Put so many events aside that the live generation could not take in."""
    pool = engine(database.application_url, pool_size=2, role=Role.PROJECTIONS)
    live = await Generations(pool).live(name)
    assert live is not None
    letters = [
        DeadLetter(
            projection=name,
            generation=live.number,
            position=position,
            topic="onhand.stock.LAMP.BER1",
            subject="LAMP/BER1",
            code="no-event",
            body=b"",
            attempts=1,
        )
        for position in range(1, number + 1)
    ]
    await DeadLetters(pool).put(letters)
    await pool.dispose()


async def read(door: FrontDoor, path: str, scope: str = "operator", **asked: Any) -> Any:
    """Ask, and expect an answer."""
    named = {name.removesuffix("_"): value for name, value in asked.items()}
    response = await door.http.get(path, params=named, headers=bearer(scope))
    assert response.status_code == 200, response.text
    return response.json()


async def refusal(door: FrontDoor, path: str, **asked: Any) -> tuple[int, Any]:
    """Ask, and expect a problem."""
    named = {name.removesuffix("_"): value for name, value in asked.items()}
    response = await door.http.get(path, params=named, headers=bearer("operator"))
    return response.status_code, response.json()


async def a_busy_day(door: FrontDoor) -> tuple[str, str, str]:
    """Sell three orders: one waits, one was sent in part, one is back; and send something to Munich."""
    await door.stocked("LAMP", BER1=10)
    await door.stocked("RUG", BER1=4)
    waits = await door.sold("waits", LAMP=2, RUG=1)
    partly = await door.sold("partly", LAMP=3)
    back = await door.sold("back", RUG=2)
    sent = {"location": "BER1"}
    await door.tell("/shipments", shipment_id="S1", order_id=partly, lines=lines(LAMP=1), **sent)
    await door.tell("/shipments", shipment_id="S2", order_id=back, lines=lines(RUG=2), **sent)
    await door.tell("/returns", return_id="R1", order_id=back, location="BER1", lines=lines(RUG=2))
    await door.tell(
        "/returns/R1/inspections",
        inspection_id="I1",
        lines=[{"sku": "RUG", "restock": 1, "damaged": 0}],
    )
    await door.tell(
        "/transfers", transfer_id="T1", **{"from": "BER1", "to": "MUC1"}, lines=lines(LAMP=4)
    )
    await door.tell("/transfers/T1/receipts", receipt_id="TR1", lines=lines(LAMP=1))
    return waits, partly, back


@pytest.mark.parametrize(
    ("path", "asked", "name", "other"),
    [(BOARD, {"location": "BER1"}, "board", "analytics"), (ANALYTICS, {}, "analytics", "board")],
)
async def test_an_answer_says_how_many_events_are_not_in_it(
    door: FrontDoor, database: Database, path: str, asked: dict[str, str], name: str, other: str
) -> None:
    """Its own that are open: not another's, not those that were settled, not an older generation's."""
    await filled(database)
    await put_aside(database, name, 4)
    await filled(database)
    # Whoever was still at it put them aside when the other was read already.
    database.run("UPDATE projections.dead_letter SET state = 'open'")
    assert (await read(door, path, **asked))["dead_letters"] == 0
    await put_aside(database, name, 3)
    await put_aside(database, other, 2)
    assert (await read(door, path, **asked))["dead_letters"] == 3
    database.run(
        "UPDATE projections.dead_letter SET state = 'applied' WHERE projection = %s AND position = 1",
        name,
    )
    assert (await read(door, path, **asked))["dead_letters"] == 2
    await put_aside(database, name, MOST_COUNTED + 5)
    assert (await read(door, path, **asked))["dead_letters"] == MOST_COUNTED


@pytest.mark.parametrize("path", [f"{BOARD}?location=BER1", ANALYTICS])
async def test_before_the_first_filling_there_is_nothing_to_be_read(
    door: FrontDoor, path: str
) -> None:
    """That is told, and not that there is nothing to do."""
    response = await door.http.get(path, headers=bearer("operator"))
    assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
    assert response.json()["code"] == "projection-unavailable"


async def test_a_warehouse_reads_what_it_has_to_do(door: FrontDoor, database: Database) -> None:
    """To pick, to inspect, to take in, oldest first, and how old that may be."""
    waits, partly, _ = await a_busy_day(door)
    await filled(database)
    berlin = await read(door, BOARD, "warehouse", location="BER1")
    munich = await read(door, BOARD, "warehouse", location="MUC1")
    assert [(task["order_id"], task["sku"], task["quantity"]) for task in berlin["pick"]] == [
        (waits, "LAMP", 2),
        (waits, "RUG", 1),
        (partly, "LAMP", 2),
    ]
    (task,) = berlin["inspect"]
    assert (task["return_id"], task["sku"], task["quantity"]) == ("R1", "RUG", 1)
    assert (berlin["receive"], berlin["next"], berlin["location"]) == ([], None, "BER1")
    (coming,) = munich["receive"]
    assert (coming["transfer_id"], coming["quantity"], coming["from"]) == ("T1", 3, "BER1")
    assert (munich["pick"], munich["inspect"]) == ([], [])
    assert berlin["age_ms"] >= 3_000
    since = [datetime.fromisoformat(task["since"]) for task in berlin["pick"]]
    assert since == sorted(since)


async def test_a_board_is_read_page_by_page(door: FrontDoor, database: Database) -> None:
    """Each section goes on where it ended; one that has ended is not told again."""
    await a_busy_day(door)
    await filled(database)
    whole = await read(door, BOARD, location="BER1")
    pages = [await read(door, BOARD, location="BER1", limit=1)]
    while pages[-1]["next"]:
        after = pages[-1]["next"]
        pages.append(await read(door, BOARD, location="BER1", limit=1, after=after))
    assert len(pages) == 3
    for section in ("pick", "inspect", "receive"):
        assert [task for page in pages for task in page[section]] == whole[section]


async def test_a_board_that_is_asked_for_wrongly(door: FrontDoor, database: Database) -> None:
    """Unknown is 404, malformed 422, and nothing to do is an answer."""
    await filled(database)
    empty = await read(door, BOARD, location="MUC1")
    assert (empty["pick"], empty["inspect"], empty["receive"]) == ([], [], [])
    status, problem = await refusal(door, BOARD, location="HAM1")
    assert (status, problem["code"]) == (404, "unknown-location")
    for asked in (
        {},
        {"location": "no place"},
        {"location": "BER1", "limit": 0},
        {"location": "BER1", "after": "nonsense"},
        {"location": "BER1", "after": "e30="},
        {"location": "BER1", "after": "eyJwaWNrIjogWzEsIDIsIDNdfQ=="},
        {
            "location": "BER1",
            "after": "eyJidXkiOiBbIjIwMjYtMDEtMDFUMDA6MDA6MDBaIiwgImEiLCAiYiJdfQ==",
        },
    ):
        status, problem = await refusal(door, BOARD, **asked)
        assert (status, problem["code"]) == (422, "malformed"), asked


async def test_an_operator_reads_what_came_of_holds_and_goods(
    door: FrontDoor, database: Database
) -> None:
    """Units, and orders however many lines they have; what was refused is lost, what expired is not."""
    await a_busy_day(door)
    for key in ("expires", "released"):
        held = (await door.order(key, lines=lines(LAMP=1))).json()["checkout_id"]
        await door.reserve(held)
        await (door.expire(held) if key == "expires" else door.release(held))
    refused = (await door.order("refused", lines=lines(LAMP=50, RUG=1))).json()["checkout_id"]
    with suppress(Refused):
        await door.reserve(refused)
    await filled(database)
    told = await read(door, ANALYTICS)
    totals = told["totals"]
    assert {name: totals[name] for name in ("held", "holds", "confirmed", "orders", "sold")} == {
        "held": 10,
        "holds": 5,
        "confirmed": 8,
        "orders": 3,
        "sold": 8,
    }
    assert (totals["released"], totals["expired"]) == (1, 1)
    assert (totals["received"], totals["shipped"], totals["returned"]) == (14, 3, 2)
    assert (totals["lost"], totals["refusals"], totals["on_hand"]) == (50, 1, 0)
    assert (totals["conversion"], totals["expiry_rate"]) == (0.8, 0.1)
    assert totals["sell_through"] == round(8 / 14, 4)
    assert {bucket["sku"] for bucket in told["buckets"]} == {"LAMP", "RUG"}
    rugs = (await read(door, ANALYTICS, sku="RUG"))["totals"]
    assert (rugs["orders"], rugs["holds"], rugs["sold"], rugs["lost"]) == (2, 2, 3, 0)
    assert (rugs["conversion"], rugs["expiry_rate"]) == (1.0, 0.0)


async def test_what_was_there_before_counts_for_sell_through(
    door: FrontDoor, database: Database
) -> None:
    """What was on hand when a time began could be sold in it; a time without holds has no ratio."""
    await a_busy_day(door)
    moved = "UPDATE projections.analytics_hour SET hour = hour - interval '30 hours'"
    await filled(database)
    database.run(moved)
    (bucket, *_) = (await read(door, ANALYTICS, by="day", from_=_ago(days=3)))["buckets"]
    totals = (await read(door, ANALYTICS, from_=_ago(hours=2)))["totals"]
    # Ten lamps and four rugs came; eight were sold, one rug is on sale again, three lamps travel.
    assert (totals["on_hand"], totals["sold"], totals["sell_through"]) == (4, 0, 0.0)
    assert (totals["conversion"], totals["expiry_rate"]) == (None, None)
    assert bucket["begins"].endswith("T00:00:00Z")
    assert (bucket["sku"], bucket["on_hand"], bucket["received"]) == ("LAMP", 0, 10)


async def test_analytics_are_read_page_by_page(door: FrontDoor, database: Database) -> None:
    """By time and sku; what all come to is told once."""
    for sku in ("A", "B", "C"):
        await door.stocked(sku, BER1=1)
    await filled(database)
    whole = await read(door, ANALYTICS)
    first = await read(door, ANALYTICS, limit=2)
    second = await read(door, ANALYTICS, limit=2, after=first["next"])
    assert [bucket["sku"] for bucket in whole["buckets"]] == ["A", "B", "C"]
    assert first["buckets"] + second["buckets"] == whole["buckets"]
    assert (first["totals"]["received"], second["totals"], second["next"]) == (3, None, None)
    assert whole["next"] is None


@pytest.mark.parametrize(("by", "other"), [("hour", "day"), ("day", "hour")])
async def test_a_page_goes_on_in_the_steps_it_began_with(
    door: FrontDoor, database: Database, by: str, other: str
) -> None:
    """A place among hours is none among days, nor is one that no bucket begins at."""
    for sku in ("A", "B"):
        await door.stocked(sku, BER1=1)
    await filled(database)
    # At midnight, where an hour and a day begin.
    database.run("UPDATE projections.analytics_hour SET hour = date_trunc('day', hour, 'UTC')")
    asked: dict[str, Any] = {"from_": _ago(days=2), "limit": 1}
    place = (await read(door, ANALYTICS, by=by, **asked))["next"]
    elsewhere = page_token([by, "2026-03-01T00:30:00Z", "A"])
    for steps, after in ((other, place), (by, elsewhere)):
        status, problem = await refusal(door, ANALYTICS, by=steps, after=after, **asked)
        assert (status, problem["code"]) == (422, "malformed")
        (error,) = problem["errors"]
        assert error["location"] == "query.after"
        assert error["message"] == "must be what an earlier answer gave as `next`"
    (bucket,) = (await read(door, ANALYTICS, by=by, after=place, **asked))["buckets"]
    assert bucket["sku"] == "B"


async def test_a_time_is_whole_hours_or_days(door: FrontDoor, database: Database) -> None:
    """What was asked for is in it, to its first and last minute."""
    await filled(database)
    asked = {"from_": "2026-03-01T12:30:00+02:00", "until": "2026-03-01T12:00:00Z"}
    by_hour = await read(door, ANALYTICS, **asked)
    by_day = await read(door, ANALYTICS, by="day", **asked)
    assert (by_hour["from"], by_hour["until"]) == ("2026-03-01T10:00:00Z", "2026-03-01T12:00:00Z")
    assert (by_day["from"], by_day["until"]) == ("2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z")
    assert (by_hour["buckets"], by_hour["totals"]["sold"]) == ([], 0)


async def test_analytics_that_are_asked_for_wrongly(door: FrontDoor, database: Database) -> None:
    """A sku that nobody offers is 404; everything malformed is 422, and says where."""
    await filled(database)
    status, problem = await refusal(door, ANALYTICS, sku="NOBODYS")
    assert (status, problem["code"]) == (404, "unknown-sku")
    wrong: dict[str, dict[str, Any]] = {
        "sku": {"sku": "no sku"},
        "from": {"from_": "yesterday"},
        "until": {"until": "2026-03-01T12:00:00"},
        "by": {"by": "week"},
        "limit": {"limit": 501},
        "after": {"after": "WzFd"},
    }
    for where, asked in wrong.items():
        status, problem = await refusal(door, ANALYTICS, **asked)
        assert (status, problem["errors"][0]["location"]) == (422, f"query.{where}")
    noon = "2026-03-01T12:00:00Z"
    for where, asked in {
        "until": {"from_": noon, "until": noon},
        "from": {"from_": "2025-03-01T12:00:00Z", "until": noon},
    }.items():
        status, problem = await refusal(door, ANALYTICS, **asked)
        assert (status, problem["errors"][0]["location"]) == (422, f"query.{where}")


def _ago(**time: int) -> str:
    return (datetime.now(UTC) - timedelta(**time)).isoformat()
