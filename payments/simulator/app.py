"""The simulator put together: one till, a teller for requests, a postman for webhooks."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from fastapi import FastAPI

from payments.simulator.page import page_routes
from payments.simulator.postman import Postman
from payments.simulator.refusals import Refusal
from payments.simulator.routes import answer_refusal, changing_routes, reading_routes
from payments.simulator.settlement import Settlement
from payments.simulator.switchboard import fault_routes
from payments.simulator.teller import Teller
from payments.simulator.till import Till


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorSettings:
    """Where the simulator keeps its state, which key it accepts, whom it tells (no URL: nobody)."""

    state: Path
    api_key: str = field(repr=False)
    webhook_url: str | None = None
    webhook_secret: str = field(default="", repr=False)


def build_app(settings: SimulatorSettings) -> FastAPI:
    """Open the till, and build the application on it; it closes the till when it shuts down.

    Raises:
        JournalUnusable: the state file is in use, or damaged.

    """
    till = Till.open(settings.state, int(time.time()))
    teller = Teller(till, api_key=settings.api_key, tells=settings.webhook_url is not None)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            stack.callback(till.close)
            await stack.enter_async_context(Settlement(till, teller))
            if settings.webhook_url is not None:
                url, secret = settings.webhook_url, settings.webhook_secret
                await stack.enter_async_context(Postman(till, url=url, secret=secret))
            yield

    app = FastAPI(lifespan=lifespan, openapi_url=None)
    app.add_exception_handler(Refusal, answer_refusal)
    app.include_router(changing_routes(till, teller))
    app.include_router(reading_routes(till, teller))
    app.include_router(page_routes(till, teller))
    app.include_router(fault_routes(till, teller))
    return app
