"""The API's process: settings read once, the application wired and served until a signal ends it."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import uvicorn
from prometheus_client import start_http_server
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from uvicorn.config import STARTUP_FAILURE

from activities.tracing import Tracing
from api.app import create_app
from api.availability.feed import AvailabilityFeed
from api.checkout_engine import CheckoutEngine
from api.rate_limits import PublicLimit
from api.reservation_tokens import ReservationTokens
from api.serving import ApiServer, allow_connections
from api.tokens import TokenVerifier
from api.wiring import Wiring
from ledger.database import Role, engine
from ledger.drills import arm_drills
from ledger.posting import Ledger
from projections.search.index import Indexes
from projections.search.reading import SearchReader
from settings.logging import configure
from settings.model import (
    ApiSettings,
    CheckoutSettings,
    DatabaseSettings,
    DrillSettings,
    EngineSettings,
    ReservationTokenSettings,
    SearchSettings,
    TelemetrySettings,
    TokenSettings,
    WebhookSettings,
)
from settings.temporal import temporal_profile

SHUTDOWN_SECONDS = 10
"""How long requests under way may take to end."""
WEBHOOK_POOL_SIZE = 3
"""Storing an event takes a few milliseconds; a storm of them must not take the connections of buyers."""
FEED_POOL_SIZE = 2
"""Readers share a query, so one reads and one is to spare."""
NOTICEBOARD_POOL_SIZE = 4
"""For searches and reports. Buyers keep connections of their own."""
CONNECTIONS_BESIDE_STREAMS = 1_024
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def serve() -> None:
    """Serve until SIGTERM or SIGINT; requests under way are answered first.

    Raises pydantic.ValidationError and TokenSettingsError, before anything is opened, where the
    settings will not do.
    """
    telemetry, settings = TelemetrySettings(), ApiSettings()
    wiring = wired()
    configure(telemetry.log_level, telemetry.log_format)
    arm_drills(DrillSettings().drill_directory)
    if telemetry.metrics_port:
        start_http_server(telemetry.metrics_port)
    for number in STOP_SIGNALS:
        # uvicorn takes them while it serves, and raises them again when it has ended well.
        signal.signal(number, lambda _number, _frame: None)
    allow_connections(settings.stream_listeners + CONNECTIONS_BESIDE_STREAMS)
    server = ApiServer(
        uvicorn.Config(
            create_app(wiring),
            host=settings.api_host,
            port=settings.api_port,
            access_log=False,
            log_config=None,
            lifespan="on",
            server_header=False,
            proxy_headers=bool(settings.proxies()),
            forwarded_allow_ips=list(settings.proxies()),
            timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        ),
        wiring.availability,
    )
    server.run()
    if not server.started:
        sys.exit(STARTUP_FAILURE)


def wired() -> Wiring:
    """Put together what the settings name; nothing is connected yet."""
    database, engine_settings, settings = DatabaseSettings(), EngineSettings(), ApiSettings()
    checkout = CheckoutSettings()
    noticeboards = engine(
        database.database_url.get_secret_value(),
        pool_size=NOTICEBOARD_POOL_SIZE,
        name="onhand-noticeboards",
    )
    return Wiring(
        ledger=Ledger(
            engine(
                database.database_url.get_secret_value(),
                pool_size=database.database_pool_size,
                name="onhand-api",
            )
        ),
        noticeboards=noticeboards,
        inbox=engine(
            database.database_url.get_secret_value(),
            pool_size=WEBHOOK_POOL_SIZE,
            name="onhand-webhooks",
            role=Role.WEBHOOK,
        ),
        engine=CheckoutEngine(
            _connect,
            task_queue=engine_settings.task_queue,
            wait_seconds=settings.api_wait_seconds,
        ),
        tokens=TokenVerifier(TokenSettings()),
        reservation_tokens=ReservationTokens(ReservationTokenSettings().token_keys()),
        webhook_secrets=WebhookSettings().secrets(),
        checkout=checkout,
        step_seconds=engine_settings.start_to_close_seconds,
        cors_origins=settings.origins(),
        availability=AvailabilityFeed(
            reading=engine(
                database.database_url.get_secret_value(),
                pool_size=FEED_POOL_SIZE,
                name="onhand-feed",
            ),
            line=engine(
                database.database_url.get_secret_value(), pool_size=1, name="onhand-availability"
            ),
            budget_seconds=settings.lag_budget_seconds,
            most_listeners=settings.stream_listeners,
            streams_per_address=settings.streams_per_address,
        ),
        public_limit=PublicLimit(settings.public_requests_per_minute),
        search=_search(noticeboards, SearchSettings().search_directory),
    )


def _search(database: AsyncEngine, directory: str) -> SearchReader | None:
    return SearchReader(database, Indexes(Path(directory))) if directory else None


async def _connect() -> Client:
    return await Client.connect(
        **temporal_profile(), data_converter=pydantic_data_converter, interceptors=[Tracing()]
    )
