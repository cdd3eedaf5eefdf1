"""Every route by every scope by own and foreign: a new route without an entry fails here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from fastapi.routing import iter_route_contexts

from api.access import Scope, refuse_undeclared
from api.app import create_app
from tests.integration.api.front_door import FrontDoor, bearer, lines

OBJECTS = ("{own}", "{ordered}")
NOBODYS = dict.fromkeys(OBJECTS, "co_" + "a" * 26)
PUBLIC, SIGNED = "public", "signed"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Who may call a route, and one good call of it. `{own}` and `{ordered}` are a checkout and an order of `shop`."""

    allowed: frozenset[str] | str
    path: str
    success: int
    json: Any = None
    headers: tuple[tuple[str, str], ...] = ()
    foreign: dict[str, int] | None = None
    """Status by scope for a caller who does not own `{own}`."""


def only(*scopes: str) -> frozenset[str]:
    """Name the scopes that open a route."""
    return frozenset(scopes)


MATRIX: dict[tuple[str, str], Entry] = {
    ("PUT", "/products/{sku}"): Entry(
        allowed=only("stock:write"),
        path="/products/MATRIX",
        json={"title": "Matrix", "price_minor": 1, "currency": "EUR"},
        success=200,
    ),
    ("PUT", "/locations/{location}"): Entry(
        allowed=only("stock:write"),
        path="/locations/BER1",
        json={"kind": "warehouse", "priority": 1, "enabled": True},
        success=200,
    ),
    ("POST", "/checkouts"): Entry(
        allowed=only("checkout"),
        path="/checkouts",
        json={"customer_id": "ANNA", "lines": lines(MATRIX=1)},
        headers=(("Idempotency-Key", "matrix"),),
        success=202,
    ),
    ("GET", "/checkouts/{checkout_id}"): Entry(
        allowed=only("checkout", "operator"),
        path="/checkouts/{own}",
        success=200,
        foreign={"checkout": 404, "operator": 200},
    ),
    ("POST", "/checkouts/{checkout_id}/cancel"): Entry(
        allowed=only("checkout"),
        path="/checkouts/{own}/cancel",
        headers=(("Reservation-Token", "{token}"),),
        success=200,
        foreign={"checkout": 404},
    ),
    ("POST", "/checkouts/{checkout_id}/extend"): Entry(
        allowed=only("checkout"),
        path="/checkouts/{own}/extend",
        json={"seconds": 60, "extension": 1},
        headers=(("Reservation-Token", "{token}"),),
        success=409,
        foreign={"checkout": 404},
    ),
    ("POST", "/orders/{order_id}/cancel"): Entry(
        allowed=only("checkout", "operator"),
        path="/orders/{ordered}/cancel",
        success=202,
        foreign={"checkout": 404, "operator": 202},
    ),
    ("POST", "/orders/{order_id}/short"): Entry(
        allowed=only("warehouse", "operator"),
        path=f"/orders/co_{'a' * 26}/short",
        json={"short_id": "matrix", "lines": lines(MATRIX=1)},
        success=202,
    ),
    ("POST", "/warehouse/receipts"): Entry(
        allowed=only("warehouse"),
        path="/warehouse/receipts",
        json={"receipt_id": "matrix", "location": "BER1", "lines": lines(MATRIX=1)},
        success=201,
    ),
    ("POST", "/warehouse/shipments"): Entry(
        allowed=only("warehouse"),
        path="/warehouse/shipments",
        json={
            "shipment_id": "matrix",
            "order_id": "co_not-yet",
            "location": "BER1",
            "lines": lines(MATRIX=1),
        },
        success=202,
    ),
    ("POST", "/warehouse/returns"): Entry(
        allowed=only("warehouse"),
        path="/warehouse/returns",
        json={
            "return_id": "matrix",
            "order_id": "co_not-yet",
            "location": "BER1",
            "lines": lines(MATRIX=1),
        },
        success=202,
    ),
    ("POST", "/warehouse/returns/{return_id}/inspections"): Entry(
        allowed=only("warehouse"),
        path="/warehouse/returns/matrix/inspections",
        json={
            "inspection_id": "matrix",
            "lines": [{"sku": "MATRIX", "restock": 1, "damaged": 0}],
        },
        success=202,
    ),
    ("POST", "/warehouse/transfers"): Entry(
        allowed=only("warehouse"),
        path="/warehouse/transfers",
        json={
            "transfer_id": "matrix",
            "from": "BER1",
            "to": "MATRIX-2",
            "lines": lines(MATRIX=1),
        },
        success=201,
    ),
    ("POST", "/warehouse/transfers/{transfer_id}/receipts"): Entry(
        allowed=only("warehouse"),
        path="/warehouse/transfers/not-yet/receipts",
        json={"receipt_id": "matrix", "lines": lines(MATRIX=1)},
        success=202,
    ),
    ("POST", "/stock/{sku}/adjustments"): Entry(
        allowed=only("stock:write"),
        path="/stock/MATRIX/adjustments",
        json={
            "adjustment_id": "matrix",
            "location": "BER1",
            "quantity": 1,
            "reason": "found",
        },
        success=200,
    ),
    ("PUT", "/stock/{sku}/safety-stock"): Entry(
        allowed=only("stock:write"),
        path="/stock/MATRIX/safety-stock",
        json={"location": "BER1", "quantity": 0},
        success=200,
    ),
    ("PUT", "/stock/{sku}/pause"): Entry(
        allowed=only("stock:write"),
        path="/stock/MATRIX/pause",
        json={"location": "BER1", "paused": False},
        success=200,
    ),
    ("GET", "/stock/{sku}"): Entry(allowed=only("stock:read"), path="/stock/MATRIX", success=200),
    ("GET", "/stock/{sku}/movements"): Entry(
        allowed=only("stock:read"), path="/stock/MATRIX/movements", success=200
    ),
    ("GET", "/stock/{sku}/explain"): Entry(
        allowed=only("stock:read"), path="/stock/MATRIX/explain", success=200
    ),
    ("GET", "/warehouse/board"): Entry(
        allowed=only("warehouse", "operator"), path="/warehouse/board?location=BER1", success=503
    ),
    ("GET", "/analytics/stock"): Entry(
        allowed=only("operator", "stock:read"), path="/analytics/stock", success=503
    ),
    ("GET", "/availability"): Entry(allowed=PUBLIC, path="/availability?sku=MATRIX", success=503),
    ("GET", "/availability/{sku}"): Entry(allowed=PUBLIC, path="/availability/MATRIX", success=503),
    ("GET", "/streams/availability"): Entry(
        allowed=PUBLIC, path="/streams/availability", success=422
    ),
    ("GET", "/search"): Entry(allowed=PUBLIC, path="/search?q=lamp", success=503),
    ("POST", "/webhooks/stripe"): Entry(allowed=SIGNED, path="/webhooks/stripe", success=400),
    ("GET", "/healthz"): Entry(allowed=PUBLIC, path="/healthz", success=200),
    ("GET", "/readyz"): Entry(allowed=PUBLIC, path="/readyz", success=503),
    ("GET", "/openapi.json"): Entry(allowed=PUBLIC, path="/openapi.json", success=200),
    ("GET", "/docs"): Entry(allowed=PUBLIC, path="/docs", success=200),
}
"""The readiness probe says 503 here, since nobody answers at Temporal's address, and so do the noticeboards, which
nobody keeps. A stream of no sku is malformed: one of any other would not end."""

