"""Everything a route may reach, put together once at the start."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.requests import Request

from api.availability.feed import AvailabilityFeed
from api.checkout_engine import CheckoutEngine
from api.rate_limits import PublicLimit
from api.reservation_tokens import ReservationTokens
from api.tokens import TokenVerifier
from ledger.posting import Ledger
from projections.search.reading import SearchReader
from settings.model import CheckoutSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """The ledger, the engine, and what requests are judged by."""

    ledger: Ledger
    inbox: AsyncEngine
    """Where webhooks are stored, by a role that may do nothing else."""
    engine: CheckoutEngine
    tokens: TokenVerifier
    reservation_tokens: ReservationTokens
    webhook_secrets: tuple[str, ...]
    checkout: CheckoutSettings
    step_seconds: int = 10
    cors_origins: tuple[str, ...] = ()
    availability: AvailabilityFeed
    noticeboards: AsyncEngine
    """Where noticeboards are read: however long that takes, nobody who buys waits for a connection."""
    public_limit: PublicLimit = field(default_factory=lambda: PublicLimit(0))
    search: SearchReader | None = None
    """None where no directory is named: then nothing is found."""

    @property
    def database(self) -> AsyncEngine:
        """Where questions are asked."""
        return self.ledger.engine


async def _wiring(request: Request) -> Wiring:
    wiring: Wiring = request.app.state.wiring
    return wiring


WiringOf = Annotated[Wiring, Depends(_wiring)]
