"""The application: routes, the policies that guard them, and what surrounds every request."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from api.access import public_paths, refuse_undeclared
from api.cross_origin import PublicCors
from api.description import TITLE, describe
from api.failures import translate_failures
from api.middleware import BodyLimit, LastResort, Traced
from api.routes import (
    adjustments,
    availability,
    checkouts,
    documentation,
    health,
    history,
    noticeboards,
    orders,
    policies,
    search,
    stock,
    warehouse,
    webhooks,
)
from api.wiring import Wiring
from ledger.version import VERSION

ROUTERS = (
    policies.router,
    checkouts.router,
    orders.router,
    warehouse.router,
    stock.router,
    availability.router,
    search.router,
    history.router,
    adjustments.router,
    noticeboards.router,
    webhooks.router,
    health.router,
    documentation.router,
)


class Api(FastAPI):
    """FastAPI with our description, and without what it would answer or show by itself."""

    def __init__(self, wiring: Wiring | None) -> None:
        super().__init__(
            title=TITLE,
            version=VERSION,
            openapi_url=None,
            docs_url=None,
            redoc_url=None,
            redirect_slashes=False,
            lifespan=_lifespan,
        )
        self.state.wiring = wiring

    def openapi(self) -> dict[str, Any]:
        """Give the description, made when it is first asked for."""
        if self.openapi_schema is None:
            self.openapi_schema = describe(self)
        return self.openapi_schema


def create_app(wiring: Wiring | None) -> Api:
    """Make the application; without wiring it can only be described.

    Raises LookupError where a route declares no policy.
    """
    app = Api(wiring)
    for router in ROUTERS:
        app.include_router(router)
    translate_failures(app)
    # The last one added is the outermost.
    app.add_middleware(Traced)
    app.add_middleware(BodyLimit)
    if wiring is not None and wiring.cors_origins:
        app.add_middleware(PublicCors, origins=wiring.cors_origins, paths=public_paths(app))
    app.add_middleware(LastResort)
    refuse_undeclared(app)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    wiring: Wiring = app.state.wiring
    # A route added after create_app is denied as well.
    refuse_undeclared(app)
    try:
        async with wiring.engine.running(), wiring.availability.running():
            yield
    finally:
        await wiring.ledger.drained()
        await wiring.inbox.dispose()
        await wiring.availability.dispose()
        await wiring.noticeboards.dispose()
        await wiring.database.dispose()
