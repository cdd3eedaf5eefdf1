"""`python -m payments.simulator`: run the simulator as a process, until it is told to end.

Prints one JSON line, `{"payments": url}`, once it answers.
"""

from __future__ import annotations

import argparse
import json
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import uvicorn
from fastapi import FastAPI

from payments.simulator.app import SimulatorSettings, build_app
from payments.simulator.connection import CuttableConnection
from payments.simulator.journal import JournalUnusable

# Longer than clients keep an idle connection: one that is reused just as we close it looks like a
# lost reply.
KEEP_ALIVE_SECONDS: Final = 75
SHUTDOWN_SECONDS: Final = 3
BACKLOG: Final = 1_024


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, and return the exit status."""
    told = _parser().parse_args(arguments)
    settings = SimulatorSettings(
        state=told.state,
        api_key=told.api_key,
        webhook_url=told.webhook_url,
        webhook_secret=told.webhook_secret,
    )
    try:
        with _listen(told.host, told.port) as listening:
            _serve(build_app(settings), listening)
    except (JournalUnusable, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _serve(app: FastAPI, listening: socket.socket) -> None:
    config = uvicorn.Config(
        app,
        access_log=False,
        log_level="warning",
        http=CuttableConnection,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )
    # After its orderly end, uvicorn raises the signal that asked for it once more.
    with suppress(KeyboardInterrupt):
        _AnnouncingServer(config, _url(listening)).run(sockets=[listening])


class _AnnouncingServer(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, url: str) -> None:
        super().__init__(config)
        self._url = url

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            sys.stdout.write(json.dumps({"payments": self._url}) + "\n")
            sys.stdout.flush()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With its protocol named, unlike `create_server`: else asyncio leaves Nagle's algorithm on, and
    # each reply, written as head and body, waits 40 ms for the other side's delayed ACK.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(BACKLOG)
    except OSError:
        listening.close()
        raise
    return listening


def _url(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m payments.simulator", description=__doc__)
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: %(default)s)"
    )
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 takes a free one")
    parser.add_argument("--state", type=Path, required=True, help="file that keeps the state")
    parser.add_argument("--webhook-url", help="where webhooks are posted; without it none are made")
    parser.add_argument("--webhook-secret", default="", help="secret that webhooks are signed with")
    parser.add_argument("--api-key", required=True, help="the key that callers must present")
    return parser


if __name__ == "__main__":
    sys.exit(main())
