"""A caller's `traceparent` goes into the event of what it asked for, and is never why a request is refused."""

from __future__ import annotations

import psycopg
import pytest

from tests.integration.api.front_door import FrontDoor, bearer, lines

TOLD = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def traces(front_door: FrontDoor, subject: str) -> list[str | None]:
    """List the traces of a subject's events."""
    query = "SELECT traceparent FROM outbox WHERE subject = %s ORDER BY sequence"
    with psycopg.connect(front_door.database_url, autocommit=True) as connection:
        return [told for (told,) in connection.execute(query, [subject])]


async def received(front_door: FrontDoor, sku: str, *told: str) -> int:
    """Take one unit in with these headers, and give the answer's status."""
    await front_door.put_product(sku)
    body = {"receipt_id": f"R-{sku}", "location": "BER1", "lines": lines(**{sku: 1})}
    headers = [*bearer("warehouse").items(), *(("traceparent", each) for each in told)]
    return (
        await front_door.http.post("/warehouse/receipts", json=body, headers=headers)
    ).status_code


async def test_a_command_is_posted_for_its_callers_trace(front_door: FrontDoor) -> None:
    """The request after it, on the same connection, is none of it."""
    assert await received(front_door, "TRACED", TOLD) == 201
    assert await received(front_door, "UNTRACED") == 201

    assert traces(front_door, "TRACED/BER1") == [TOLD]
    assert traces(front_door, "UNTRACED/BER1") == [None]


async def test_a_policy_is_changed_for_its_callers_trace(front_door: FrontDoor) -> None:
    """It has no operation key, and an event all the same."""
    await front_door.put_product("TRACED-PRODUCT")
    body = {"title": "New", "price_minor": 1, "currency": "EUR"}
    headers = bearer("stock:write") | {"traceparent": TOLD}
    await front_door.http.put("/products/TRACED-PRODUCT", json=body, headers=headers)

    assert traces(front_door, "TRACED-PRODUCT") == [None, TOLD]


@pytest.mark.parametrize(
    "told", [("nonsense",), (TOLD.upper(),), ("x" * 5_000,), (TOLD, TOLD)], ids=range(4)
)
async def test_a_header_that_will_not_do_is_ignored(
    front_door: FrontDoor, told: tuple[str, ...], request: pytest.FixtureRequest
) -> None:
    """Two of them are none: nobody can say which."""
    sku = f"ODD-{request.node.callspec.id}"
    assert await received(front_door, sku, *told) == 201
    assert traces(front_door, f"{sku}/BER1") == [None]