SCOPES = [*(scope.value for scope in Scope), "seller:ACME", "nonsense"]
ROUTES = sorted(
    (method, route.path_format or "")
    for route in iter_route_contexts(create_app(None).routes)
    for method in route.methods or ()
)


@pytest.fixture(scope="module")
async def own(front_door: FrontDoor) -> dict[str, str]:
    """Make a cancelled checkout of the subject `shop`, with its token, an order, and something to be sent."""
    await front_door.put_product("MATRIX")
    await front_door.put_location("MATRIX-2", priority=9)
    await front_door.receive("matrix-stock", "BER1", MATRIX=1)
    opened = await front_door.order("matrix-cancelled", lines=lines(MATRIX=1))
    checkout_id = opened.json()["checkout_id"]
    await front_door.release(checkout_id)
    tokens = front_door.wiring.reservation_tokens
    await front_door.stocked("MATRIX-ORDERED", BER1=1)
    return {
        "{own}": checkout_id,
        "{ordered}": await front_door.sold("matrix-ordered", **{"MATRIX-ORDERED": 1}),
        "{token}": tokens.make(f"{checkout_id}/1", "shop"),
    }


def test_every_route_has_an_entry_and_every_entry_a_route() -> None:
    """A route that nobody thought of is not in the table, and fails."""
    assert set(ROUTES) == set(MATRIX)


def test_a_route_without_a_policy_keeps_the_app_from_starting() -> None:
    """Seen red once: this is what happens to whoever forgets."""
    app = create_app(None)
    app.add_api_route("/forgotten", test_every_route_has_an_entry_and_every_entry_a_route)
    with pytest.raises(LookupError, match="/forgotten"):
        refuse_undeclared(app)


@pytest.mark.parametrize("route", ROUTES, ids=" ".join)
async def test_each_scope_opens_its_routes_and_no_others(
    front_door: FrontDoor, own: dict[str, str], route: tuple[str, str]
) -> None:
    """401 without a token, 403 with another scope, and the answer with the right one."""
    entry = MATRIX[route]
    if isinstance(entry.allowed, str):
        assert await _status(front_door, own, route, {}) == entry.success
        return
    assert await _status(front_door, own, route, {}) == 401
    for scope in SCOPES:
        expected = entry.success if scope in entry.allowed else 403
        assert await _status(front_door, own, route, bearer(scope)) == expected, scope


@pytest.mark.parametrize("route", ROUTES, ids=" ".join)
async def test_another_owners_object_looks_like_none(
    front_door: FrontDoor, own: dict[str, str], route: tuple[str, str]
) -> None:
    """404 with the very body of a checkout that does not exist."""
    entry = MATRIX[route]
    assert (entry.foreign is not None) == any(name in entry.path for name in OBJECTS)
    for scope, expected in (entry.foreign or {}).items():
        stranger = bearer(scope, subject="stranger")
        foreign = await _call(front_door, own, route, stranger)
        unknown = await _call(front_door, own | NOBODYS, route, stranger)
        assert foreign.status_code == expected
        if expected == 404:
            assert foreign.content == unknown.content


async def _status(
    front_door: FrontDoor, own: dict[str, str], route: tuple[str, str], token: dict[str, str]
) -> int:
    return int((await _call(front_door, own, route, token)).status_code)


async def _call(
    front_door: FrontDoor, own: dict[str, str], route: tuple[str, str], token: dict[str, str]
) -> Any:
    entry = MATRIX[route]
    path = entry.path
    for name in OBJECTS:
        path = path.replace(name, own[name])
    headers = {name: value.replace("{token}", own["{token}"]) for name, value in entry.headers}
    return await front_door.http.request(route[0], path, json=entry.json, headers=headers | token)
