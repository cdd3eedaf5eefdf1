"""The yardstick: pgbench posts the same reservations by hand-written statements, one transaction each."""

from __future__ import annotations

import asyncio
import re
import shutil
import tempfile
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from sqlalchemy.engine import make_url

from bench.figures import Load
from bench.ledger.shop import hashed_id, open_checkouts, sku
from dev.clean_environment import clean_environment
from dev.postgres_binaries import find_postgres
from ledger.database import Role
from ledger.posting import Ledger

SCRIPT = Path(__file__).parent / "sql" / "reserve_one.pgbench.sql"
THREADS = 2
UNEVEN = 1.3
"""How much more than its share the quickest client may do."""
LEAST_EACH = 500
"""More than a client can do in the warm-up, of which nothing is known: one without a checkout gives up."""
OPENED_AT_ONCE = 2_000


def find_pgbench() -> str | None:
    """Find pgbench beside the Postgres that runs, or else on the path."""
    beside = Path(find_postgres().program("pgbench"))
    return str(beside) if beside.exists() else shutil.which("pgbench")


class PgbenchFailedError(RuntimeError):
    """Pgbench ended badly: what it said last."""


@dataclass(kw_only=True)
class Pgbench:
    """64 prepared clients of pgbench over so many skus."""

    program: str
    url: str
    ledger: Ledger
    skus: int
    clients: int
    name: str = "spread_pgbench"
    title: str = "10,000 skus, pgbench, one transaction each"
    _rounds: count[int] = field(default_factory=count)
    _round: int = 0

    async def prepare(self, count: int) -> None:
        """Open the checkouts that the clients will name, each client's own."""
        self._round = next(self._rounds)
        each = int(max(count / self.clients, LEAST_EACH) * UNEVEN) + 1
        opened: list[tuple[str, tuple[str, ...]]] = [
            (hashed_id(f"{self._round}/{client}/{n}"), (sku(self._sku(client, n)),))
            for client in range(self.clients)
            for n in range(1, each + 1)
        ]
        for first in range(0, len(opened), OPENED_AT_ONCE):
            await open_checkouts(self.ledger, opened[first : first + OPENED_AT_ONCE])

    async def run(self, seconds: float) -> Load:
        """Run pgbench. Raises PgbenchFailedError."""
        with tempfile.TemporaryDirectory(prefix="onhand-pgbench-") as folder:
            pgbench = await asyncio.create_subprocess_exec(
                *self._command(seconds, f"{folder}/log"),
                env=clean_environment({}) | self._environment(),
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            told, complaints = await pgbench.communicate()
            rate = re.search(rb"tps = ([\d.]+)", told)
            if pgbench.returncode:
                last = complaints.decode().strip().splitlines()[-3:]
                raise PgbenchFailedError(" ".join(last))
            if rate is None:  # Nothing was done: a short warm-up on a busy machine.
                return Load.of([], seconds)
            latencies = _latencies(Path(folder))
        return Load.of(latencies, len(latencies) / float(rate[1]))

    def _sku(self, client: int, n: int) -> int:
        return (client * 7919 + n * 104729) % self.skus

    def _command(self, seconds: float, log: str) -> list[str]:
        variables = {"n": 0, "round": self._round, "skus": self.skus}
        return [
            self.program,
            "--no-vacuum",
            "--protocol=prepared",
            f"--client={self.clients}",
            f"--jobs={THREADS}",
            f"--time={max(1, round(seconds))}",
            "--log",
            f"--log-prefix={log}",
            *(f"--define={name}={value}" for name, value in variables.items()),
            f"--file={SCRIPT}",
        ]

    def _environment(self) -> dict[str, str]:
        url = make_url(self.url)
        return {
            "PGHOST": str(url.host),
            "PGPORT": str(url.port),
            "PGUSER": str(url.username),
            "PGPASSWORD": str(url.password),
            "PGDATABASE": str(url.database),
            "PGOPTIONS": f"-c role={Role.APPLICATION}",
        }


def _latencies(folder: Path) -> list[float]:
    """Read the seconds that each transaction took from pgbench's logs, one a thread."""
    return [
        int(line.split()[2]) / 1_000_000
        for log in folder.glob("log.*")
        for line in log.read_text().splitlines()
    ]
