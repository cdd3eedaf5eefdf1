"""An embedded Postgres for the time of a block: what tests and tools use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dev.accounts import Account
from dev.database import (
    DatabaseUrls,
    PostgresServer,
    create_database,
    grant_application,
)
from dev.foreground import running
from dev.lock import held_lock
from dev.ports import free_port
from dev.postgres_cluster import open_cluster

__all__ = [
    "DatabaseUrls",
    "PostgresServer",
    "create_database",
    "grant_application",
    "running_postgres",
]


@contextmanager
def running_postgres(
    directory: Path, *, port: int | None = None, account: Account | None = None
) -> Iterator[PostgresServer]:
    """Run the cluster kept in `directory` (made if missing), and end it with the block.

    It ends with the thread that entered the block, too, however that ends. Its log is
    `directory/postgres.log`.

    Raises: MissingProgramError, AlreadyRunningError, StateVersionError, DidNotStartError.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with held_lock(directory / "lock"):
        cluster = open_cluster(directory, port=port or free_port(), account=account)
        with running(cluster.child(directory / "postgres.log")) as pid:
            yield PostgresServer(directory, cluster.superuser_url, cluster.port, pid)
