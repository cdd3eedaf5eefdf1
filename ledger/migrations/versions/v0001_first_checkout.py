"""The ledger that a first checkout needs: stock and movements, reservations, checkouts, orders, money, post.

Every constraint has a name and a comment that says what it prevents. Text ids are COLLATE "C": bytes
compare the same on every platform, so rows are locked in one order everywhere.
"""

from __future__ import annotations

from ledger.migrations.scripts import run_scripts

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make everything, guard it, then say who may do what."""
    run_scripts("v0001_first_checkout_sql")
