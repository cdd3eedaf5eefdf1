"""The token with which a reservation is extended and cancelled: derived, so it is the same on every replay."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping


class ReservationTokens:
    """Makes tokens with the first key, and knows those of all."""

    def __init__(self, keys: Mapping[str, str]) -> None:
        """Take secrets by key id, the signing one first; there must be one."""
        self._keys = {key_id: secret.encode() for key_id, secret in keys.items()}
        self._signing = next(iter(self._keys))

    def make(self, reservation_id: str, owner: str) -> str:
        """Give the token of a reservation to its owner."""
        return self._made(self._signing, reservation_id, owner)

    def fits(self, token: str, reservation_id: str, owner: str) -> bool:
        """Tell whether a token is this reservation's, under any of the keys."""
        given = token.encode()
        # All are compared, so that the time taken tells nothing.
        matches = [
            hmac.compare_digest(self._made(key_id, reservation_id, owner).encode(), given)
            for key_id in self._keys
        ]
        return any(matches)

    def _made(self, key_id: str, reservation_id: str, owner: str) -> str:
        # A NUL is in none of the three, so no two triples read the same.
        signed = f"{key_id}\0{reservation_id}\0{owner}".encode()
        digest = hmac.digest(self._keys[key_id], signed, hashlib.sha256)
        return f"{key_id}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"
