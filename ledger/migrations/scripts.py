"""Running the SQL files of a migration, in the order of their names."""

from __future__ import annotations

from pathlib import Path

from alembic import context, op

VERSIONS = Path(__file__).parent / "versions"


def run_scripts(folder: str) -> None:
    """Run every file of a folder beside the migration, each as one script.

    A script has no parameters and goes over as it stands: several statements, and no character of it
    means anything to the driver.
    """
    for script in sorted((VERSIONS / folder).glob("*.sql")):
        if context.is_offline_mode():
            op.execute(script.read_text())
        else:
            options = {"no_parameters": True}
            op.get_bind().exec_driver_sql(script.read_text(), execution_options=options)
