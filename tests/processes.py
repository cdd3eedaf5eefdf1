"""Commands of ours as processes of a test: started, killed, and none left; or run to their end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from dev.clean_environment import clean_environment
from tests.warm import WarmProcess

ROOT = Path(__file__).parents[1]
GRACE_SECONDS = 15
PATIENCE_SECONDS = 60


class OurProcess:
    """`onhand COMMAND`, told nothing but these settings."""

    def __init__(self, command: str, log: Path, settings: dict[str, str], *options: str) -> None:
        self.log = log
        log.touch()
        self.process = WarmProcess(
            [command, *options],
            environment={**clean_environment(os.environ), **settings},
            stdout=log,
            stderr=log,
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
        """End it if it still runs, as a machine that is switched off would."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(GRACE_SECONDS)


def ran(
    *words: str, environment: dict[str, str], cold: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run `onhand …` to its end, and give all that it printed; a cold one is begun from nothing, as by a person."""
    if cold:
        return subprocess.run(
            [sys.executable, "-m", "cli", *words],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
    with TemporaryDirectory() as place:
        printed, said = Path(place, "printed"), Path(place, "said")
        process = WarmProcess(words, environment=environment, stdout=printed, stderr=said)
        try:
            status = process.wait(PATIENCE_SECONDS)
        finally:
            process.kill()
        return subprocess.CompletedProcess(words, status, printed.read_text(), said.read_text())
