"""The relay process: carries events from the outbox to the bus until it is told to stop."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import structlog

from events.jetstream import JetStreamBus
from events.relay import Relay
from ledger import outbox
from ledger.database import Role
from ledger.database import engine as open_engine
from ledger.outgoing import Outbox
from settings.model import (
    BusSettings,
    DatabaseSettings,
    DrillSettings,
    RelaySettings,
    TelemetrySettings,
)
from worker.alarm import ChannelAlarm
from worker.loops import ended, run_loop
from worker.process import begun

log = structlog.get_logger("worker.relay")

CONNECTIONS = 3
"""One listens, one carries, one looks at the backlog."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayProcessSettings:
    """Everything the relay process is told."""

    database: DatabaseSettings
    bus: BusSettings
    relay: RelaySettings
    telemetry: TelemetrySettings
    drill: DrillSettings

    @classmethod
    def read(cls) -> RelayProcessSettings:
        """Read the environment. Raises pydantic.ValidationError naming what is missing."""
        return cls(
            database=DatabaseSettings(),
            bus=BusSettings(),
            relay=RelaySettings(),
            telemetry=TelemetrySettings(),
            drill=DrillSettings(),
        )


async def run(settings: RelayProcessSettings) -> None:
    """Run until SIGTERM or SIGINT. What is under way is given up, and carried again by whoever comes next."""
    stop = begun(settings.telemetry, settings.drill)
    database = open_engine(
        settings.database.database_url.get_secret_value(),
        pool_size=CONNECTIONS,
        name="onhand-relay",
        role=Role.RELAY,
    )
    bus = JetStreamBus(
        settings.bus.nats_url.get_secret_value(),
        replicas=settings.bus.bus_replicas,
        name="onhand-relay",
    )
    alarm = ChannelAlarm(database, outbox.CHANNEL)
    relay = Relay(Outbox(database), bus)
    intervals = settings.relay
    loops = [
        asyncio.create_task(loop)
        for loop in (
            run_loop("relay", relay.round, intervals.relay_interval_seconds, alarm),
            run_loop("backlog", relay.look, intervals.backlog_interval_seconds),
        )
    ]
    log.info("relay ready")
    await stop.wait()
    log.info("relay stopping")
    await ended(loops)
    await alarm.close()
    await bus.close()
    await database.dispose()
