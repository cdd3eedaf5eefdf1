"""Who may call what: every route declares one policy, and an app with a route that declares none does not start."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Any

from fastapi import Depends, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import RouteContext, iter_route_contexts
from starlette.requests import Request

from api.problems import Problem
from api.tokens import Caller
from api.wiring import Wiring

UNAUTHENTICATED = {"WWW-Authenticate": 'Bearer realm="onhand"'}


class Scope(StrEnum):
    """What a token may allow. `seller:<id>` is not listed: it is a family of its own."""

    CHECKOUT = "checkout"
    STOCK_READ = "stock:read"
    STOCK_WRITE = "stock:write"
    WAREHOUSE = "warehouse"
    OPERATOR = "operator"


class Policy:
    """Base of all: what stands between the street and a route."""

    name: str

    async def __call__(self, request: Request) -> None:
        """Let the request pass, or raise the problem that refuses it."""
        raise NotImplementedError


class Public(Policy):
    """Anybody, but not as often as they like. Only for what tells no secret.

    Each purpose is counted by itself: a storefront that asks too much keeps nobody from asking whether we live.
    """

    name = "public"

    def __init__(self, purpose: str) -> None:
        self.purpose = purpose

    async def __call__(self, request: Request) -> None:
        """Let everybody pass whose address has not asked too often."""
        wiring: Wiring = request.app.state.wiring
        wiring.public_limit.count(self.purpose, request.client.host if request.client else None)


class Signed(Policy):
    """Whoever signs the body; the route itself verifies it."""

    name = "signed"

    async def __call__(self, request: Request) -> None:
        """Let everybody pass as far as the signature."""


class Scoped(Policy):
    """A valid token with any one of these scopes."""

    def __init__(self, scopes: Iterable[Scope]) -> None:
        self.scopes = tuple(scopes)
        self.name = " or ".join(self.scopes)

    async def __call__(self, request: Request) -> None:
        """Find out who calls, before anything else of the request is looked at."""
        wiring: Wiring = request.app.state.wiring
        caller = await wiring.tokens.verify(request.headers.getlist("authorization"))
        if caller is None:
            raise Problem("unauthenticated", headers=UNAUTHENTICATED)
        if caller.scopes.isdisjoint(self.scopes):
            raise Problem("forbidden")
        request.state.caller = caller


PUBLIC: Any = Depends(Public("public"))
HEALTH: Any = Depends(Public("health"))
SIGNED: Any = Depends(Signed())


def requires(*scopes: Scope) -> Any:
    """Declare a route's policy: a valid token with any one of these scopes."""
    return Depends(Scoped(scopes))


async def _caller(request: Request) -> Caller:
    caller: Caller = request.state.caller
    return caller


CallerOf = Annotated[Caller, Depends(_caller)]
"""Whoever the route's policy let in."""


def policy_of(route: RouteContext) -> Policy | None:
    """Give the one policy that a route declares; None where there is none, or more than one."""
    dependant = getattr(route, "dependant", None)
    if not isinstance(dependant, Dependant):
        return None
    found = [part.call for part in dependant.dependencies if isinstance(part.call, Policy)]
    return found[0] if len(found) == 1 else None


def public_paths(app: FastAPI) -> list[str]:
    """List the paths that anybody may ask."""
    return [
        route.path or ""
        for route in iter_route_contexts(app.routes)
        if isinstance(policy_of(route), Public)
    ]


def refuse_undeclared(app: FastAPI) -> None:
    """Raise LookupError, naming them, where routes declare no policy: what nobody thought of is denied."""
    undeclared = [
        route.path for route in iter_route_contexts(app.routes) if policy_of(route) is None
    ]
    if undeclared:
        message = f"routes without a policy: {undeclared}"
        raise LookupError(message)
