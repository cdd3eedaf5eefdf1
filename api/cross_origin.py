"""Pages of other origins may read what is public, where the settings name their origin, and nothing else."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send


class PublicCors:
    """CORS for these paths; every other path answers as if browsers did not exist."""

    def __init__(self, app: ASGIApp, origins: Sequence[str], paths: Collection[str]) -> None:
        self.app = app
        self._open = CORSMiddleware(app, allow_origins=origins, allow_methods=["GET"])
        self._paths = frozenset(paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, with CORS or without."""
        app = self._open if scope.get("path") in self._paths else self.app
        await app(scope, receive, send)
