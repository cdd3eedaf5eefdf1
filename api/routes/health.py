"""Whether the process lives, and whether it can do its work."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter
from starlette.responses import Response

from api.access import HEALTH
from api.answers import Alive
from api.problems import RETRY_SECONDS, Problem
from api.wiring import Wiring, WiringOf
from ledger import migrate
from ledger.errors import Transient
from ledger.reading.schema import schema_revision

router = APIRouter(tags=["health"])

_HEAD = migrate.head()


@router.get("/healthz", dependencies=[HEALTH], response_model=Alive)
async def get_health() -> Response:
    """Answer. Nothing else is looked at: a process is not restarted because its database is away."""
    return Alive(status="alive").response()


@router.get("/readyz", dependencies=[HEALTH], response_model=Alive)
async def get_readiness(wiring: WiringOf) -> Response:
    """Tell whether a checkout could be made now, and otherwise what is missing."""
    found = await asyncio.gather(_missing_of_database(wiring), wiring.engine.missing())
    missing = [name for names in found for name in names]
    if missing:
        raise Problem("not-ready", headers={"Retry-After": str(RETRY_SECONDS)}, missing=missing)
    return Alive(status="ready").response()


async def _missing_of_database(wiring: Wiring) -> list[str]:
    try:
        revision = await schema_revision(wiring.database)
    except Transient:
        return ["database"]
    return [] if revision == _HEAD else [f"schema {_HEAD}"]
