"""One Postgres cluster under our own lifecycle: made once, started on a port, ended when left over."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg

from dev.accounts import Account, choose_account
from dev.child import ChildSpec
from dev.clean_environment import clean_environment
from dev.errors import DidNotStartError, StateVersionError
from dev.ports import HOST
from dev.postgres_binaries import find_postgres
from dev.postgres_home import PostgresHome, make_home, own
from dev.private_file import write_private
from dev.processes import (
    ProcessIdentity,
    end_process,
    identify,
    wait_until_gone,
    working_in,
)

STOP_SIGNAL = signal.SIGINT
"""Postgres' fast shutdown: sessions are cut off, everything is written."""
SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",  # Their paths have a limit of 107 bytes; TCP has none.
    "max_connections": "200",
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
    "random_page_cost": "1.1",
    "jit": "off",  # Compiling costs more than it saves in short statements.
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "log_lock_waits": "on",
}


@dataclass(frozen=True, slots=True)
class PostgresCluster:
    """A cluster on disk, with what is needed to start it and to connect to it."""

    directory: Path
    home: PostgresHome
    account: Account
    password: str
    port: int

    @property
    def superuser_url(self) -> str:
        """For the stack's own needs; the application has roles of its own."""
        return f"postgresql://postgres:{self.password}@{HOST}:{self.port}/postgres"

    def command(self) -> tuple[str, ...]:
        """Say what to run; the caller ties it to itself with the account's tether options."""
        settings = SETTINGS | self.home.binaries.password_settings()
        data = str(self.home.data)
        return (
            self.home.binaries.program("postgres"),
            *("-D", data, "-p", str(self.port)),
            *_options(settings),
        )

    def child(self, log: Path) -> ChildSpec:
        """Describe the cluster as a process to keep."""
        return ChildSpec(
            name="postgres",
            command=self.command(),
            environment=clean_environment(os.environ),
            log=log,
            ready=lambda _started: self.answers(),
            prepare=self.prepare,
            stop_signal=STOP_SIGNAL,
            stop_grace_seconds=30.0,
            tether_options=self.account.tether_options,
        )

    def prepare(self) -> None:
        """Make it startable: its data directory exists, and nothing of an earlier start is in the way."""
        if not self.home.data.exists():
            _initialize(self)
        _refuse_other_major(self.home)
        end_leftover_postgres(self.home.data)

    def answers(self) -> bool:
        """Tell whether it takes connections."""
        try:
            psycopg.connect(self.superuser_url, connect_timeout=2, sslmode="disable").close()
        except psycopg.OperationalError:
            return False
        return True


def open_cluster(directory: Path, *, port: int, account: Account | None = None) -> PostgresCluster:
    """Open the cluster kept in `directory`, which exists; nothing is started.

    Raises: MissingProgramError.
    """
    binaries = find_postgres()
    account = account or choose_account(binaries.program("postgres"), directory)
    home = make_home(directory, account, binaries)
    return PostgresCluster(directory, home, account, _kept_password(directory), port)


def end_leftover_postgres(data: Path) -> None:
    """End what an earlier, killed supervisor left on this data directory, found by that directory alone."""
    pid_file = data / "postmaster.pid"
    recorded = _recorded_postmaster(pid_file)
    living = working_in(data, "postgres")
    for process in living:
        if recorded is not None and process.pid == recorded.pid:
            end_process(process, first=STOP_SIGNAL, grace_seconds=30)
    # Sessions outlive a killed postmaster for a moment, and hold its shared memory.
    if not wait_until_gone(living, deadline_seconds=10):
        for process in living:
            end_process(process, first=signal.SIGQUIT, grace_seconds=5)
    # What is left speaks of a dead process; Postgres would refuse if its id is in use again.
    pid_file.unlink(missing_ok=True)


def _recorded_postmaster(pid_file: Path) -> ProcessIdentity | None:
    try:
        first = pid_file.read_text().split("\n", 1)[0]
    except FileNotFoundError:
        return None
    return identify(int(first)) if first.isdecimal() else None


def _options(settings: Mapping[str, str]) -> list[str]:
    return [part for pair in settings.items() for part in ("-c", "=".join(pair))]


def _kept_password(directory: Path) -> str:
    path = directory / "superuser-password"
    if not path.exists():
        write_private(path, secrets.token_urlsafe(24))
    return path.read_text()


def _initialize(cluster: PostgresCluster) -> None:
    """Make the data directory; it gets its name only when it is whole."""
    half = cluster.home.folder / "data.new"
    shutil.rmtree(half, ignore_errors=True)
    password_file = cluster.home.folder / "initdb-password"
    write_private(password_file, cluster.password)
    try:
        made = cluster.account.run(
            [
                cluster.home.binaries.program("initdb"),
                f"--pgdata={half}",
                "--username=postgres",
                "--auth=scram-sha-256",
                f"--pwfile={own(password_file, cluster.account)}",
                "--encoding=UTF8",
                *cluster.home.binaries.locale_options(),
                *_options(cluster.home.binaries.password_settings()),
                "--data-checksums",
            ]
        )
    finally:
        password_file.unlink()
    if made.returncode != 0:
        lines = made.stderr.strip().splitlines() or ["it said nothing"]
        message = f"initdb could not make {half}: {lines[-1]}"
        raise DidNotStartError(message)
    half.rename(cluster.home.data)


def _refuse_other_major(home: PostgresHome) -> None:
    kept = (home.data / "PG_VERSION").read_text().strip()
    if kept != str(home.binaries.major):
        message = (
            f"{home.data} was written by Postgres {kept}, and Postgres {home.binaries.version} is what "
            "is installed: `onhand dev --fresh` starts over."
        )
        raise StateVersionError(message)
