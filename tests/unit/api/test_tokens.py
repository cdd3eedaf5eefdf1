"""Which tokens prove somebody. Every refusal looks the same from outside."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from api.tokens import TokenSettingsError, TokenVerifier
from settings.model import TokenSettings

SECRET = "a-secret-that-only-this-test-knows"
VERIFIER = TokenVerifier(TokenSettings(token_secret=SecretStr(SECRET)))


def claims(**changed: Any) -> dict[str, Any]:
    """Write good claims, but for these; None leaves one out."""
    good = {
        "iss": "onhand",
        "aud": "onhand",
        "sub": "shop",
        "exp": time.time() + 60,
        "scope": "checkout",
    }
    return {name: claim for name, claim in (good | changed).items() if claim is not None}


def token(secret: str = SECRET, algorithm: str = "HS256", **changed: Any) -> str:
    """Sign them."""
    return jwt.encode(claims(**changed), secret, algorithm=algorithm)


def unsigned() -> str:
    """Write a token that says it needs no signature."""
    parts = [json.dumps(part).encode() for part in ({"alg": "none", "typ": "JWT"}, claims())]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts) + "."


async def test_a_good_token_proves_its_subject() -> None:
    caller = await VERIFIER.verify([f"Bearer {token(customer_id='ANNA')}"])
    assert caller is not None
    assert (caller.subject, caller.customer_id) == ("shop", "ANNA")
    assert caller.scopes == {"checkout"}


@pytest.mark.parametrize(
    ("scope", "scopes"),
    [
        ("checkout  operator", {"checkout", "operator"}),
        (["checkout", "seller:ACME", 7], {"checkout", "seller:ACME"}),
        (None, set()),
        (7, set()),
    ],
)
async def test_scopes_are_words_or_a_list(scope: Any, scopes: set[str]) -> None:
    """What cannot be read allows nothing."""
    caller = await VERIFIER.verify([f"bearer {token(scope=scope)}"])
    assert caller is not None
    assert caller.scopes == scopes


@pytest.mark.parametrize(
    "changed",
    [
        {"exp": None},
        {"exp": 1},
        {"exp": "soon"},
        {"nbf": 4_000_000_000},
        {"iss": "somebody"},
        {"iss": None},
        {"aud": "something"},
        {"aud": None},
        {"sub": None},
        {"sub": ""},
        {"sub": "a b"},
        {"sub": "x" * 256},
        {"sub": "a\0b"},
        {"customer_id": "A B"},
        {"customer_id": ["ANNA"]},
        {"customer_id": ""},
    ],
    ids=str,
)
async def test_claims_that_prove_nobody(changed: dict[str, Any]) -> None:
    assert await VERIFIER.verify([f"Bearer {token(**changed)}"]) is None


async def test_an_expired_token_has_a_few_seconds_and_no_more() -> None:
    """For clocks that differ a little."""
    assert await VERIFIER.verify([f"Bearer {token(exp=time.time() - 2)}"]) is not None
    assert await VERIFIER.verify([f"Bearer {token(exp=time.time() - 11)}"]) is None


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [""],
        ["Bearer"],
        ["Bearer "],
        ["Basic c2hvcDpzaG9w"],
        [f"Bearer {token()} "],
        [f"Bearer {token()}", f"Bearer {token()}"],
        [f"Bearer {token(secret='another-secret-of-at-least-32-bytes')}"],
        [f"Bearer {token(secret=SECRET * 2, algorithm='HS512')}"],
        [f"Bearer {unsigned()}"],
        [f"Bearer {token()[:-2]}"],
        [f"Bearer {'a' * 70_000}.b.c"],
    ],
)
async def test_headers_that_prove_nobody(headers: list[str]) -> None:
    assert await VERIFIER.verify(headers) is None


async def test_a_token_of_another_family_is_not_tried_with_the_secret() -> None:
    """No published keys are set here, so RS256 has no key to be checked with."""
    private = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    signed = jwt.encode(claims(), private, algorithm="RS256")
    assert await VERIFIER.verify([f"Bearer {signed}"]) is None


@given(
    text=st.text()
    | st.from_regex(r"Bearer [A-Za-z0-9_-]{0,40}\.[A-Za-z0-9_-]{0,40}\.[A-Za-z0-9_-]{0,9}")
)
async def test_no_header_breaks_the_verifier(text: str) -> None:
    assert await VERIFIER.verify([text]) is None


@pytest.mark.parametrize("secret", [None, SecretStr(""), SecretStr("short")])
def test_a_verifier_needs_a_key_that_nobody_guesses(secret: SecretStr | None) -> None:
    with pytest.raises(TokenSettingsError):
        TokenVerifier(TokenSettings(token_secret=secret))
