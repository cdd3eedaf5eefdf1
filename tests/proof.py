"""How large a proof is: a fixed share of it in `make test`, the whole behind `make prove`."""

from __future__ import annotations

import os

FULL = os.environ.get("ONHAND_PROOF") == "full"


def size(*, share: int, full: int) -> int:
    """Choose how much to try; the figures an issue names are the full ones."""
    return full if FULL else share
