"""The relay: shards that can be claimed, and the oldest events of each first."""

from __future__ import annotations

from ledger.migrations.scripts import run_scripts

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Widen the ledger; what it holds stays as it is."""
    run_scripts("v0005_relay_sql")
