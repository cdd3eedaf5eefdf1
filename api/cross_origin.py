"""Pages of other origins may read what is public, where the settings name their origin, and nothing else."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from starlette.middleware.cors import CORSMiddleware
from starlette.routing import compile_path
from starlette.types import ASGIApp, Receive, Scope, Send

TOLD = ("ETag", "Retry-After", "Availability-As-Of", "Availability-Age-Ms")
"""Headers of answers that a page may look at."""


class PublicCors:
    """CORS for these paths, `{…}` standing for any part; every other path answers as if browsers did not exist."""

    def __init__(self, app: ASGIApp, origins: Sequence[str], paths: Collection[str]) -> None:
        self.app = app
        self._open = CORSMiddleware(
            app,
            allow_origins=origins,
            allow_methods=["GET"],
            allow_headers=["If-None-Match"],
            expose_headers=TOLD,
        )
        self._paths = [compile_path(path)[0] for path in paths]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, with CORS or without."""
        asked = scope.get("path", "")
        app = self._open if any(path.match(asked) for path in self._paths) else self.app
        await app(scope, receive, send)
