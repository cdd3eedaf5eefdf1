"""`onhand worker` as processes of a test: started, killed, and none left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from dev.temporal import NAMESPACE
from tests.processes import OurProcess
from tests.workflows.shop import Shop
from tests.workflows.till import KEY


class WorkerProcess(OurProcess):
    """`onhand worker`, with short intervals."""

    command = "worker"

    def __init__(
        self,
        shop: Shop,
        log: Path,
        *,
        address: str,
        namespace: str,
        drills: str = "",
        **settings: str,
    ) -> None:
        settings = {
            "DATABASE_URL": shop.database.application_url,
            "STRIPE_API_BASE": shop.till.url,
            "STRIPE_API_KEY": KEY,
            "TEMPORAL_ADDRESS": address,
            "TEMPORAL_NAMESPACE": namespace,
            "ONHAND_RESERVATION_TOKEN_KEYS": "a:secret",
            "ONHAND_TASK_QUEUE": shop.queue,
            "ONHAND_REAPER_INTERVAL_SECONDS": "0.1",
            "ONHAND_REAPER_GRACE_SECONDS": "0",
            "ONHAND_ORPHAN_INTERVAL_SECONDS": "0.1",
            "ONHAND_ORPHAN_GRACE_SECONDS": "0",
            "ONHAND_START_TO_CLOSE_SECONDS": "2",
            "ONHAND_STICKY_SCHEDULE_TO_START_SECONDS": "1",
            "ONHAND_DRILL_DIRECTORY": drills,
            **settings,
        }
        super().__init__(self.command, log, settings)


class ApiProcess(WorkerProcess):
    """`onhand api`, at the same shop."""

    command = "api"


Employ = Callable[..., WorkerProcess]


@pytest.fixture
def employ(own_shop: Shop, tmp_path: Path) -> Iterator[Employ]:
    """Start workers, and see that none is left."""
    with ExitStack() as stack:

        def start(address: str, namespace: str = NAMESPACE, *, drills: str = "") -> WorkerProcess:
            worker = WorkerProcess(
                own_shop,
                tmp_path / "worker.log",
                address=address,
                namespace=namespace,
                drills=drills,
            )
            stack.callback(worker.close)
            return worker

        yield start
