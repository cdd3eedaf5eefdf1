"""Grounds for machines: fresh databases, and a loop that no test's own loop runs in."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests.copies import Copies
from tests.simulation.ground import MakeGround, grounds


@pytest.fixture(scope="session")
def make_ground(copies: Copies) -> Iterator[MakeGround]:
    """Give fresh databases on demand: hypothesis decides how many lives there are."""
    loop = asyncio.new_event_loop()
    yield grounds(copies, loop)
    loop.close()
