"""The shops of these exhibits: one of a ledger alone, whose books are checked when a test is over, and a whole one."""

from __future__ import annotations

from tests.history.conftest import say
from tests.integration.events.conftest import away, bus, running_bus
from tests.integration.ledger.conftest import shop
from tests.integration.worker.conftest import (
    counter,
    engine_room,
    own_shop,
    shop_database,
    till,
    wire,
)
from tests.workflows.conftest import forward

__all__ = [
    "away",
    "bus",
    "counter",
    "engine_room",
    "forward",
    "own_shop",
    "running_bus",
    "say",
    "shop",
    "shop_database",
    "till",
    "wire",
]
