"""Processes of the post that may be killed at any time, and started again."""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack
from pathlib import Path

from dev.foreground import running
from dev.nats import NatsServer, find_nats
from dev.ports import free_port
from tests.integration.events.conftest import Nats
from tests.integration.ledger.shop import Shop
from tests.processes import OurProcess


class MortalNats:
    """A server that is killed and started again at the same place."""

    def __init__(self, place: Nats) -> None:
        self.server = NatsServer(
            program=find_nats(),
            directory=place.directory,
            port=place.port,
            monitoring_port=free_port({place.port}),
        )
        place.directory.mkdir()
        self.opened = ExitStack()
        self.pid = 0

    def start(self) -> None:
        """Run it."""
        log = self.server.directory / "nats.log"
        self.pid = self.opened.enter_context(running(self.server.child(log)))

    def kill(self) -> None:
        """Switch it off."""
        os.kill(self.pid, signal.SIGKILL)
        self.opened.close()


class MortalProcess:
    """A command of ours between ledger and bus, killed and started again."""

    def __init__(self, command: str, shop: Shop, nats: Nats, place: Path) -> None:
        self.command = command
        self.log = place / f"{command}.log"
        self.drills = place / f"{command}-drills"
        self.drills.mkdir()
        self.lives = 0
        self.settings = {
            "DATABASE_URL": shop.database.application_url,
            "NATS_URL": nats.url,
            "ONHAND_DRILL_DIRECTORY": str(self.drills),
            "ONHAND_SEARCH_DIRECTORY": str(place / "search"),
        }
        self.start()

    def start(self) -> None:
        """Run it."""
        self.process = OurProcess(self.command, self.log, self.settings)
        self.lives += 1

    async def is_there(self) -> bool:
        """Tell whether it is."""
        return self.log.read_text().count(f"{self.command} ready") == self.lives

    def kill(self) -> None:
        """Switch it off."""
        self.process.close()
