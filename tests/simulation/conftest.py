"""Grounds for machines: fresh databases, and a loop that no test's own loop runs in."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from dev.postgres import PostgresServer
from tests.simulation.ground import MakeGround, grounds


@pytest.fixture(scope="session")
def make_ground(postgres: PostgresServer, template: str) -> Iterator[MakeGround]:
    """Give fresh databases on demand: hypothesis decides how many lives there are."""
    loop = asyncio.new_event_loop()
    yield grounds(postgres, template, loop)
    loop.close()
