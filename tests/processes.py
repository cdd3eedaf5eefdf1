"""Commands of ours as processes of a test: started, killed, and none left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from dev.clean_environment import clean_environment

ROOT = Path(__file__).parents[1]
GRACE_SECONDS = 15


class OurProcess:
    """`onhand COMMAND`, told nothing but these settings."""

    def __init__(self, command: str, log: Path, settings: dict[str, str], *options: str) -> None:
        self.log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "cli", command, *options],
                cwd=ROOT,
                env={**clean_environment(os.environ), **settings},
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
        """End it if it still runs, as a machine that is switched off would."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(GRACE_SECONDS)
