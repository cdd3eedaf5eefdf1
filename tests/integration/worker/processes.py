"""`onhand worker` as processes of a test: started, killed, and none left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from dev.clean_environment import clean_environment
from dev.temporal import NAMESPACE
from tests.workflows.shop import Shop
from tests.workflows.till import KEY

ROOT = Path(__file__).parents[3]
GRACE_SECONDS = 15


class WorkerProcess:
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
        self.log = log
        self.environment = {
            **clean_environment(os.environ),
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
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "cli", self.command],
                cwd=ROOT,
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def end(self) -> int:
        """Ask it to end, and give its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(GRACE_SECONDS)

    def left_behind(self) -> bool:
        """Tell whether any process of its group is still there."""
        try:
            os.killpg(self.process.pid, 0)
        except ProcessLookupError:
            return False
        return True

    async def says(self, words: str) -> bool:
        """Tell whether its log has these words."""
        return words in self.log.read_text()

    def close(self) -> None:
        """End it if it still runs."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(GRACE_SECONDS)


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
