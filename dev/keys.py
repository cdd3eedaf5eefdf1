"""The secrets of one dev stack: made once, kept in its state."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

from dev.private_file import read_json, write_private_json


@dataclass(frozen=True, slots=True, kw_only=True)
class StackKeys:
    """What signs and opens things in a dev stack. Worth nothing outside it."""

    payments_key: str
    webhook_secret: str
    token_secret: str
    reservation_token_keys: str
    """As settings read it: `key_id:secret`."""


MAKERS: dict[str, Callable[[], str]] = {
    "payments_key": lambda: f"sk_test_{secrets.token_hex(16)}",
    "webhook_secret": lambda: f"whsec_{secrets.token_hex(24)}",
    "token_secret": lambda: secrets.token_urlsafe(48),
    "reservation_token_keys": lambda: f"dev:{secrets.token_urlsafe(32)}",
}


def kept_keys(path: Path) -> StackKeys:
    """Read the keys in that file; missing ones are made and written."""
    kept = read_json(path)
    names = [field.name for field in fields(StackKeys)]
    complete = {name: str(kept.get(name) or MAKERS[name]()) for name in names}
    if complete != kept:
        write_private_json(path, complete)
    return StackKeys(**complete)
