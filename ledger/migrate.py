"""Bring a database's schema up to this code. Run as the owner, before the new code starts."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from ledger.database import driver_url

_ADVISORY_LOCK = 7_265_001
"""Two migrations at once would race; the second waits and finds nothing left to do."""


def upgrade(owner_url: str, revision: str = "head") -> None:
    """Run every step that is missing, one migration at a time.

    Raises sqlalchemy.exc.OperationalError where the database cannot be reached.
    """
    engine = create_engine(driver_url(owner_url), poolclass=NullPool)
    config = configuration()
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _ADVISORY_LOCK})
        connection.commit()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        connection.commit()
    engine.dispose()


def head() -> str:
    """Name the newest step this code knows."""
    revision = ScriptDirectory.from_config(configuration()).get_current_head()
    assert revision is not None
    return revision


def configuration() -> Config:
    """Point Alembic at the versions beside this file."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config
