"""Whose token it is: JWTs of one issuer, checked with one secret (HS256) or the keys that the issuer publishes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jwt
import structlog

from ledger import ids
from ledger.errors import Transient
from settings.model import TokenSettings

LEEWAY_SECONDS = 5
"""For clocks that differ a little, and no more."""
JWKS_TIMEOUT_SECONDS = 3
SECRET_BYTES_LEAST = 32
_TOKEN = re.compile(r"[A-Za-z0-9_=-]{1,6000}(?:\.[A-Za-z0-9_=-]{1,6000}){2}")
_SUBJECT = re.compile(r"[\x21-\x7e]{1,255}")
_PUBLISHED = ("RS256", "ES256")

log = structlog.get_logger()


class TokenSettingsError(Exception):
    """The settings name no key, or one that anybody could guess."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who calls. `subject` owns what is made; with a `customer_id` only that customer may be named."""

    subject: str
    scopes: frozenset[str]
    customer_id: str | None


class TokenVerifier:
    """Checks tokens. Which key a token is checked with follows from its algorithm, never the other way."""

    def __init__(self, settings: TokenSettings) -> None:
        self._issuer = settings.token_issuer
        self._audience = settings.token_audience
        self._secret = settings.token_secret.get_secret_value() if settings.token_secret else None
        self._published = _published(settings.token_jwks_url)
        _refuse_weak(self._secret, self._published)

    async def verify(self, headers: Sequence[str]) -> Caller | None:
        """Tell who the headers Authorization prove; None where they prove nobody.

        Raises Transient where the issuer's keys cannot be had.
        """
        token = _bearer(headers)
        if token is None:
            return None
        try:
            algorithm = jwt.get_unverified_header(token).get("alg")
            claims = await self._claims(token, algorithm)
        except jwt.PyJWKClientConnectionError as error:
            raise Transient("issuer-unavailable") from error
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError) as error:
            log.info("token_refused", error=type(error).__name__)
            return None
        return _caller(claims)

    async def _claims(self, token: str, algorithm: object) -> Mapping[str, Any]:
        if algorithm == "HS256" and self._secret is not None:
            return self._decoded(token, self._secret, "HS256")
        if algorithm in _PUBLISHED and self._published is not None:
            # It may ask the issuer, and does so with a blocking client.
            key = await asyncio.to_thread(self._published.get_signing_key_from_jwt, token)
            return self._decoded(token, key, str(algorithm))
        raise jwt.InvalidAlgorithmError

    def _decoded(self, token: str, key: Any, algorithm: str) -> Mapping[str, Any]:
        return jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            audience=self._audience,
            issuer=self._issuer,
            leeway=LEEWAY_SECONDS,
            options={"require": ["exp", "iss", "aud", "sub"]},
        )


def _bearer(headers: Sequence[str]) -> str | None:
    if len(headers) != 1:
        return None
    kind, _, token = headers[0].partition(" ")
    if kind.lower() != "bearer" or _TOKEN.fullmatch(token) is None:
        return None
    return token


def _caller(claims: Mapping[str, Any]) -> Caller | None:
    subject, customer = claims["sub"], claims.get("customer_id")
    if not isinstance(subject, str) or _SUBJECT.fullmatch(subject) is None:
        return None
    if customer is not None and not _is_customer(customer):
        return None
    return Caller(subject=subject, scopes=_scopes(claims.get("scope")), customer_id=customer)


def _is_customer(claim: object) -> bool:
    return isinstance(claim, str) and re.fullmatch(ids.LONG_ID_PATTERN, claim) is not None


def _scopes(claim: object) -> frozenset[str]:
    if isinstance(claim, str):
        return frozenset(claim.split(" ")) - {""}
    if isinstance(claim, list):
        return frozenset(scope for scope in claim if isinstance(scope, str))
    return frozenset()


def _published(url: str | None) -> jwt.PyJWKClient | None:
    return jwt.PyJWKClient(url, timeout=JWKS_TIMEOUT_SECONDS) if url else None


def _refuse_weak(secret: str | None, published: jwt.PyJWKClient | None) -> None:
    if secret is None and published is None:
        message = "Set ONHAND_TOKEN_SECRET or ONHAND_TOKEN_JWKS_URL: whose tokens are valid?"
        raise TokenSettingsError(message)
    if secret is not None and len(secret.encode()) < SECRET_BYTES_LEAST:
        message = f"ONHAND_TOKEN_SECRET needs at least {SECRET_BYTES_LEAST} bytes."
        raise TokenSettingsError(message)
