"""The environment that our own servers and processes start from."""

from __future__ import annotations

import os
from collections.abc import Mapping

FOREIGN_PREFIXES = ("PG", "TEMPORAL_", "STRIPE_")
"""Set by somebody for other servers; they would silently change where ours connect."""
LOCAL = {
    # A proxy in the shell must not stand between our processes.
    "NO_PROXY": "127.0.0.1,localhost",
    "no_proxy": "127.0.0.1,localhost",
    # Nor may a profile in the home directory make the worker bring a key to our engine, or ask it for TLS.
    "TEMPORAL_CONFIG_FILE": os.devnull,
}


def clean_environment(caller: Mapping[str, str]) -> dict[str, str]:
    """Leave out what speaks of other servers, and add what keeps our processes among themselves."""
    kept = {name: value for name, value in caller.items() if not name.startswith(FOREIGN_PREFIXES)}
    return kept | LOCAL
