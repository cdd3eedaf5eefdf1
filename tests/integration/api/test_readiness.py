"""What the probes say, and what callers are told while a part is away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from api.checkout_engine import CheckoutEngine
from dev.ports import free_port
from dev.temporal import TemporalServer, running_temporal
from ledger import ids
from tests.copies import MakeDatabase
from tests.integration.api.front_door import FrontDoor, bearer, lines, open_front_door
from workflows.search_attributes import SEARCH_ATTRIBUTES


@pytest.fixture(scope="module")
def temporal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TemporalServer]:
    """Give a real engine with our search attributes, and no worker."""
    directory = tmp_path_factory.mktemp("temporal")
    with running_temporal(directory, search_attributes=SEARCH_ATTRIBUTES) as server:
        yield server


@pytest.fixture(scope="module")
def bare_temporal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TemporalServer]:
    """Give a real engine that nobody set up."""
    with running_temporal(tmp_path_factory.mktemp("bare-temporal")) as server:
        yield server


def connecting(server: TemporalServer) -> Callable[[], Coroutine[Any, Any, Client]]:
    """Say how that engine is reached."""

    async def connect() -> Client:
        return await Client.connect(
            server.address, namespace=server.namespace, data_converter=pydantic_data_converter
        )

    return connect


async def probed(front_door: FrontDoor, *, connected: bool = True) -> Any:
    """Ask for readiness once the engine had time to connect."""
    async with front_door.wiring.engine.running():
        for _ in range(100):
            response = await front_door.http.get("/readyz")
            missing = response.json().get("missing", [])
            if not connected or "temporal" not in missing:
                break
            await asyncio.sleep(0.05)
        return response


def engine_at(server: TemporalServer) -> CheckoutEngine:
    """Make an engine's front over that server."""
    return CheckoutEngine(connecting(server), task_queue="checkout", wait_seconds=1)


async def test_ready_is_said_when_everything_is_there(
    make_database: MakeDatabase, temporal: TemporalServer
) -> None:
    database = make_database()
    async with open_front_door(
        database.application_url, checkout_engine=engine_at(temporal)
    ) as front_door:
        response = await probed(front_door)
    assert (response.status_code, response.json()) == (200, {"status": "ready"})


async def test_what_is_missing_is_named(
    make_database: MakeDatabase, bare_temporal: TemporalServer
) -> None:
    """A database of an older release and an engine that nobody set up."""
    database = make_database()
    database.run("UPDATE alembic_version SET version_num = '0000'")
    async with open_front_door(
        database.application_url, checkout_engine=engine_at(bare_temporal)
    ) as front_door:
        response = await probed(front_door)
    body = response.json()
    assert (response.status_code, body["code"]) == (503, "not-ready")
    assert response.headers["retry-after"]
    assert any(name.startswith("schema") for name in body["missing"])
    assert {f"search attribute {name}" for name in SEARCH_ATTRIBUTES} <= set(body["missing"])


async def test_without_a_database_callers_are_asked_to_come_back() -> None:
    """Reads, orders and the provider's events alike: 503, and the process lives."""
    url = f"postgresql://onhand:x@127.0.0.1:{free_port()}/onhand"
    checkout_id = ids.checkout_id("shop", "away")
    async with open_front_door(url) as front_door:
        http = front_door.http
        answers = [
            await http.get("/stock/LAMP", headers=bearer("stock:read")),
            await http.get(f"/checkouts/{checkout_id}", headers=bearer("checkout")),
            await front_door.order("away", lines=lines(LAMP=1)),
            await front_door.put_location("BER1"),
            await front_door.receive("away", "BER1", LAMP=1),
        ]
        ready = await probed(front_door, connected=False)
        alive = await http.get("/healthz")
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(503, "busy")}
    assert all(answer.headers["retry-after"] for answer in answers)
    assert set(ready.json()["missing"]) == {"database", "temporal"}
    assert alive.status_code == 200


async def test_a_full_ledger_asks_writers_to_come_back(make_database: MakeDatabase) -> None:
    """More wait than can be answered in time: 503 at once, while reads go on."""
    async with open_front_door(make_database().application_url, most_waiting=0) as front_door:
        await front_door.put_product("LAMP")
        await front_door.put_location("BER1")
        writes = [
            await front_door.receive("full", "BER1", LAMP=1),
            await front_door.order("full", lines=lines(LAMP=1)),
        ]
        read = await front_door.http.get("/stock/LAMP", headers=bearer("stock:read"))
    assert [(answer.status_code, answer.json()["code"]) for answer in writes] == [(503, "busy")] * 2
    assert all(answer.headers["retry-after"] for answer in writes)
    assert read.status_code == 200


async def test_an_order_without_a_worker_is_told_to_ask_again(
    make_database: MakeDatabase, temporal: TemporalServer
) -> None:
    """Twice: the second POST joins the first one's wait. A cancel cannot be decided either."""
    database = make_database()
    async with (
        open_front_door(
            database.application_url, checkout_engine=engine_at(temporal)
        ) as front_door,
        front_door.wiring.engine.running(),
    ):
        while await front_door.wiring.engine.missing():
            await asyncio.sleep(0.05)
        await front_door.put_product("LAMP")
        first = await front_door.order("slow", lines=lines(LAMP=1))
        again = await front_door.order("slow", lines=lines(LAMP=1))
        checkout_id = first.json()["checkout_id"]
        token = front_door.wiring.reservation_tokens.make(f"{checkout_id}/1", "shop")
        cancel = await front_door.http.post(
            f"/checkouts/{checkout_id}/cancel",
            headers=bearer("checkout") | {"Reservation-Token": token},
        )
    assert first.status_code == again.status_code == 202
    assert first.json() == again.json() == {"checkout_id": checkout_id, "status": "reserving"}
    assert (cancel.status_code, cancel.json()["code"]) == (503, "busy")


async def test_only_public_answers_are_open_to_other_origins(make_database: MakeDatabase) -> None:
    """And only to those that the settings name."""
    database = make_database()
    origin = {"Origin": "https://shop.example"}
    async with open_front_door(
        database.application_url, origins=["https://shop.example"]
    ) as front_door:
        public = await front_door.http.get("/healthz", headers=origin)
        other = await front_door.http.get("/healthz", headers={"Origin": "https://evil.example"})
        private = await front_door.http.get("/stock/LAMP", headers=origin | bearer("stock:read"))
    assert public.headers["access-control-allow-origin"] == "https://shop.example"
    assert "access-control-allow-origin" not in other.headers
    assert "access-control-allow-origin" not in private.headers
