"""The shop of these exhibits, whose books are checked when a test is over, and a way to say how large it was."""

from __future__ import annotations

from tests.history.conftest import say
from tests.integration.ledger.conftest import shop

__all__ = ["say", "shop"]
