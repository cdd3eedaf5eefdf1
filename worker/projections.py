"""The projections' process: keeps the noticeboards until it is told to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from events.connection import Connection
from ledger.database import Role
from ledger.database import engine as open_engine
from ledger.outgoing import Outbox
from projections.analytics.analytics import Analytics
from projections.availability.board import Availability
from projections.board.board import Board
from projections.dead_letters import DeadLetters
from projections.generations import Generations
from projections.keeping import Keeper
from projections.projection import Projection
from projections.rebuilding import Desk
from projections.search.board import Search
from projections.search.index import Indexes
from settings.model import (
    BusSettings,
    DatabaseSettings,
    DrillSettings,
    ProjectionSettings,
    SearchSettings,
    TelemetrySettings,
)
from worker.loops import ended, run_loop
from worker.process import begun

log = structlog.get_logger("worker.projections")

NAME = "onhand-projections"
CONNECTIONS = 12
"""Of each noticeboard: one heeds, one looks, one may hold the lock of a rebuild."""
AFTER_FAILURE_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectionProcessSettings:
    """Everything the process is told."""

    database: DatabaseSettings
    bus: BusSettings
    projections: ProjectionSettings
    search: SearchSettings
    telemetry: TelemetrySettings
    drill: DrillSettings

    @classmethod
    def read(cls) -> ProjectionProcessSettings:
        """Read the environment. Raises pydantic.ValidationError naming what is missing."""
        return cls(
            database=DatabaseSettings(),
            bus=BusSettings(),
            projections=ProjectionSettings(),
            search=SearchSettings(),
            telemetry=TelemetrySettings(),
            drill=DrillSettings(),
        )


class NotKeptError(Exception):
    """There is no noticeboard of this name to be kept here."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no noticeboard {name}")
        self.name = name


class AtOnce:
    """A pause that is none: the round itself waits for events."""

    async def wait(self, seconds: float) -> None:  # noqa: ARG002 - as every alarm
        """Let others have their turn."""
        await asyncio.sleep(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """The noticeboards and what they are kept with, opened once for a process or a command."""

    engine: AsyncEngine
    desk: Desk
    projections: Sequence[Projection]

    @classmethod
    def open(cls, settings: ProjectionProcessSettings) -> Office:
        """Put it together; nothing is connected yet."""
        engine = open_engine(
            settings.database.database_url.get_secret_value(),
            pool_size=CONNECTIONS,
            name=NAME,
            role=Role.PROJECTIONS,
        )
        connection = Connection(
            settings.bus.nats_url.get_secret_value(),
            replicas=settings.bus.bus_replicas,
            name=NAME,
        )
        desk = Desk(
            generations=Generations(engine),
            letters=DeadLetters(engine),
            outbox=Outbox(engine),
            connection=connection,
        )
        return cls(engine=engine, desk=desk, projections=list(_kept(engine, settings)))

    def named(self, name: str) -> Projection:
        """Give one of them. Raises NotKeptError."""
        for projection in self.projections:
            if projection.name == name:
                return projection
        raise NotKeptError(name)

    async def close(self) -> None:
        """Close everything."""
        await self.desk.connection.close()
        await self.engine.dispose()


def _kept(engine: AsyncEngine, settings: ProjectionProcessSettings) -> Iterator[Projection]:
    yield Availability(engine)
    yield Board(engine)
    yield Analytics(engine)
    directory = settings.search.search_directory
    if directory:
        yield Search(engine, Indexes(Path(directory)))


async def run(settings: ProjectionProcessSettings, only: Sequence[str] = ()) -> None:
    """Run until SIGTERM or SIGINT. What is under way is given up, and heeded again by whoever comes next.

    Keeps those that are named, or all. Raises NotKeptError where one of them is not there to be kept.
    """
    office = Office.open(settings)
    try:
        kept = [office.named(name) for name in only] or office.projections
        stop = begun(settings.telemetry, settings.drill)
        loops = list(_begun_loops(office.desk, kept, settings.projections))
        log.info("projections ready")
        await stop.wait()
        log.info("projections stopping")
        await ended(loops)
    finally:
        await office.close()


def _begun_loops(
    desk: Desk, kept: Sequence[Projection], settings: ProjectionSettings
) -> Iterator[asyncio.Task[None]]:
    keepers = [Keeper(desk, projection) for projection in kept]
    for keeper in keepers:
        heed = run_loop(keeper.projection.name, keeper.round, AFTER_FAILURE_SECONDS, AtOnce())
        yield asyncio.create_task(heed)
    look = partial(_look, desk, keepers)
    yield asyncio.create_task(run_loop("freshness", look, settings.freshness_interval_seconds))


async def _look(desk: Desk, keepers: Sequence[Keeper]) -> None:
    """Tell of all how fresh they are. One that cannot keeps no other from it; then raises what the first raised."""
    for keeper in keepers:
        await keeper.grow_old()
    mark = await desk.mark()
    looks = [keeper.look(mark) for keeper in keepers]
    for failed in await asyncio.gather(*looks, return_exceptions=True):
        if failed is not None:
            raise failed
