"""One real Postgres for the whole run, and a database of its own for each test that asks for one."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path, PurePosixPath

import pytest
from xdist.remote import Producer  # type: ignore[import-untyped]

from dev.postgres import PostgresServer, create_database, grant_application, running_postgres
from ledger.database import engine
from ledger.migrate import upgrade
from ledger.posting import Ledger
from tests.collecting import Collecting
from tests.copies import Copies, Database, MakeDatabase
from tests.dividing import ByServers, Watch, servers_of
from tests.proof import FULL

TEMPLATE = "onhand_template"
ROOT = Path(__file__).parent
SLOWEST_FIRST = (
    "saga",
    "ledger",
    "acceptance",
    "projections",
    "history",
    "api",
    "simulation",
    "bench",
    "museum",
)
"""A long folder that is begun last keeps one process busy while the others have nothing to do."""


def pytest_configure(config: pytest.Config) -> None:
    """Hear Ctrl-C though a shell that put us in the background had it ignored: children inherit that."""
    config.pluginmanager.register(Watch())
    config.pluginmanager.register(Collecting())
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
def copies(postgres: PostgresServer, template: str) -> Iterator[Copies]:
    """Give copies of the template, and of an empty database."""
    with Copies(postgres, template) as made:
        yield made


@pytest.fixture
def make_database(copies: Copies) -> Iterator[MakeDatabase]:
    """Make databases that are gone after the test, whoever is still connected to them."""
    with ExitStack() as made:

        def make(*, empty: bool = False) -> Database:
            return made.enter_context(copies.one(empty=empty))

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
