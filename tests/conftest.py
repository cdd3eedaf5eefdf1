"""One real Postgres for the whole run, and a database of its own for each test that asks for one."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path, PurePosixPath
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import TupleRow
from xdist.remote import Producer  # type: ignore[import-untyped]

from dev.database import database_urls
from dev.postgres import PostgresServer, create_database, grant_application, running_postgres
from ledger.database import engine
from ledger.migrate import upgrade
from ledger.posting import Ledger
from tests.dividing import ByServers, Watch, servers_of
from tests.proof import FULL

TEMPLATE = "onhand_template"
ROOT = Path(__file__).parent
SLOWEST_FIRST = ("saga", "acceptance", "ledger", "history", "simulation", "bench", "api", "museum")
"""A long folder that is begun last keeps one process busy while the others have nothing to do."""


def pytest_configure(config: pytest.Config) -> None:
    """Hear Ctrl-C though a shell that put us in the background had it ignored: children inherit that."""
    config.pluginmanager.register(Watch())
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the slowest; within a folder the order stays random.

    What is too long for every day waits for `make prove`.
    """
    long = [item for item in items if waits_for_prove(item)]
    if long and not FULL:
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item not in long]
    items.sort(key=lambda item: _turn(servers_of(item.nodeid)))


def _turn(group: str) -> int:
    name = PurePosixPath(group).name
    return SLOWEST_FIRST.index(name) if name in SLOWEST_FIRST else len(SLOWEST_FIRST)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByServers:
    """Keep each folder on one process."""
    return ByServers(config, log)


def waits_for_prove(item: pytest.Item) -> bool:
    """Tell whether a test is marked `proof(only=True)`."""
    return any(marker.kwargs.get("only") for marker in item.iter_markers("proof"))


@dataclass(kw_only=True)
class Database:
    """One database, reached as each of the three who may log in.

    The superuser's connection stays open until the database is dropped: facts are read through it.
    """

    name: str
    owner_url: str
    application_url: str
    superuser_url: str
    _opened: ExitStack = field(default_factory=ExitStack)
    _connection: psycopg.Connection[TupleRow] | None = None

    @property
    def superuser(self) -> psycopg.Connection[TupleRow]:
        """A connection that may do everything, each statement its own transaction."""
        if self._connection is None:
            self._connection = self._opened.enter_context(
                psycopg.connect(self.superuser_url, autocommit=True)
            )
        return self._connection

    def rows(self, query: LiteralString, *parameters: Any) -> list[TupleRow]:
        """Read facts."""
        return self.superuser.execute(query, parameters).fetchall()

    def value(self, query: LiteralString, *parameters: Any) -> Any:
        """Read one fact."""
        ((only,),) = self.rows(query, *parameters)
        return only

    def run(self, statement: LiteralString, *parameters: Any) -> None:
        """Change the database behind everybody's back."""
        self.superuser.execute(statement, parameters)

    def close(self) -> None:
        """Let go of the connection, if there was one."""
        self._opened.close()


MakeDatabase = Callable[..., Database]
"""`make_database()` gives a migrated database, `make_database(empty=True)` one before any migration."""


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """Give the server; it ends with the run."""
    with running_postgres(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture(scope="session")
def template(postgres: PostgresServer) -> str:
    """Migrate once; copying the result is ten times faster than migrating again."""
    urls = create_database(postgres, TEMPLATE)
    upgrade(urls.owner_url)
    grant_application(postgres)
    return TEMPLATE


@pytest.fixture(scope="session")
def database_numbers() -> Iterator[int]:
    """Give each database of this run a number."""
    return count(1)


@pytest.fixture
def make_database(
    postgres: PostgresServer, template: str, database_numbers: Iterator[int]
) -> Iterator[MakeDatabase]:
    """Make databases that are gone after the test, whoever is still connected to them."""
    with ExitStack() as made:

        def make(*, empty: bool = False) -> Database:
            name = f"shop_{next(database_numbers)}"
            return made.enter_context(
                temporary_database(postgres, name, "template1" if empty else template)
            )

        yield make


@pytest.fixture
def database(make_database: MakeDatabase) -> Database:
    """Give a migrated database with nothing in it."""
    return make_database()


@pytest.fixture
async def ledger(database: Database) -> AsyncIterator[Ledger]:
    """Give the write path over a fresh database, as the application."""
    pool = engine(database.application_url)
    yield Ledger(pool)
    await pool.dispose()


@contextmanager
def temporary_database(postgres: PostgresServer, name: str, template: str) -> Iterator[Database]:
    """Make a copy of the template for the time of a block."""
    urls = database_urls(postgres, name)
    database = Database(
        name=name,
        owner_url=urls.owner_url,
        application_url=urls.application_url,
        superuser_url=postgres.superuser_url.rpartition("/")[0] + f"/{name}",
    )
    with psycopg.connect(postgres.superuser_url, autocommit=True) as connection:
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER onhand_owner")
        connection.execute(create.format(sql.Identifier(name), sql.Identifier(template)))
        try:
            yield database
        finally:
            database.close()
            drop = sql.SQL("DROP DATABASE {} WITH (FORCE)")
            connection.execute(drop.format(sql.Identifier(name)))
