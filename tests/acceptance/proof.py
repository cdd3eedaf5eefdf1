"""How large a proof is: a fixed share of it in `make test`, the figures of the design in `make prove`."""

from __future__ import annotations

import os

FULL = os.environ.get("ONHAND_PROOF") == "full"


def size(*, share: int, full: int) -> int:
    """Choose by ONHAND_PROOF, and print it with the test's output."""
    chosen = full if FULL else share
    print(f"size {chosen} of {full}")  # noqa: T201 - the proof says how large it was
    return chosen
