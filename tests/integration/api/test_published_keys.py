"""Tokens of a real issuer: RS256 and ES256, with the keys that it publishes."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from pydantic import SecretStr

from api.tokens import TokenVerifier
from dev.ports import free_port
from ledger.errors import Transient
from settings.model import TokenSettings

RSA_KEY = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())


class Issuer(BaseHTTPRequestHandler):
    """Publishes two keys at any path."""

    def do_GET(self) -> None:
        """Answer with the keys."""
        keys = [
            RSAAlgorithm.to_jwk(RSA_KEY.public_key(), as_dict=True) | {"kid": "r", "alg": "RS256"},
            ECAlgorithm.to_jwk(EC_KEY.public_key(), as_dict=True) | {"kid": "e", "alg": "ES256"},
        ]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"keys": keys}).encode())

    def log_message(self, *_words: object) -> None:
        """Say nothing."""


@contextmanager
def issuer() -> Iterator[str]:
    """Run the issuer for the time of a block."""
    with HTTPServer(("127.0.0.1", 0), Issuer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/keys"
        server.shutdown()


def signed(key: Any, algorithm: str, kid: str, **changed: Any) -> list[str]:
    """Make the header of a token."""
    claims = {"iss": "onhand", "aud": "onhand", "sub": "shop", "exp": time.time() + 60}
    token = jwt.encode(claims | changed, key, algorithm=algorithm, headers={"kid": kid})
    return [f"Bearer {token}"]


async def test_tokens_of_published_keys_and_no_others() -> None:
    """Another key under a known name, an unknown name, and another algorithm prove nobody."""
    with issuer() as url:
        verifier = TokenVerifier(TokenSettings(token_jwks_url=url))
        another = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
        good = [signed(RSA_KEY, "RS256", "r"), signed(EC_KEY, "ES256", "e")]
        bad = [
            signed(another, "RS256", "r"),
            signed(RSA_KEY, "RS256", "nobody"),
            signed(RSA_KEY, "RS512", "r"),
            signed(RSA_KEY, "RS256", "e"),
            signed(RSA_KEY, "RS256", "r", exp=1),
        ]
        assert [await verifier.verify(headers) is not None for headers in good] == [True, True]
        assert [await verifier.verify(headers) for headers in bad] == [None] * len(bad)


async def test_the_public_key_is_no_secret() -> None:
    """Signed with HS256 and the published key's own text: the oldest trick against such verifiers."""
    pem = RSA_KEY.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    with issuer() as url:
        settings = TokenSettings(token_jwks_url=url, token_secret=SecretStr("s" * 40))
        verifier = TokenVerifier(settings)
        header, claims, _ = signed("s" * 40, "HS256", "r")[0].removeprefix("Bearer ").split(".")
        digest = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
        proof = jwt.utils.base64url_encode(digest.sign(f"{header}.{claims}".encode(), pem)).decode()
        assert await verifier.verify([f"Bearer {header}.{claims}.{proof}"]) is None


async def test_an_issuer_that_is_away_refuses_nobody_for_good() -> None:
    """503, and the caller comes back."""
    verifier = TokenVerifier(TokenSettings(token_jwks_url=f"http://127.0.0.1:{free_port()}/keys"))
    with pytest.raises(Transient):
        await verifier.verify(signed(RSA_KEY, "RS256", "r"))
