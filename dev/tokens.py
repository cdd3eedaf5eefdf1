"""Tokens for a dev stack, signed with the secret it generated for itself."""

from __future__ import annotations

import time

import jwt

from dev.runtime import Runtime

AN_HOUR = 3_600


def signed(
    runtime: Runtime,
    scopes: list[str],
    *,
    subject: str = "dev",
    customer: str | None = None,
    seconds: int = AN_HOUR,
) -> str:
    """Sign a token that this stack accepts."""
    now = int(time.time())
    claims: dict[str, str | int] = {
        "iss": runtime.token_issuer,
        "aud": runtime.token_audience,
        "sub": subject,
        "scope": " ".join(scopes),
        "iat": now,
        "exp": now + seconds,
    }
    if customer is not None:
        claims["customer_id"] = customer
    return jwt.encode(claims, runtime.token_secret, algorithm="HS256")
